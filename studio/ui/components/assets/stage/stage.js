// The stage: one picture, or a batch as a grid, in a place that is reserved from the press to the end.
import { Brush } from "./brush.js"
import { Compare } from "./compare.js"
import { Follower } from "./follow.js"
import { Grid, placeInWords } from "./grid.js"
import { Layers } from "./layers.js"
import { Lens } from "./lens.js"
import { Tools } from "./tools.js"

const stages = new WeakMap()
// `onward(step)` leads on where whoever holds the stage does so itself, and `ready(picture)` has it, or a smaller one of
// the same, decoded.
const NOTHING = {
  batch: null, picture: null, before: null, beneath: null, neighbours: [], shape: [1, 1], onward: null, ready: null,
  brush: null,
}
const TELL_MS = 250 // after the last arrow key: Python need not hear of what one runs past
const PAN_PX = 60
const LARGEST = 2.5 // times a picture's own size; larger is only blur
const ENDS = { failed: "Failed", cancelled: "Cancelled", interrupted: "Interrupted", deleted: "Deleted" }

export function show(args) {
  const { parentElement } = args
  if (!stages.has(parentElement)) stages.set(parentElement, new Stage(parentElement))
  stages.get(parentElement).update(args)
}

export function leave(parentElement) {
  stages.get(parentElement)?.leave()
  stages.delete(parentElement)
}

const sourceOf = shown => shown?.src ?? shown?.preview

