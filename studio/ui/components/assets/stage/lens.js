// Looking closer: a click zooms to full size and back, drag pans, pinch and wheel zoom, press and hold shows what was
// before, a swipe leads on. It moves what `.pan` holds, by the properties --x, --y and --zoom of its room.
const HOLD_MS = 250, STILL_PX = 6, SWIPE_PX = 45
const MOST = 8, LARGER = 1.15 // full size is worth a click from there on; else twice the size is

export class Lens {
  /** `on` hears `clicked(point)`, `swiped(±1)`, `zoomed(boolean)`, and `held(boolean)`: it says whether that does. */
  constructor(room, on) {
    this.room = room
    this.on = on
    this.pointers = new Map()
    this.reset()
    room.addEventListener("pointerdown", event => this.down(event))
    room.addEventListener("pointermove", event => this.move(event))
    for (const end of ["pointerup", "pointercancel"]) room.addEventListener(end, event => this.up(event))
    room.addEventListener("wheel", event => this.wheel(event), { passive: false })
    room.addEventListener("contextmenu", event => { if (this.touched) event.preventDefault() })
  }

  get isZoomed() { return this.zoom > 1.001 }

  reset() { this.place(1, 0, 0) }

  /** To full size at a point of the window, or in the middle; or back. */
  toggle(image, point) {
    if (this.isZoomed) return this.reset()
    const shown = this.fitted(image)
    const full = shown ? image.naturalWidth / shown : 2
    this.scale(full > LARGER ? full : 2, point)
  }

  /** How wide the picture is without zoom. */
  fitted(image) {
    const { width, height } = this.room.getBoundingClientRect()
    return image?.naturalWidth ? Math.min(width, (height * image.naturalWidth) / image.naturalHeight) : 0
  }

  scale(zoom, point) {
    const { left, top, width, height } = this.room.getBoundingClientRect()
    const at = point ? [point.x - left - width / 2, point.y - top - height / 2] : [0, 0]
    zoom = Math.min(MOST, Math.max(1, zoom))
    const by = zoom / this.zoom
    this.place(zoom, at[0] - (at[0] - this.x) * by, at[1] - (at[1] - this.y) * by)
  }

  pan(dx, dy) { this.place(this.zoom, this.x + dx, this.y + dy) }

  place(zoom, x, y) {
    const { width, height } = this.room.getBoundingClientRect()
    const [mostX, mostY] = [(width * (zoom - 1)) / 2, (height * (zoom - 1)) / 2]
    const was = this.isZoomed
    this.zoom = zoom
    this.x = Math.max(-mostX, Math.min(mostX, x))
    this.y = Math.max(-mostY, Math.min(mostY, y))
    for (const [name, value] of [["--zoom", zoom], ["--x", `${this.x}px`], ["--y", `${this.y}px`]]) {
      this.room.style.setProperty(name, value)
    }
    this.room.classList.toggle("zoomed", this.isZoomed)
    if (was !== this.isZoomed) this.on.zoomed(this.isZoomed)
  }

  down(event) {
    this.touched = event.pointerType === "touch"
    if (event.button !== 0 || event.target.closest("input")) return
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY })
    this.room.setPointerCapture(event.pointerId)
    if (this.pointers.size > 1) {
      this.still = false
      this.let()
      return
    }
    this.still = true
    this.from = { x: event.clientX, y: event.clientY }
    this.timer = setTimeout(() => { this.held = this.on.held(true) }, HOLD_MS)
  }

  move(event) {
    const last = this.pointers.get(event.pointerId)
    if (!last) return
    const now = { x: event.clientX, y: event.clientY }
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point)
      const apart = Math.hypot(now.x - other.x, now.y - other.y), was = Math.hypot(last.x - other.x, last.y - other.y)
      this.scale((this.zoom * apart) / (was || 1), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 })
    } else if (!this.held) {
      if (Math.hypot(now.x - this.from.x, now.y - this.from.y) > STILL_PX) {
        this.still = false
        clearTimeout(this.timer)
      }
      if (this.isZoomed && !this.still) this.pan(now.x - last.x, now.y - last.y)
    }
    this.pointers.set(event.pointerId, now)
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return
    clearTimeout(this.timer)
    if (this.held) return this.let()
    if (this.pointers.size || event.type === "pointercancel") return
    const [dx, dy] = [event.clientX - this.from.x, event.clientY - this.from.y]
    if (this.still) this.on.clicked({ x: event.clientX, y: event.clientY })
    else if (!this.isZoomed && this.touched && Math.abs(dx) > SWIPE_PX && Math.abs(dx) > 2 * Math.abs(dy)) {
      this.on.swiped(dx < 0 ? 1 : -1)
    }
  }

  let() {
    clearTimeout(this.timer)
    if (this.held) this.on.held(false)
    this.held = false
  }

  wheel(event) {
    if (!event.ctrlKey && !this.isZoomed) return // the page scrolls
    event.preventDefault()
    const by = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002))
    this.scale(this.zoom * by, { x: event.clientX, y: event.clientY })
  }
}
