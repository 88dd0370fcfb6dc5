// What is picked, and the bar that acts on it.
import { button, counted } from "./dom.js"

export class Picks {
  /** `kept` is a set that outlives the page. */
  constructor(kept, source, changed) {
    this.ids = kept
    this.source = source
    this.changed = changed
    this.anchor = ""
  }

  has(id) { return this.ids.has(id) }
  get size() { return this.ids.size }

  toggle(ids) {
    const add = !ids.every(id => this.ids.has(id))
    for (const id of ids) this.ids[add ? "add" : "delete"](id)
    this.anchor = ids[0]
    this.changed()
  }

  /** Picks all from the one picked last to this. */
  range(ids) {
    const from = this.source.index(this.anchor), to = this.source.index(ids[0])
    if (from < 0 || to < 0) return this.toggle(ids)
    for (const { id } of this.source.tiles.slice(Math.min(from, to), Math.max(from, to) + 1)) this.ids.add(id)
    for (const id of ids) this.ids.add(id)
    this.changed()
  }

  all() {
    for (const { id } of this.source.tiles) this.ids.add(id)
    this.changed()
  }

  none() {
    this.ids.clear()
    this.anchor = ""
    this.changed()
  }

  remove(ids) {
    for (const id of ids) this.ids.delete(id)
    this.changed()
  }
}

export class Bar {
  /** `acts` are what its buttons do, each given the ids. */
  constructor(element, picks, acts) {
    this.element = element
    this.picks = picks
    this.acts = acts
  }

  draw(trash) {
    const { element, picks, acts } = this
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.does : ""
    element.hidden = picks.size === 0
    if (element.hidden) return element.replaceChildren()
    const does = (name, words, iconName) => button(words, iconName, () => acts[name]([...picks.ids]), { data: { does: name }, title: words })
    const offered = trash
      ? [does("restore", "Restore", "restore_from_trash"), does("purge", "Delete for good", "delete_forever")]
      : [does("star", "Star", "star"), does("unstar", "No star", "star_border"), ...(picks.size >= 2 && picks.size <= 9 ? [does("compare", "Compare", "compare")] : []), does("download", "Download", "download"), does("remove", "Delete", "delete")]
    const count = Object.assign(document.createElement("span"), { className: "picked", textContent: `${picks.size.toLocaleString("en")} picked` })
    element.replaceChildren(count, ...offered, button("Pick none", "close", () => picks.none(), { data: { does: "none" }, title: "Pick none (Esc)", className: "end" }))
    if (focused) element.querySelector(`[data-does="${focused}"]`)?.focus()
  }

  said(count, what) { return `${counted(count, "picture")} ${what}` }
}
