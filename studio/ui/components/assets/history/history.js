// History: the gallery of all pictures, and one of them large. Its page's address is this script's alone.
import * as acts from "./acts.js"
import { BringIn } from "./bring_in.js"
import { counted, imageOf, isTyping, later, make } from "./dom.js"
import { Finding } from "./finding.js"
import { Lightbox } from "./lightbox.js"
import { Bar, Picks } from "./picks.js"
import { Source, addressed, asked } from "./source.js"
import { Tiles } from "./tiles.js"

const PLACE_MS = 250, NEWER_MS = 5000, SAID_MS = 12_000
const SIZES = ["small", "medium", "large"]
const OURS = ["q", "order", "trash", "at", "picture", "compare"]

// What outlives a walk to another page of the studio in this tab.
const kept = ((window.fibo ??= {}).history ??= { picks: new Set(), address: "" })

const views = new WeakMap()

export function show(args) {
  const { parentElement } = args
  if (!views.has(parentElement)) views.set(parentElement, new View(parentElement.querySelector(".fibo-history")))
  views.get(parentElement).update(args)
}

export function leave(parentElement) {
  views.get(parentElement)?.leave()
  views.delete(parentElement)
}

class View {
  constructor(root) {
    this.root = root
    for (const name of ["head", "order", "fold", "trash", "count", "amiss", "newer", "rows", "nothing", "heard"]) {
      this[name] = root.querySelector(`.${name}`)
    }
    this.finding = new Finding(root, { look: () => this.look(), say: words => this.say(words) })
    this.field = this.finding.field
    this.path = location.pathname
    this.saidN = null
    this.leaving = new Set() // pictures that are being deleted
    this.source = new Source(anew => this.changed(anew), words => this.sayAmiss(words))
    this.picks = new Picks(kept.picks, this.source, () => this.drawPicks())
    this.tiles = new Tiles(this.rows, this.head, this.source, {
      opened: id => this.open(id),
      toggled: id => this.picks.toggle(this.tiles.behind(id)),
      ranged: id => this.picks.range(this.tiles.behind(id)),
      moved: () => this.keepPlace(),
      near: end => this.source.more(end),
      isPicked: id => this.picks.has(id),
      isPicking: () => this.picks.isAny,
    })
    this.tiles.size = SIZES.includes(stored("size")) ? stored("size") : "medium"
    this.tiles.folds = stored("fold") === "yes"
    this.bar = new Bar(root, this.picks, {
      star: () => this.label(this.picked, { favorite: !this.allStarred }),
      rate: rating => this.label(this.picked, { rating }),
      tag: (name, add) => this.label(this.picked, add ? { add_tags: [name] } : { remove_tags: [name] }),
      collect: (name, add) => this.label(this.picked, add ? { add_to: [name] } : { remove_from: [name] }),
      compare: () => this.compare([...this.picks.ids]),
      download: () => this.download(this.picked),
      remove: () => this.remove(this.picked),
      restore: () => this.restore(this.picked),
      purge: () => this.purge(this.picks.whole ? null : [...this.picks.ids]),
      names: async kind => (await acts.api("GET", { tag: "/tags", collect: "/collections" }[kind])).items.map(each => each.name),
    })
    this.lightbox = new Lightbox(root, this.source, {
      star: (id, favorite) => this.label({ ids: [id] }, { favorite }),
      rate: (id, rating) => this.label({ ids: [id] }, { rating }),
      pick: id => this.picks.toggle([id]),
      remove: id => this.remove({ ids: [id] }),
      save: id => acts.save(`${imageOf(id)}?download=1`),
      way: (kind, id) => this.tell("way", { kind, id }),
      shown: id => this.address({ picture: id }),
      linked: id => this.goTo(id),
      compare: ids => this.compare(ids),
      closed: id => this.closed(id),
      isPicked: id => this.picks.has(id),
    })
    this.bringIn = new BringIn(root, { added: given => this.cameIn(given), failed: words => this.say(words) })
    this.keepPlace = later(PLACE_MS, () => { if (this.begun && !this.lightbox.isOpen) this.address({ at: this.isAtTop ? "" : this.tiles.first }) })
    this.listen()
    this.begin()
  }

