// Several pictures side by side, all zoomed and moved together, so that one looks at the same place of each.
import { imageOf, make } from "./parts.js"

const MOST = 16, STEP = 1.25, PAN = 60, STILL_PX = 6

export class ZoomGrid {
  constructor() {
    this.element = make("div", { className: "several", tabIndex: 0, role: "group" })
    this.element.setAttribute("aria-label", "The pictures, zoomed together: + and −, arrow keys, 0 for all of each")
    this.pointers = new Map()
    this.reset()
    this.element.addEventListener("wheel", event => this.wheel(event), { passive: false })
    this.element.addEventListener("pointerdown", event => this.down(event))
    this.element.addEventListener("pointermove", event => this.move(event))
    for (const name of ["pointerup", "pointercancel"]) this.element.addEventListener(name, event => this.up(event))
    this.element.addEventListener("keydown", event => this.press(event))
  }

  show(pictures) {
    const across = pictures.length <= 3 ? pictures.length : pictures.length === 4 ? 2 : pictures.length <= 6 ? 3 : 3
    this.element.style.setProperty("--across", across)
    this.element.style.setProperty("--ratio", Math.max(...pictures.map(each => each.width / each.height)))
    this.element.style.setProperty("--down", Math.ceil(pictures.length / across))
    this.element.replaceChildren(...pictures.map((each, number) => make(
      "figure", {},
      make("img", { src: imageOf(each.id), alt: each.title, draggable: false }),
      make("figcaption", { textContent: number + 1 }),
    )))
    this.reset()
  }

  get isZoomed() { return this.zoom > 1.001 }

  reset() { this.place(1, 0, 0) }

  /** `x` and `y` are the middle's place, in halves of a cell from a picture's own middle. */
  place(zoom, x, y) {
    this.zoom = Math.min(MOST, Math.max(1, zoom))
    const most = this.zoom - 1
    this.x = Math.max(-most, Math.min(most, x))
    this.y = Math.max(-most, Math.min(most, y))
    this.element.classList.toggle("zoomed", this.isZoomed)
    for (const [name, value] of [["--zoom", this.zoom], ["--x", `${this.x * 50}%`], ["--y", `${this.y * 50}%`]]) this.element.style.setProperty(name, value)
  }

  /** Where in its cell something happened, in halves from the middle. */
  at(event) {
    const cell = event.target.closest?.("figure") ?? this.element.firstElementChild
    const { left, top, width, height } = cell.getBoundingClientRect()
    return { x: ((event.clientX - left) / width) * 2 - 1, y: ((event.clientY - top) / height) * 2 - 1, width, height }
  }

  scale(by, at) {
    const zoom = Math.min(MOST, Math.max(1, this.zoom * by)), real = zoom / this.zoom
    this.place(zoom, at.x - (at.x - this.x) * real, at.y - (at.y - this.y) * real)
  }

  wheel(event) {
    if (!event.ctrlKey && !this.isZoomed) return // the page scrolls
    event.preventDefault()
    this.scale(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), this.at(event))
  }

  down(event) {
    if (event.button !== 0) return
    this.cell = this.at(event)
    this.still = this.pointers.size === 0
    this.from = event
    this.pointers.set(event.pointerId, event)
    if (this.isZoomed || this.pointers.size > 1) this.element.setPointerCapture(event.pointerId)
  }

  move(event) {
    const last = this.pointers.get(event.pointerId)
    if (!last) return
    if (Math.hypot(event.clientX - this.from.clientX, event.clientY - this.from.clientY) > STILL_PX) this.still = false
    const { width, height } = this.cell
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, each]) => each)
      const apart = each => Math.hypot(each.clientX - other.clientX, each.clientY - other.clientY)
      this.scale(apart(event) / (apart(last) || 1), this.cell)
    } else if (this.isZoomed && !this.still) {
      this.place(this.zoom, this.x + ((event.clientX - last.clientX) / width) * 2, this.y + ((event.clientY - last.clientY) / height) * 2)
    }
    this.pointers.set(event.pointerId, event)
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId) || !this.still || event.type === "pointercancel") return
    if (this.isZoomed) this.reset()
    else this.scale(3, this.cell)
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const step = PAN / (this.element.firstElementChild.clientWidth / 2 || 1)
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }
    if (event.key === "+" || event.key === "=") this.scale(STEP, { x: 0, y: 0 })
    else if (event.key === "-") this.scale(1 / STEP, { x: 0, y: 0 })
    else if (event.key === "0") this.reset()
    else if (event.key in moves && this.isZoomed) this.place(this.zoom, this.x + moves[event.key][0], this.y + moves[event.key][1])
    else return
    event.preventDefault()
    event.stopPropagation()
  }
}
