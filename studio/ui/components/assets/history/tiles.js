// The grid of tiles: only what is near the window is in the document, however far one scrolls. Rows of tiles under their
// days; a batch may be folded into one tile.
import { dayNamed, icon, make, nameOf, thumbOf } from "./dom.js"

const GAP = 6, DAY = 44 // pixels
const LEAST = { small: [96, 80], medium: [168, 110], large: [300, 165] } // a tile's width, and on a phone
const NARROW = 520
const BEYOND = 1.2 // windows above and below that are kept drawn
const AHEAD = 3 // windows before an end at which more is asked for
const FRAME = 48 // pixels of the window's top that the page's own frame lies over
const HOLD_MS = 450, STILL_PX = 8

export class Tiles {
  /** `on` hears `opened(id)`, `toggled(id)`, `ranged(id)`, `moved()` and `near(end)`; `isPicked(id)` is asked. */
  constructor(room, head, source, on) {
    this.room = room
    this.head = head
    this.source = source
    this.on = on
    this.size = "medium"
    this.folds = false
    this.unfolded = new Set() // batches that are open while others are folded
    this.active = "" // the picture that the Tab key reaches
    this.drawn = new Map() // of a row's number: its element
    this.rows = []
    this.scroller = scrollerOf(room)
    this.scroller.style.overflowAnchor = "none" // or what stands below the rows holds the place as they grow
    this.scrolled = () => { this.frame ??= requestAnimationFrame(() => this.window()) }
    this.scroller.addEventListener("scroll", this.scrolled, { passive: true })
    this.sized = new ResizeObserver(() => { if (room.clientWidth !== this.width) this.keeping(() => this.lay()) })
    this.sized.observe(room)
    this.touch()
    room.addEventListener("click", event => this.click(event))
    room.addEventListener("focusin", event => {
      const cell = event.target.closest("[data-id]")
      if (cell) this.activate(cell.dataset.id)
    })
  }

  leave() {
    cancelAnimationFrame(this.frame)
    this.scroller.removeEventListener("scroll", this.scrolled)
    this.scroller.style.overflowAnchor = ""
    this.sized.disconnect()
  }

  // where everything is

  /** Lays everything out anew. */
  lay() {
    const { tiles } = this.source
    this.width = this.room.clientWidth
    if (!this.width) return
    const least = LEAST[this.size][this.width < NARROW ? 1 : 0]
    this.columns = Math.max(1, Math.floor((this.width + GAP) / (least + GAP)))
    this.side = (this.width - GAP * (this.columns - 1)) / this.columns
    this.rows = []
    this.rowOf = new Map() // of a picture: the number of its row
    const now = Date.now()
    let top = 0, day = "", row = null
    const put = (each, height) => {
      this.rows.push({ ...each, top, height })
      top += height
    }
    for (let index = 0; index < tiles.length; index += 1) {
      const tile = tiles[index]
      const date = new Date(tile.place / 1000).toDateString()
      if (date !== day) {
        day = date
        row = null
        put({ day: dayNamed(tile.place / 1000, now) }, DAY)
      }
      if (row === null || row.cells.length === this.columns) {
        row = { cells: [] }
        put(row, this.side + GAP)
        row = this.rows.at(-1)
      }
      const cell = { tile, ids: [tile.id] }
      row.cells.push(cell)
      const number = this.rows.length - 1
      this.rowOf.set(tile.id, number)
      if (this.isFolded(tile)) {
        while (tiles[index + 1]?.batch === tile.batch) {
          index += 1
          cell.ids.push(tiles[index].id)
          this.rowOf.set(tiles[index].id, number)
        }
      }
    }
    this.height = top
    this.room.style.height = `${top}px`
    this.room.style.setProperty("--side", `${this.side}px`)
    this.room.style.setProperty("--columns", this.columns)
    this.room.setAttribute("aria-rowcount", this.source.next === null && this.source.previous === null ? this.rows.length : -1)
    this.room.setAttribute("aria-colcount", this.columns)
    for (const element of this.drawn.values()) element.remove()
    this.drawn.clear()
    this.window()
  }

  isFolded(tile) { return this.folds && Boolean(tile.batch) && !this.unfolded.has(tile.batch) }

  /** What is at the top of the window stays there whatever `act` changes above it. */
  keeping(act) {
    const id = this.first, before = this.topOf(id)
    const focused = this.room.contains(document.activeElement) ? this.active : ""
    act()
    const after = this.topOf(id)
    if (before !== null && after !== null) {
      this.scroller.scrollTop += after - before
      this.first = id // which laying out may have lost
    }
    this.window()
    if (focused) this.cell(focused)?.focus({ preventScroll: true })
  }

  topOf(id) {
    const number = this.rowOf?.get(id)
    return number === undefined || !this.rows[number] ? null : this.rows[number].top
  }