  leave() {
    this.keepPlace.stop()
    this.finding.leave()
    clearInterval(this.asking)
    clearTimeout(this.sayTimer)
    removeEventListener("popstate", this.popped)
    document.removeEventListener("keydown", this.pressed)
    this.bringIn.leave()
    this.tiles.leave()
    this.lightbox.leave()
    this.comparing?.leave()
    this.gone = true
  }

  update({ data, setTriggerValue }) {
    this.tell = setTriggerValue
    this.data = data
    this.lightbox.begin(data)
    if (this.asksToCompare) this.compare(this.asksToCompare)
    this.asksToCompare = null
    if (data.said.number !== this.saidN) {
      if (this.saidN !== null && data.said.text) this.say(data.said.text)
      this.saidN = data.said.number
    }
  }

  listen() {
    this.field.addEventListener("keydown", event => {
      if (event.key !== "ArrowDown" || event.defaultPrevented || !this.tiles.first) return
      event.preventDefault()
      this.tiles.reveal(this.tiles.first)
    })
    this.order.onchange = () => this.look()
    this.trash.onclick = () => this.look({ trash: !this.query.trash })
    this.fold.onclick = () => {
      this.tiles.folds = !this.tiles.folds
      this.tiles.unfolded.clear()
      store("fold", this.tiles.folds ? "yes" : "no")
      this.drawHead()
      this.tiles.keeping(() => this.tiles.lay())
    }
    for (const each of this.root.querySelectorAll("[data-size]")) {
      each.onclick = () => {
        this.tiles.size = each.dataset.size
        store("size", each.dataset.size)
        this.drawHead()
        this.tiles.keeping(() => this.tiles.lay())
      }
    }
    this.newer.onclick = () => this.toNewest()
    this.rows.addEventListener("keydown", event => this.press(event))
    this.pressed = event => {
      if (event.key === "Escape" && !event.defaultPrevented && !isTyping(event) && !this.lightbox.isOpen && !this.comparing?.isOpen && this.picks.isAny) this.picks.none()
    }
    document.addEventListener("keydown", this.pressed)
    this.popped = () => { if (location.pathname === this.path) this.follow() }
    addEventListener("popstate", this.popped)
    this.asking = setInterval(() => { if (!document.hidden) this.askNewer() }, NEWER_MS)
  }

  // the address

  get asked() { return new URLSearchParams(location.search) }

  get query() { return this.source.query }

  /** Where the address, or what is kept of this tab, leads. */
  async begin() {
    const here = this.asked
    const params = OURS.some(name => here.has(name)) ? here : new URLSearchParams(kept.address)
    const query = { q: params.get("q") ?? "", order: params.get("order") === "oldest" ? "oldest" : "newest", trash: params.has("trash") }
    const picture = here.get("picture") ?? ""
    this.field.value = query.q
    this.order.value = query.order
    const at = params.get("at") ?? picture
    if (picture) this.openLinked(picture)
    this.asksToCompare = here.get("compare")?.split(",")
    await this.source.open(query, { at })
    if (this.gone) return
    if (at) this.tiles.reveal(at, { focus: false, top: at !== picture })
    this.begun = true
    this.address(picture ? {} : { at }) // what is kept of this tab stands in the address too
    this.askNewer()
  }

  /** Writes into the address what is given, and what the gallery shows. */
  address(given) {
    if (this.gone || location.pathname !== this.path) return
    const here = this.asked, params = addressed(this.query)
    for (const name of ["at", "picture", "compare"]) {
      const value = given[name] ?? here.get(name)
      if (value) params.set(name, value)
    }
    for (const [name, value] of here) if (!OURS.includes(name)) params.append(name, value)
    const text = params.toString()
    if (text !== here.toString()) history.replaceState(history.state, "", `${this.path}${text ? `?${text}` : ""}`)
    params.delete("picture")
    params.delete("compare")
    kept.address = params.toString()
  }

