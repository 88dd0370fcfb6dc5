// What the gallery shows: pictures of one query, read page after page by key, in both directions from where one came in.

/** What a query is in an address, and to the studio. */
export function addressed({ q = "", order = "newest", trash = false }) {
  const params = new URLSearchParams()
  if (q) params.set("q", q)
  if (order !== "newest") params.set("order", order)
  if (trash) params.set("trash", "")
  return params
}

/** Asks the studio for JSON. Raises an Error whose message can be shown. */
export async function asked(address, options = {}) {
  let answer
  try {
    answer = await fetch(address, options)
  } catch (error) {
    throw new Error("The studio does not answer. What is shown may be old.")
  }
  if (answer.status === 401) throw new Error("The login has ended. Reload the page to log in again.")
  const told = answer.status === 204 ? null : await answer.json().catch(() => null)
  if (!answer.ok) throw new Error(told?.detail ?? `The studio answered ${answer.status}.`)
  return told
}

export class Source {
  /** `changed(anew)` hears that there is more or less, or with `anew` something else altogether. */
  constructor(changed, amiss) {
    this.changed = changed
    this.amiss = amiss
    this.turn = 0
    this.waiting = {}
    this.put({}, { tiles: [], damaged: [], previous: null, next: null })
  }

  put(query, { tiles, damaged, previous, next }) {
    this.query = query
    this.tiles = tiles
    this.damaged = new Set(damaged)
    this.previous = previous
    this.next = next
    this.waiting = {}
    this.number()
  }

  number() {
    this.places = new Map(this.tiles.map((tile, index) => [tile.id, index]))
  }

  tile(id) { return this.tiles[this.places.get(id)] }
  index(id) { return this.places.get(id) ?? -1 }

  /** Shows another query, from the picture `at` on, from the `end`, or from the beginning; whether that was not
   * overtaken by another. What was shown stays until it is there. */
  async open(query, { at = "", end = false } = {}) {
    const turn = ++this.turn
    try {
      const found = await asked(`/gallery/tiles.json?${this.params(query, { ...(at && { at }), ...(end && { back: "" }) })}`)
      if (turn !== this.turn) return false
      this.put(query, found)
      this.amiss("")
    } catch (error) {
      if (turn === this.turn) this.amiss(error.message)
      return false
    }
    this.changed(true)
    return true
  }

  params(query, more) {
    const params = addressed(query)
    for (const [name, value] of Object.entries(more)) params.set(name, value)
    return params
  }

  /** Reads on at one end, "next" or "previous"; whether there was more. */
  more(end) {
    if (this[end] === null) return Promise.resolve(false)
    return (this.waiting[end] ??= this.read(end))
  }

  async read(end) {
    const turn = this.turn
    const back = end === "previous" ? { back: "" } : {}
    try {
      const found = await asked(`/gallery/tiles.json?${this.params(this.query, { cursor: this[end], ...back })}`)
      if (turn !== this.turn) return false
      const fresh = found.tiles.filter(tile => !this.places.has(tile.id))
      this.tiles = end === "next" ? this.tiles.concat(fresh) : fresh.concat(this.tiles)
      this[end] = found[end]
      found.damaged.forEach(id => this.damaged.add(id))
      this.number()
      this.waiting[end] = null
      this.amiss("")
      this.changed(false)
      return true
    } catch (error) {
      if (turn === this.turn) {
        this.waiting[end] = null
        this.amiss(error.message)
      }
      return false
    }
  }

  /** Takes pictures out. */
  remove(ids) {
    const gone = new Set(ids)
    this.tiles = this.tiles.filter(tile => !gone.has(tile.id))
    for (const id of gone) this.damaged.delete(id)
    this.number()
    this.changed(false)
  }

  /** Where a picture that may not be among them would stand. */
  spot(id, place) {
    const index = this.index(id)
    if (index >= 0) return index
    const newest = this.query.order !== "oldest"
    const after = this.tiles.findIndex(tile => (newest ? tile.place < place : tile.place > place))
    return (after < 0 ? this.tiles.length : after) - 0.5
  }
}
