// History: the gallery of all pictures, and one of them large. Its page's address is this script's alone.
import * as acts from "./acts.js"
import { BringIn } from "./bring_in.js"
import { counted, hasModifier, imageOf, isTyping, later, make } from "./dom.js"
import { Lightbox } from "./lightbox.js"
import { Bar, Picks } from "./picks.js"
import { Source, addressed, asked } from "./source.js"
import { Tiles } from "./tiles.js"

const TYPING_MS = 250, PLACE_MS = 250, NEWER_MS = 5000, SAID_MS = 12_000
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
    for (const name of ["head", "search", "order", "fold", "trash", "count", "amiss", "newer", "rows", "nothing", "heard", "bar"]) {
      this[name] = root.querySelector(`.${name}`)
    }
    this.field = this.search.querySelector("input")
    this.path = location.pathname
    this.saidN = null
    this.leaving = new Set() // pictures that are being deleted
    this.source = new Source(anew => this.changed(anew), words => this.sayAmiss(words))
    this.picks = new Picks(kept.picks, this.source, () => this.drawPicks())
    this.tiles = new Tiles(this.rows, this.source, {
      opened: id => this.open(id),
      toggled: id => this.picks.toggle(this.tiles.behind(id)),
      ranged: id => this.picks.range(this.tiles.behind(id)),
      moved: () => this.keepPlace(),
      near: end => this.source.more(end),
      isPicked: id => this.picks.has(id),
      isPicking: () => this.picks.size > 0,
    })
    this.tiles.head = this.head
    this.tiles.size = SIZES.includes(stored("size")) ? stored("size") : "medium"
    this.tiles.folds = stored("fold") === "yes"
    this.bar = new Bar(root.querySelector(".bar"), this.picks, {
      star: ids => this.starAll(ids, true),
      unstar: ids => this.starAll(ids, false),
      compare: ids => this.compare(ids),
      download: ids => this.download(ids),
      remove: ids => this.remove(ids),
      restore: ids => this.restore(ids),
      purge: ids => this.purge(ids),
    })
    this.lightbox = new Lightbox(root, this.source, {
      star: (ids, on) => this.starAll(ids, on),
      pick: id => this.picks.toggle([id]),
      remove: ids => this.remove(ids),
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
    this.typed = later(TYPING_MS, () => this.look())
    this.listen()
    this.begin()
  }

  leave() {
    this.keepPlace.stop()
    this.typed.stop()
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
    this.search.onsubmit = event => {
      event.preventDefault()
      this.typed.stop()
      this.look()
    }
    this.field.oninput = () => this.typed()
    this.field.onkeydown = event => {
      if (event.key === "Escape" && this.field.value) {
        this.field.value = ""
        this.look()
      } else if (event.key === "ArrowDown" && this.tiles.first) this.tiles.reveal(this.tiles.first)
      else return
      event.preventDefault()
    }
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
      if (event.key === "Escape" && !event.defaultPrevented && !isTyping(event) && !this.lightbox.isOpen && !this.comparing?.isOpen && this.picks.size) this.picks.none()
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
    this.address({})
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
      const { count } = await asked(`/gallery/count.json?${addressed(query)}`)
      if (query !== this.query) return
      this.total = count
      this.drawCount()
    } catch (error) {
      this.count.textContent = ""
    }
  }

  drawCount() {
    this.count.textContent = counted(this.total, "picture")
    if (this.query.q) this.heard.textContent = `${counted(this.total, "picture")} found.`
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
      this.field.value = ""
      this.look()
      this.field.focus()
    }
    const parts = q
      ? [make("h3", { textContent: `No picture for “${q}”` }), way("Clear the search", clear)]
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
      make("button", { type: "button", textContent: ids.length === 1 ? "Delete it" : "Delete them", onclick: () => this.remove(ids) }),
    )
  }

  sayAmiss(words) {
    this.trouble = words
    this.drawDamaged()
  }

  drawPicks() {
    this.bar.draw(this.query.trash)
    this.root.classList.toggle("picking", this.picks.size > 0)
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
    else if (event.key === "f") this.starAll(this.tiles.behind(id), !this.source.tile(id).favorite)
    else if (event.key === "Delete") this.remove(this.picks.size ? [...this.picks.ids] : this.tiles.behind(id))
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
        id, place: Date.parse(record.created_at) * 1000, label: record.words || record.structured_prompt.short_description || "Untitled",
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

  async starAll(ids, on) {
    await this.doing(() => acts.star(ids, on), () => {
      for (const id of ids) {
        const tile = this.source.tile(id)
        if (tile) tile.favorite = on
      }
      if (this.lightbox.alone && ids.includes(this.lightbox.alone.id)) this.lightbox.alone.favorite = on
      this.drawPicks()
      this.say(`${counted(ids.length, "picture")} ${on ? "starred" : "without a star"}.`, () => this.starAll(ids, !on))
    })
  }

  async download(ids) {
    await this.doing(async () => acts.save(await acts.zip({ ids })), () => this.say(`A zip of ${counted(ids.length, "picture")} is on its way.`))
  }

  async remove(given) {
    const ids = given.filter(id => !this.leaving.has(id)) // a key held down asks again
    if (!ids.length) return
    ids.forEach(id => this.leaving.add(id))
    await this.doing(() => acts.remove(ids).finally(() => ids.forEach(id => this.leaving.delete(id))), () => {
      const focus = this.besides(ids)
      if (this.lightbox.isOpen && ids.includes(this.lightbox.id)) {
        if (focus) {
          this.lightbox.id = focus
          this.lightbox.rested()
        } else this.lightbox.close()
      }
      this.picks.remove(ids)
      this.source.remove(ids)
      this.total -= ids.length
      this.drawCount()
      if (focus && !this.lightbox.isOpen) this.tiles.reveal(focus)
      this.say(ids.length === 1 ? "Deleted." : `${counted(ids.length, "picture")} deleted.`, () => this.restore(ids))
    })
  }

  async restore(ids) {
    await this.doing(() => acts.restore(ids), async () => {
      this.picks.remove(ids)
      this.countedFor = null
      await this.source.open({ ...this.query }, { at: this.query.trash ? this.tiles.first : ids[0] })
      if (this.lightbox.isOpen) {
        this.lightbox.id = ids[0]
        this.lightbox.draw()
        this.lightbox.rested()
      } else if (!this.query.trash) this.tiles.reveal(ids[0])
      this.say(`${counted(ids.length, "picture")} restored.`)
    })
  }

  async purge(ids) {
    const them = ids.length === 1 ? "this picture" : `these ${counted(ids.length, "picture")}`
    if (!confirm(`Delete ${them} for good? The files leave the disk, and nothing brings them back.`)) return
    await this.doing(() => acts.purge(ids), () => {
      const focus = this.besides(ids)
      this.picks.remove(ids)
      this.source.remove(ids)
      this.total -= ids.length
      this.drawCount()
      if (focus) this.tiles.reveal(focus)
      this.say(`${counted(ids.length, "picture")} deleted for good.`)
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
    try {
      await act()
    } catch (error) {
      return this.say(error.message)
    }
    return then()
  }

  /** Says what was done where it is seen and heard; `undo` takes it back. */
  say(words, undo = null) {
    clearTimeout(this.sayTimer)
    const where = this.lightbox.isOpen ? this.lightbox.dialog : this.root.querySelector(".foot")
    for (const each of this.root.querySelectorAll(".said")) each.hidden = true
    const line = where.querySelector(".said"), way = line.querySelector("button")
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