  /** The browser went back or forth. */
  follow() {
    this.going = false
    const picture = this.asked.get("picture")
    if (!picture && this.lightbox.isOpen) {
      this.pushed = false
      this.lightbox.close()
    } else if (picture && picture !== this.lightbox.id) this.openLinked(picture)
  }

  /** Opens a picture that may be in no tile. */
  goTo(id) {
    this.address({ picture: id })
    this.openLinked(id)
  }

  /** Shows pictures side by side, over whatever is open. */
  async compare(ids) {
    const { kin, stage, markup } = this.data
    const { CompareView } = await import(new URL(kin.compare, document.baseURI).href)
    if (this.gone) return
    this.comparing ??= new CompareView(this.root, { stage, markup }, {
      opened: id => {
        this.comparing.close()
        this.goTo(id)
      },
      shown: shown => this.address({ compare: shown.join(",") }),
      closed: () => this.address({ compare: "" }),
    })
    this.comparing.show(ids)
  }

  // the gallery

  /** Shows what the fields ask for now. */
  async look(more = {}) {
    const query = { q: this.field.value.trim(), order: this.order.value, trash: this.query.trash ?? false, ...more }
    if (query.trash !== this.query.trash) this.picks.none()
    if (!(await this.source.open(query))) return
    this.tiles.toTop()
    this.newerCursor = undefined
    this.newer.hidden = true
    this.address({ at: "" })
    this.askNewer()
  }

  get isAtTop() { return this.tiles.seen.top <= 0 }

  changed(anew) {
    if (anew) this.tiles.lay()
    else this.tiles.keeping(() => this.tiles.lay())
    this.drawHead()
    this.drawNothing()
    this.drawDamaged()
    if (this.query !== this.countedFor) this.ask()
    if (this.lightbox.isOpen) this.lightbox.draw()
  }

  async ask() {
    const { query } = this
    this.countedFor = query
    try {
      if (!(await this.finding.tell(query)) || this.gone) return
      this.drawPicks()
      this.drawNothing()
      if (query.q) this.heard.textContent = [`${this.count.textContent} found.`, ...this.finding.missed].join(" ")
    } catch (error) {
      this.count.textContent = ""
    }
  }

  /** Counts anew what the search finds. */
  recount() {
    this.countedFor = null
    this.ask()
  }

  drawHead() {
    this.trash.setAttribute("aria-pressed", String(Boolean(this.query.trash)))
    this.fold.setAttribute("aria-pressed", String(this.tiles.folds))
    for (const each of this.root.querySelectorAll("[data-size]")) {
      each.setAttribute("aria-pressed", String(each.dataset.size === this.tiles.size))
    }
  }

  drawNothing() {
    const { q, trash } = this.query
    this.nothing.hidden = this.source.tiles.length > 0 || this.source.damaged.size > 0
    if (this.nothing.hidden) return
    const way = (words, onclick) => make("button", { type: "button", className: "first", textContent: words, onclick })
    const clear = () => {
      this.finding.text = ""
      this.field.focus()
    }
    const missed = this.finding.query === this.query ? this.finding.missed ?? [] : []
    const parts = q
      ? [make("h3", { textContent: `No picture for “${q}”` }), ...missed.map(textContent => make("p", { textContent })), way("Clear the search", clear)]
      : trash
        ? [make("h3", { textContent: "The trash is empty" }), way("Back to the pictures", () => this.look({ trash: false }))]
        : [make("h3", { textContent: "Nothing here yet" }), way("Paint your first picture", () => this.tell("way", { kind: "paint", id: "" }))]
    this.nothing.replaceChildren(...parts)
  }