class Stage {
  constructor(root) {
    for (const name of ["stage", "box", "alone", "grid", "back", "where", "says", "bar", "heard", "tall"]) {
      this[name] = root.querySelector(`.${name}`)
    }
    this.data = NOTHING
    this.batch = null // as the studio told it last
    this.own = null // what its user has opened, { index }, { picture } or { grid: true }, until Python says the same
    this.toldIds = [] // the ids of what was opened since Python agreed last, "" for the grid
    this.finished = null // the picture that was shown last, whole
    this.endTold = "" // the batch and attempt whose end Python knows of
    this.layers = new Layers(root.querySelector(".after .pan"))
    this.cells = new Grid(this.grid, index => this.open({ index }), () => this.veil())
    this.compare = new Compare(this.alone, root.querySelector(".modes"), () => this.draw())
    this.lens = new Lens(this.alone, {
      held: on => this.compare.hold(on),
      clicked: point => this.zoom(point),
      swiped: step => this.go(step),
      zoomed: on => this.tools.sayZoomed(on),
    })
    this.brush = new Brush(root, this.lens, {
      said: words => this.sayOnce(words),
      amiss: words => this.sayMarkAmiss(words),
      changed: () => this.draw(),
    })
    this.tools = new Tools(root.querySelector(".tools"), () => this.zoom(), words => this.sayOnce(words))
    this.follower = new Follower(batch => this.hear(batch), why => this.sayAmiss(why))
    this.back.onclick = () => this.toGrid()
    this.stage.addEventListener("keydown", event => this.press(event))
    this.stage.addEventListener("keyup", event => { if (event.key === " ") this.compare.hold(false) })
    this.stage.addEventListener("focusout", () => this.compare.hold(false))
    this.sized = new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width === this.width) return
      this.width = contentRect.width
      this.draw()
    })
    this.sized.observe(this.stage)
  }

  leave() {
    clearTimeout(this.telling)
    this.follower.end()
    this.brush.leave()
    this.sized.disconnect()
  }

  /** Takes what Python says, and keeps what its user has opened since Python last heard of it. */
  update({ data, setTriggerValue, setStateValue }) {
    this.tell = setTriggerValue
    this.brush.use(data.brush ?? null, setStateValue)
    const former = this.data
    this.data = { ...NOTHING, ...data }
    if (data.batch?.id !== former.batch?.id) {
      this.batch = this.own = null
      this.toldIds = []
      this.cells.clear()
      this.layers.age()
    } else if (data.batch && data.batch.attempt !== former.batch.attempt && this.batch) {
      this.asTold = { ...this.asTold, ended: false, does: "" } // it is tried again
    }
    if (this.batch) this.batch = this.withoutDeleted(this.asTold)
    this.agree(former.picture?.id ?? "", data.picture?.id ?? "")
    const { batch } = data
    this.follower.follow(batch && (batch.going || !this.batch?.ended) ? batch.id : null)
    this.draw()
  }

  /** Python says which picture is shown: what it was told last, or something else, or what it was told before that. */
  agree(was, is) {
    const answers = this.own !== null && is === this.idOf(this.own)
    if (!answers && (is === was || this.toldIds.includes(is))) return
    this.own = null
    this.toldIds = []
    clearTimeout(this.telling)
  }

  /** The id by which Python knows what was opened: "" for the grid, undefined for a cell that has no picture yet. */
  idOf(own) { return own.grid ? "" : own.picture?.id ?? this.batch?.cells[own.index]?.id }

  hear(batch) {
    if (this.data.batch === null) return
    this.asTold = batch
    this.batch = this.withoutDeleted(batch)
    this.draw()
    if (this.own !== null && !this.own.told) this.tellOpened() // a cell that was opened while it was painted
    const end = `${batch.id} ${this.data.batch.attempt}`
    if (batch.ended && this.data.batch.going && this.endTold !== end) {
      this.endTold = end
      this.tell("ended", batch.id)
      this.sayOnce(batch.state === "done" ? "Painted." : `${ENDS[batch.state] ?? "Ended"}.`)
    }
  }

  /** The batch without the pictures that were deleted since. */
  withoutDeleted(batch) {
    const deleted = new Set(this.data.batch.deleted ?? [])
    if (!deleted.size) return batch
    return { ...batch, cells: batch.cells.map(cell => (deleted.has(cell.id) ? { seed: cell.seed, place: cell.place,
      width: cell.width, height: cell.height, state: "deleted" } : cell)) }
  }

  get isGoing() { return Boolean(this.data.batch?.going && !this.batch?.ended) }

  /** Whether the batch is one of several pictures. */
  get several() { return (this.data.batch?.pictures ?? 1) > 1 }

  get showsGrid() {
    if (!this.several || this.endedBare) return false
    return this.own === null ? this.data.picture === null : Boolean(this.own.grid)
  }

  /** Whether there is neither a picture nor any to come. */
  get showsNothing() { return !this.data.batch && !this.shown && !this.data.beneath && !this.finished }

  /** Whether the batch has ended without any picture. */
  get endedBare() { return Boolean(this.batch?.ended && !this.batch.cells.some(cell => cell.src)) }

  /** What is painted while the batch waits and nothing finished can stand in its place; null for nothing. */
  get ahead() {
    return this.isGoing && (this.data.beneath ?? this.finished) === null ? this.batch?.ahead ?? null : null
  }

  /** Whether the batch has none, and what stood here before is shown in its place. */
  get isEarlier() { return this.endedBare && !this.shown?.src && Boolean(this.data.beneath ?? this.finished) }

  /** The picture or cell that is shown alone; null for a grid, and where there is none yet. */
  get shown() {
    if (this.showsGrid) return null
    const cells = this.batch?.cells ?? []
    if (this.own?.index !== undefined) return cells[this.own.index]
    const picture = this.own?.picture ?? this.data.picture
    if (picture === null) return cells[0] ?? null
    return { ...cells.find(cell => cell.id === picture.id), ...picture }
  }

  /** The number of the batch's cell that is shown alone; -1 for a grid, or another picture. */
  get index() {
    if (this.own?.index !== undefined) return this.own.index
    const id = this.shown?.id
    return id ? (this.batch?.cells.findIndex(cell => cell.id === id) ?? -1) : -1
  }

  draw() {
    const { batch, before, shape } = this.data
    const shown = this.shown
    if (!batch && !shown) this.finished = null // it was taken away
    if (shown?.src) this.finished = { src: shown.src, alt: this.altOf(shown) }
    this.grid.hidden = !this.showsGrid
    this.back.hidden = !(this.several && this.index >= 0)
    const inGrid = !this.back.hidden && this.cells.axes
    this.where.textContent = inGrid ? placeInWords(this.cells.axes, this.index) : this.isEarlier ? "An earlier picture" : ""
    if (this.showsGrid) this.drawGrid()
    const [width, height] = shown ? [shown.width, shown.height] : batch ? [batch.width, batch.height] : shape

    if (sourceOf(shown)) this.showAlone(shown)
    else this.showFormer()
    this.veil()
    this.compare.use(before?.src === shown?.src ? null : before)
    this.keepOutside(shown)
    const both = this.compare.draw(shown?.src ? shown : null)
    if (both !== null) this.reserve(both, height * both)
    else if (!this.showsGrid) this.reserve(width / height, width)
    this.tools.draw(shown?.src ? shown : null)
    this.brush.draw(shown?.src && !this.isGoing ? shown : null)
    this.sayProgress(shown)
  }

  /** The finished picture that came before: where nothing stands yet, or only what another batch left unfinished, or
   * a batch has ended without a picture. Before any was finished, what is painted while this batch waits. */
  showFormer() {
    const { layers, ahead } = this
    if (ahead) {
      this.aheadSrc = ahead.src
      layers.show(ahead.src, `${ahead.title}, which is painted first`, "former").then(() => this.veil())
      return
    }
    const isAhead = layers.asked !== "" && layers.asked === this.aheadSrc
    const former = this.data.beneath ?? this.finished
    if (isAhead && former === null && this.isGoing) return
    if (layers.asked && !isAhead && !layers.isLeftOver && !(this.endedBare || (this.data.batch === null))) return
    if (former === null) layers.clear()
    else layers.show(former.src, former.alt, "former").then(there => { if (there === false) layers.clear() })
  }

  /** Behind a mask only the marked part is painted: around a preview the picture before is seen as it stays. */
  keepOutside(shown) {
    const { mask = null } = this.data.batch ?? {}
    const keeps = mask !== null && Boolean(shown?.preview) && !shown.src
    this.alone.classList.toggle("keeps", keeps)
    if (keeps) this.alone.style.setProperty("--mask", `url("${new URL(mask, document.baseURI).href}")`)
  }

  altOf(shown) { return shown.alt ?? this.batch?.title ?? "The picture" }

  showAlone(shown) {
    const source = sourceOf(shown)
    if (this.layers.asked !== source && (shown.src ?? "") !== this.lookedAt) this.lens.reset()
    this.lookedAt = shown.src ?? ""
    const [said, name] = shown.src ? [this.altOf(shown), "result"] : ["The picture so far", "preview"]
    const ready = this.layers.asked === source ? null : this.data.ready?.(shown)
    if (ready) this.layers.put(ready, said, name)
    this.layers.show(source, said, name).then(there => {
      if (there) this.veil()
      else if (there === false && shown.src) this.says.textContent = "This picture is not there any more."
    })
  }

  /** Dims what stood here before for as long as nothing has covered it. */
  veil() {
    const to = this.showsGrid
      ? (this.cells.hasPicture ? "hidden" : "former")
      : this.data.batch && !this.endedBare && (!sourceOf(this.shown) || this.layers.isFormer) ? "former" : "picture"
    this.alone.dataset.as = to
    this.alone.setAttribute("aria-hidden", String(to !== "picture"))
  }

  drawGrid() {
    const { pictures, width, height } = this.data.batch
    const room = this.stage.clientWidth || 600
    const count = this.batch?.cells.length ?? pictures
    const [across, down, columns] = this.cells.lay(count, width / height, room, this.tallest(), this.batch)
    this.reserve(across / down, width * columns)
    if (this.batch) this.cells.fill(this.batch.cells, this.batch.title)
  }

  /** How tall the stage may be, in pixels. */
  tallest() {
    return this.tall.getBoundingClientRect().height || window.innerHeight * 0.7
  }

  /** Keeps a place of this ratio, for what is so many pixels wide itself. */
  reserve(ratio, width) {
    this.box.style.setProperty("--ratio", `${ratio}`)
    this.box.style.setProperty("--most", `${LARGEST * width}px`)
  }

  sayProgress(shown) {
    const ours = this.showsGrid || shown === null || this.index >= 0 || !this.several
    const { does = "", fraction = 0, state } = this.batch ?? {}
    this.stage.dataset.state = this.isGoing ? "painting" : this.data.batch ? state ?? "asked" : "still"
    this.bar.hidden = !this.isGoing
    this.bar.firstElementChild.style.transform = `scaleX(${fraction})`
    if (this.amissWhy) return
    const first = this.ahead ? ` · “${this.ahead.title}” is painted first` : ""
    if (this.isGoing) this.says.textContent = ours ? does + first : ""
    else if (this.showsNothing) this.says.textContent = "Your picture comes here"
    else this.says.textContent = !this.showsGrid && shown && !shown.src ? ENDS[shown.state] ?? "" : ""
  }

  sayAmiss(why) {
    if (why === (this.amissWhy ?? "")) return
    this.amissWhy = why
    this.says.replaceChildren()
    if (why === "login") {
      const link = document.createElement("a")
      link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`
      link.textContent = "Log in again"
      this.says.append(link, " to see how it goes on.")
    } else if (why === "away") {
      this.says.textContent = "The studio does not answer; asking again."
    }
    this.says.setAttribute("aria-hidden", String(!why))
    this.sayOnce(this.says.textContent)
  }

  /** Says, on the picture, why the mark has not reached the studio; "" where it has. */
  sayMarkAmiss(words) {
    this.says.textContent = words
    this.sayOnce(words)
  }

  /** Tells those who listen. */
  sayOnce(words) { this.heard.textContent = words }

  open(own, tellAfter = 0) {
    const cell = own.index === undefined ? null : this.batch.cells[own.index]
    if (cell && this.showsGrid) {
      const image = this.cells.cells[own.index].layers.top
      if (image) this.layers.take(image)
      this.lookedAt = ""
    }
    this.own = own
    this.draw()
    this.tellOpened(tellAfter)
    this.stage.focus({ preventScroll: true })
  }

  toGrid() {
    const index = this.index
    this.own = { grid: true }
    this.draw()
    this.tellOpened()
    this.cells.focus(index)
  }

  /** Tells Python what is open, after so many ms in which nothing else is opened. */
  tellOpened(after = 0) {
    const id = this.idOf(this.own)
    clearTimeout(this.telling)
    if (id === undefined) return
    this.own.told = true
    this.toldIds.push(id)
    const event = id ? { kind: "chosen", id } : { kind: "grid", id: this.data.batch.id }
    this.telling = setTimeout(() => this.tell("chosen", event), after)
  }

  /** To the neighbour that has a picture, of the batch, else of those that Python gave; whether there is one. */
  go(step) {
    if (this.data.onward) return this.data.onward(step)
    const cells = this.batch?.cells ?? []
    const inBatch = this.several && this.index >= 0
    const row = inBatch ? cells : this.data.neighbours
    const at = inBatch ? this.index : row.findIndex(each => each.id === this.shown?.id)
    if (at < 0) return false
    let next = at + step
    while (row[next] && !row[next].src) next += step
    if (!row[next]) return false
    this.open(inBatch ? { index: next } : { picture: row[next] }, TELL_MS)
    if (row[next + step]?.src) new Image().src = row[next + step].src
    return true
  }

  zoom(point) {
    if (this.shown?.src) this.lens.toggle(this.layers.top, point)
  }

  press(event) {
    if (this.brush.press(event)) {
      event.preventDefault()
      event.stopPropagation()
      return
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !this.act(event.key, event.target === this.stage)) return
    event.preventDefault()
    event.stopPropagation()
  }

  /** What a key does, with the focus on the stage itself or on something in it; whether it does anything. */
  act(key, onStage) {
    if (key === "Escape") {
      if (this.lens.isZoomed) this.lens.reset()
      else if (!this.back.hidden) this.toGrid()
      else return false
      return true
    }
    if (!onStage) return false
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key]
    if (this.showsGrid) {
      if (!by && key !== "Enter") return false
      this.cells.focus()
    } else if (by) {
      if (!this.lens.isZoomed) return by[0] !== 0 && this.go(by[0])
      this.lens.pan(-by[0] * PAN_PX, -by[1] * PAN_PX)
    } else if (key === "Enter") this.zoom()
    else if (key === " ") this.compare.hold(true)
    else if (key === "+" || key === "-") this.lens.scale(this.lens.zoom * (key === "+" ? 1.4 : 1 / 1.4))
    else return false
    return true
  }
}