  /** Where the window stands over the rows. */
  get seen() {
    const box = this.room.getBoundingClientRect(), view = this.scroller.getBoundingClientRect()
    const top = Math.max(view.top, 0) - box.top
    return { top, height: Math.min(view.height, window.innerHeight) }
  }

  /** The number of the row at this height. */
  at(y) {
    let low = 0, high = this.rows.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.rows[middle].top <= y) low = middle
      else high = middle - 1
    }
    return low
  }

  /** Draws what is near the window, and takes away what is not. */
  window() {
    this.frame = undefined
    if (!this.room.isConnected || !this.width) return
    const { top, height } = this.seen
    const from = this.at(top - BEYOND * height), to = this.at(top + (1 + BEYOND) * height)
    for (const [number, element] of this.drawn) {
      if ((number < from || number > to) && !element.contains(document.activeElement)) {
        element.remove()
        this.drawn.delete(number)
      }
    }
    for (let number = from; number <= to && number < this.rows.length; number += 1) {
      if (!this.drawn.has(number)) this.room.append(this.draw(number))
    }
    const seen = this.rows.slice(this.at(top + this.roof() + this.side / 3)).find(each => each.cells)
    // What stands for the place stays the same as long as it is in the first row: rows shift when more comes before them.
    if (!seen?.cells.some(({ ids }) => ids.includes(this.first))) this.first = seen?.cells[0].tile.id ?? ""
    if (!this.rowOf.has(this.active)) this.active = this.first
    for (const each of this.room.querySelectorAll("[tabindex='0']")) each.tabIndex = -1
    const reached = this.cell(this.active) ?? this.cell(this.first) ?? this.room.querySelector("[role=gridcell]")
    if (reached) reached.tabIndex = 0
    this.on.moved()
    if (top + (1 + AHEAD) * height > this.height) this.on.near("next")
    if (top < AHEAD * height) this.on.near("previous")
  }

  draw(number) {
    const { day, cells, top } = this.rows[number]
    const element = make("div", { role: "row", aria: { rowindex: number + 1 } })
    element.style.top = `${top}px`
    if (day) {
      element.className = "day"
      element.append(make("span", { role: "rowheader", textContent: day }))
    } else {
      element.className = "tiles"
      element.append(...cells.map(({ tile, ids }) => this.drawTile(tile, ids)))
    }
    this.drawn.set(number, element)
    return element
  }

  drawTile(tile, ids) {
    const cell = make("div", { role: "gridcell", tabIndex: -1, data: { id: tile.id }, title: tile.label })
    cell.append(make("img", { src: thumbOf(tile.id), alt: "", decoding: "async", draggable: false }))
    if (ids.length > 1) {
      cell.classList.add("several")
      cell.append(make("span", { className: "many", textContent: `${ids.length}`, aria: { hidden: "true" } }))
    }
    cell.append(make("span", { className: "tick", aria: { hidden: "true" } }, icon("check")))
    if (this.folds && tile.batch && this.unfolded.has(tile.batch)) cell.classList.add("of-batch")
    this.mark(cell, tile, ids)
    return cell
  }

  /** Whether it is picked, starred and rated. */
  mark(cell, tile, ids) {
    cell.querySelector(".marks")?.remove()
    cell.setAttribute("aria-selected", String(ids.every(id => this.on.isPicked(id))))
    cell.setAttribute("aria-label", ids.length > 1 ? `A batch of ${ids.length}: ${nameOf(tile)}` : nameOf(tile))
    const marks = [...(tile.favorite ? [icon("star")] : []), ...(tile.rating ? [`${tile.rating}`] : [])]
    if (marks.length) cell.append(make("span", { className: "marks", aria: { hidden: "true" } }, ...marks))
  }

  /** Shows what is picked, starred and rated now. */
  refresh() {
    this.room.classList.toggle("picking", this.on.isPicking())
    for (const [number, element] of this.drawn) {
      const { cells = [] } = this.rows[number]
      cells.forEach(({ tile, ids }, index) => this.mark(element.children[index], tile, ids))
    }
  }

  cell(id) {
    const number = this.rowOf?.get(id), { cells = [] } = this.rows[number] ?? {}
    const index = cells.findIndex(({ ids }) => ids.includes(id))
    return index < 0 ? null : this.drawn.get(number)?.children[index] ?? null
  }

  /** All pictures behind the tile of one. */
  behind(id) {
    const { cells = [] } = this.rows[this.rowOf?.get(id)] ?? {}
    return cells.find(({ ids }) => ids.includes(id))?.ids ?? [id]
  }

  activate(id) {
    if (this.active === id) return
    const former = this.cell(this.active)
    if (former) former.tabIndex = -1
    for (const each of this.room.querySelectorAll("[tabindex='0']")) each.tabIndex = -1
    this.active = id
    const cell = this.cell(id)
    if (cell) cell.tabIndex = 0
  }

  /** Scrolls so that a picture is seen, and gives it the focus unless `focus` is false. */
  reveal(id, { focus = true, top = false } = {}) {
    const at = this.topOf(id)
    if (at === null) return false
    const view = this.seen, roof = this.roof()
    let by = 0
    if (top || at < view.top + roof) by = at - view.top - roof
    else if (at + this.side > view.top + view.height - this.floor()) by = at + this.side - view.top - view.height + this.floor()
    if (by) this.scroller.scrollTop += by
    if (top) this.first = id
    this.window()
    this.activate(this.behind(id)[0])
    if (focus) this.cell(id)?.focus({ preventScroll: true })
    return true
  }

  toTop() {
    this.scroller.scrollTop = 0
    this.first = this.active = ""
    this.window()
  }

  /** How much of the window's top and bottom something else lies over. */
  roof() { return Math.max(FRAME, this.head.getBoundingClientRect().bottom) - Math.max(0, this.scroller.getBoundingClientRect().top) + GAP }
  floor() { return 70 }

  // what one does

  click(event) {
    const cell = event.target.closest("[data-id]")
    if (!cell || this.held) return
    const { id } = cell.dataset
    if (event.shiftKey) this.on.ranged(id)
    else if (event.ctrlKey || event.metaKey || event.target.closest(".tick") || (this.lastTouch && this.on.isPicking())) this.on.toggled(id)
    else this.open(id)
  }

  open(id) {
    const tile = this.source.tile(id)
    if (this.isFolded(tile) && this.behind(id).length > 1) this.unfold(tile.batch, true)
    else this.on.opened(id)
  }

  unfold(batch, open) {
    const { active } = this
    if (open) this.unfolded.add(batch)
    else this.unfolded.delete(batch)
    this.keeping(() => this.lay())
    this.reveal(active)
  }

  /** A long press of a finger picks. */
  touch() {
    let timer = 0, from = null
    const end = () => clearTimeout(timer)
    this.room.addEventListener("pointerdown", event => {
      this.lastTouch = event.pointerType === "touch"
      this.held = false
      end()
      const cell = event.target.closest("[data-id]")
      if (!this.lastTouch || !cell) return
      from = [event.clientX, event.clientY]
      timer = setTimeout(() => {
        this.held = true
        navigator.vibrate?.(15)
        this.on.toggled(cell.dataset.id)
      }, HOLD_MS)
    })
    this.room.addEventListener("pointermove", event => {
      if (from && Math.hypot(event.clientX - from[0], event.clientY - from[1]) > STILL_PX) end()
    })
    for (const name of ["pointerup", "pointercancel"]) this.room.addEventListener(name, end)
    this.room.addEventListener("contextmenu", event => { if (this.lastTouch) event.preventDefault() })
  }

  /** What a key does that leads somewhere; whether it does. */
  lead(event) {
    const id = this.cell(this.active) ? this.active : this.first
    const number = this.rowOf.get(id)
    if (number === undefined) return false
    const column = this.rows[number].cells.findIndex(({ ids }) => ids.includes(id))
    const screen = Math.max(1, Math.floor((this.seen.height - this.roof() - this.floor()) / (this.side + GAP)))
    const to = {
      ArrowLeft: () => this.beside(number, column, -1),
      ArrowRight: () => this.beside(number, column, 1),
      ArrowUp: () => this.above(number, column, -1),
      ArrowDown: () => this.above(number, column, 1),
      PageUp: () => this.above(number, column, -screen),
      PageDown: () => this.above(number, column, screen),
    }[event.key]?.()
    if (!to) return false
    this.reveal(to)
    if (event.shiftKey) this.on.ranged(to)
    return true
  }

  beside(number, column, step) {
    const there = this.rows[number].cells[column + step]
    if (there) return there.tile.id
    for (let row = number + step; this.rows[row]; row += step) {
      const { cells } = this.rows[row]
      if (cells) return cells.at(step > 0 ? 0 : -1).tile.id
    }
    return this.rows[number].cells[column].tile.id
  }

  above(number, column, steps) {
    let found = number
    for (let row = number, left = Math.abs(steps); left && this.rows[row]; ) {
      row += Math.sign(steps)
      if (!this.rows[row]?.cells) continue
      found = row
      left -= 1
    }
    const { cells } = this.rows[found]
    return cells[Math.min(column, cells.length - 1)].tile.id
  }
}

function scrollerOf(element) {
  for (let each = element.parentElement; each; each = each.parentElement) {
    if (["auto", "scroll"].includes(getComputedStyle(each).overflowY)) return each
  }
  return document.scrollingElement
}