  /** Names the rows that cannot be read, with a way to delete them. */
  drawDamaged() {
    const ids = [...this.source.damaged]
    this.amiss.hidden = !ids.length && !this.trouble
    if (this.trouble) return this.amiss.replaceChildren(this.trouble)
    if (!ids.length) return
    const words = ids.length === 1 ? `1 picture could not be read: ${ids[0]}.` : `${ids.length} pictures could not be read: ${ids.slice(0, 3).join(", ")}${ids.length > 3 ? ` and ${ids.length - 3} more` : ""}.`
    this.amiss.replaceChildren(
      `${words} ${this.data.mend} `,
      make("button", { type: "button", textContent: ids.length === 1 ? "Delete it" : "Delete them", onclick: () => this.removeDamaged(ids) }),
    )
  }

  sayAmiss(words) {
    this.trouble = words
    this.drawDamaged()
  }

  drawPicks() {
    this.bar.draw(this.query.trash, this.count.textContent || "pictures")
    this.root.classList.toggle("picking", this.picks.isAny)
    this.tiles.refresh()
    this.lightbox.drawMarks()
  }

  /** Asks whether there are newer pictures than when the gallery was opened. */
  async askNewer() {
    if (this.query.order === "oldest" || this.query.trash || this.gone) return
    const { query } = this
    const cursor = this.newerCursor === undefined ? {} : { cursor: this.newerCursor }
    try {
      const told = await asked(`/gallery/newer.json?${this.source.params(query, cursor)}`)
      if (query !== this.query) return
      this.newerCursor = told.cursor
      this.newer.hidden = !told.count
      this.newer.textContent = `${counted(told.count, "new picture")}`
      if (told.count && !this.source.tiles.length) this.toNewest()
    } catch (error) {
      // asked again in a moment
    }
  }

  async toNewest() {
    this.newer.hidden = true
    this.newerCursor = undefined
    this.countedFor = null
    if (!(await this.source.open({ ...this.query }))) return
    this.tiles.toTop()
    this.address({ at: "" })
    this.askNewer()
    if (this.tiles.first) this.tiles.reveal(this.tiles.first)
  }

  /** Pictures came in, of whatever day: shown where one is, and as newer ones where they are. */
  async cameIn() {
    this.countedFor = null
    if (!(await this.source.open({ ...this.query }, this.isAtTop ? {} : { at: this.tiles.first }))) return
    this.newerCursor = undefined
    this.askNewer()
  }

  async toEnd(end) {
    const has = end ? this.source.next : this.source.previous
    if (has !== null && !(await this.source.open(this.query, { end }))) return
    const tile = this.source.tiles.at(end ? -1 : 0)
    if (tile) this.tiles.reveal(tile.id)
  }

  press(event) {
    if (isTyping(event)) return
    const id = event.target.closest("[data-id]")?.dataset.id
    if (!id) return
    const control = event.ctrlKey || event.metaKey
    if (control && event.key === "a") this.picks.all()
    else if (control || event.altKey) return
    else if (event.key === "Home" || event.key === "End") this.toEnd(event.key === "End")
    else if (event.key === "Enter") this.tiles.open(id)
    else if (event.key === " " || event.key === "x") this.picks.toggle(this.tiles.behind(id))
    else if (event.key === "f") this.label({ ids: this.tiles.behind(id) }, { favorite: !this.source.tile(id).favorite })
    else if (/^[0-5]$/.test(event.key)) this.label({ ids: this.tiles.behind(id) }, { rating: Number(event.key) })
    else if (event.key === "Delete") this.remove(this.picks.isAny ? this.picked : { ids: this.tiles.behind(id) })
    else if (!this.tiles.lead(event)) return
    event.preventDefault()
    event.stopPropagation()
  }

  // one picture

  open(id) {
    const params = this.asked
    params.set("picture", id)
    history.pushState(history.state, "", `${this.path}?${params}`)
    this.pushed = true
    this.lightbox.open(id)
  }

