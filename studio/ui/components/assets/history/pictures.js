// Pictures and their recipes, fetched before they are asked for.
import { imageOf, thumbOf } from "./dom.js"
import { asked } from "./source.js"

const WHOLE_MAX = 9, SMALL_MAX = 40, RECORDS_MAX = 60

/** Values by name, of which the ones asked for last are kept. */
class Kept {
  constructor(most, begin) {
    this.most = most
    this.begin = begin
    this.found = new Map()
  }

  get(id) {
    const found = this.found.get(id) ?? this.begin(id)
    this.found.delete(id)
    this.found.set(id, found)
    if (this.found.size > this.most) this.found.delete(this.found.keys().next().value)
    return found
  }

  peek(id) { return this.found.get(id) }
  forget(id) { this.found.delete(id) }
}

function decoded(src) {
  const image = new Image()
  const told = { image, there: false }
  image.src = src
  image.decode().then(() => { told.there = true }, () => {})
  return told
}

export class Pictures {
  constructor() {
    this.whole = new Kept(WHOLE_MAX, id => decoded(imageOf(id)))
    this.small = new Kept(SMALL_MAX, id => decoded(thumbOf(id)))
    this.records = new Kept(RECORDS_MAX, id => {
      const told = asked(`/api/v1/generations/${id}`)
      told.catch(() => this.records.forget(id)) // asked again the next time
      return told
    })
  }

  /** Records may have changed. */
  forget() { this.records.found.clear() }

  /** The picture, or its small one, decoded; null where neither is there yet. */
  ready(id) {
    const found = [this.whole.peek(id), this.small.peek(id)].find(each => each?.there)
    return found?.image ?? null
  }
}
