// What stands below the recipe: the tree that the picture belongs to, and the same picture again. Loaded when it is first
// looked at.
import { make } from "./dom.js"

export class Family {
  /** `on` hears `opened(id)`, `compare(ids)` and `look(address)`. */
  constructor(aside, on) {
    this.on = on
    this.again = make("div")
    this.tree = make("div")
    aside.append(this.tree, this.again)
  }

  use({ kin }) { this.from = kin }

  leave() {
    this.gone = true
    for (const part of this.parts ?? []) part.leave()
  }

  async show(id) {
    this.id = id
    this.loading ??= Promise.all([this.from.lineage, this.from.again].map(each => import(new URL(each, document.baseURI).href)))
    const [{ LineageTree }, { Again }] = await this.loading
    if (this.gone || id !== this.id) return
    this.parts ??= [new LineageTree(this.tree, this.on), new Again(this.again, this.on)]
    for (const part of this.parts) part.show(id)
  }
}