  /** The picture of a link, which may be among no tiles. */
  async openLinked(id) {
    try {
      const record = await this.lightbox.pictures.records.get(id)
      if (this.gone || this.asked.get("picture") !== id) return
      this.lightbox.open(id, {
        id, place: Date.parse(record.created_at) * 1000, label: record.words || record.structured_prompt.short_description || record.versions.file || "Untitled",
        seed: String(record.seed), width: record.width, height: record.height, favorite: record.favorite,
      })
    } catch (error) {
      this.say(error.message)
      this.address({ picture: "" })
    }
  }

  closed(id) {
    if (this.gone) return
    if (this.asked.has("picture")) {
      if (this.pushed) history.back()
      else this.address({ picture: "" })
    }
    this.pushed = false
    this.tiles.reveal(id)
  }

  // what is done

  /** What is picked, as the API is told it. */
  get picked() {
    const { q = "", trash } = this.query
    return this.picks.whole ? { q, ...(trash && { deleted: true }) } : { ids: [...this.picks.ids] }
  }

  get allStarred() {
    const tiles = this.source.tiles.filter(({ id }) => this.picks.has(id))
    return tiles.length > 0 && tiles.every(each => each.favorite)
  }

  /** Changes labels, says so, and offers to take it back. */
  async label(which, change) {
    await this.doing(() => acts.label(which, change, (done, total) => this.sayGoing(done, total)), told => {
      const { favorite, rating } = change
      const ids = which.ids ?? this.source.tiles.map(({ id }) => id)
      const tiles = [...ids.map(id => this.source.tile(id)), this.lightbox.alone].filter(each => each && (!which.ids || ids.includes(each.id)))
      for (const tile of tiles) {
        if (favorite !== undefined) tile.favorite = favorite
        if (rating !== undefined) tile.rating = rating
      }
      ids.forEach(id => this.lightbox.pictures.records.forget(id))
      this.drawPicks()
      if (change.add_to || change.remove_from) this.finding.fetchPlaces()
      this.say(`${counted(told.changed, "picture")} ${wordsOf(change)}.`, told.changed ? () => this.undo(told.undo) : null)
    })
  }

  /** Takes a change back, and shows the gallery as it is then. */
  async undo(token, at = "") {
    await this.doing(() => acts.undo(token, (done, total) => this.sayGoing(done, total)), async told => {
      await this.refresh(at)
      this.say(`Taken back for ${counted(told.changed, "picture")}.`)
    })
  }

  /** Reads the gallery anew where it is, or at a picture. */
  async refresh(at = "") {
    const place = at || (this.tiles.seen.top > 0 ? this.tiles.first : "")
    this.countedFor = null
    this.lightbox.pictures.forget()
    await this.source.open({ ...this.query }, { at: place })
    if (this.lightbox.isOpen) {
      if (at) this.lightbox.id = at
      this.lightbox.draw()
      this.lightbox.rested()
    } else if (place) this.tiles.reveal(place, { focus: Boolean(at), top: !at })
    this.finding.fetchPlaces()
  }

  async download(which) {
    await this.doing(async () => acts.save(await acts.zip(which)), () => this.say("A zip of the pictures is on its way."))
  }

  async remove(which) {
    const ids = which.ids?.filter(id => !this.leaving.has(id)) // a key held down asks again
    if (ids && !ids.length) return
    ids?.forEach(id => this.leaving.add(id))
    const removed = acts.label(ids ? { ids } : which, { deleted: true }, (done, total) => this.sayGoing(done, total))
    await this.doing(() => removed.finally(() => ids?.forEach(id => this.leaving.delete(id))), async told => {
      const gone = ids ?? this.source.tiles.map(({ id }) => id)
      const focus = this.besides(gone)
      if (this.lightbox.isOpen && gone.includes(this.lightbox.id)) {
        if (focus) {
          this.lightbox.id = focus
          this.lightbox.rested()
        } else this.lightbox.close()
      }
      if (ids) this.picks.remove(ids)
      else this.picks.none()
      if (ids) this.source.remove(ids)
      else await this.source.open({ ...this.query })
      this.recount()
      if (focus && !this.lightbox.isOpen) this.tiles.reveal(focus)
      const words = told.changed === 1 ? "Deleted." : `${counted(told.changed, "picture")} deleted.`
      this.say(words, () => this.undo(told.undo, ids?.[0]))
    })
  }

  /** Rows that cannot be read have no labels: each is deleted by itself. */
  async removeDamaged(ids) {
    await this.doing(() => Promise.all(ids.map(id => acts.api("DELETE", `/generations/${id}`))), () => {
      this.source.remove(ids)
      this.say(`${counted(ids.length, "row")} deleted.`, () => this.restoreDamaged(ids))
    })
  }

  async restoreDamaged(ids) {
    const restored = ids.map(id => acts.api("POST", `/generations/${id}/restore`).catch(() => null)) // it answers with what cannot be read
    await this.doing(() => Promise.all(restored), () => this.refresh())
  }

  async restore(which) {
    await this.doing(() => acts.label(which, { deleted: false }, (done, total) => this.sayGoing(done, total)), async told => {
      this.picks.none()
      await this.refresh()
      this.say(`${counted(told.changed, "picture")} restored.`)
    })
  }

  /** Deletes for good what is in the trash, or with null all of it. */
  async purge(ids) {
    const what = ids === null ? "everything in the trash" : counted(ids.length, "picture")
    if (!confirm(`Delete ${what} for good? The files leave the disk, and nothing brings them back.`)) return
    await this.doing(() => acts.purge(ids), async purged => {
      this.picks.none()
      await this.refresh()
      this.say(`${counted(purged, "picture")} deleted for good.`)
    })
  }

  /** The picture that has the focus once these are gone. */
  besides(ids) {
    const gone = new Set(ids), { tiles } = this.source
    const from = Math.max(0, this.source.index(this.lightbox.isOpen ? this.lightbox.id : ids[0]))
    const left = tiles.slice(from).find(each => !gone.has(each.id)) ?? tiles.slice(0, from).findLast(each => !gone.has(each.id))
    return left?.id ?? ""
  }

  async doing(act, then) {
    let told
    try {
      told = await act()
    } catch (error) {
      return this.say(error.message)
    }
    return then(told)
  }

  sayGoing(done, total) { this.say(`${done.toLocaleString("en")} of ${counted(total, "picture")} …`) }

  /** Says what was done where it is seen and heard; `undo` takes it back. */
  say(words, undo = null) {
    clearTimeout(this.sayTimer)
    const where = this.lightbox.isOpen ? this.lightbox.dialog : this.root.querySelector(".foot")
    for (const each of this.root.querySelectorAll(".notice")) each.hidden = true
    const line = where.querySelector(".notice"), way = line.querySelector("button")
    line.querySelector("span").textContent = words
    way.hidden = undo === null
    way.onclick = () => {
      line.hidden = true
      undo()
    }
    line.hidden = false
    const heard = this.lightbox.isOpen ? this.lightbox.heard : this.heard
    heard.textContent = words
    if (undo === null) this.sayTimer = setTimeout(() => { line.hidden = true }, SAID_MS)
  }
}

/** What a change did to pictures. */
function wordsOf({ favorite, rating, add_tags: tags, remove_tags: untagged, add_to: into, remove_from: out }) {
  if (favorite !== undefined) return favorite ? "starred" : "without a star"
  if (rating !== undefined) return rating ? `rated ${rating}` : "without a rating"
  if (tags) return `tagged “${tags[0]}”`
  if (untagged) return `without the tag “${untagged[0]}”`
  return into ? `put into “${into[0]}”` : `taken out of “${out[0]}”`
}

function stored(name) {
  try {
    return localStorage.getItem(`fibo-history-${name}`)
  } catch (error) {
    return null // a browser that keeps nothing
  }
}

function store(name, value) {
  try {
    localStorage.setItem(`fibo-history-${name}`, value)
  } catch (error) {
    // a browser that keeps nothing
  }
}
