// The stage: one picture, or a batch as a grid, in a place that is reserved from the press to the end.
import { Follower } from "./follow.js"
import { Grid, columnsFor } from "./grid.js"
import { Layers } from "./layers.js"

const stages = new WeakMap()

export function show(args) {
  const { parentElement } = args
  if (!stages.has(parentElement)) stages.set(parentElement, new Stage(parentElement))
  stages.get(parentElement).update(args)
}

export function leave(parentElement) {
  stages.get(parentElement)?.leave()
  stages.delete(parentElement)
}

class Stage {
  constructor(root) {
    for (const name of ["stage", "box", "alone", "back", "says", "bar", "heard"]) {
      this[name] = root.querySelector(`.${name}`)
    }
    this.layers = new Layers(root.querySelector(".alone .canvas"))
    this.grid = new Grid(root.querySelector(".grid"), index => this.open(index))
    this.follower = new Follower(batch => this.hear(batch), why => this.sayAmiss(why))
    this.data = { batch: null, picture: null, before: null, shape: [1, 1] }
    this.batch = null // as the studio told it last
    this.opened = null // the number of the cell that its user has opened, which Python may not know of yet
    this.told = "" // the batch and attempt whose end Python knows of
    this.back.onclick = () => this.toGrid()
    this.stage.addEventListener("keydown", event => this.press(event))
    this.sized = new ResizeObserver(() => this.draw())
    this.sized.observe(this.stage)
  }

  leave() {
    this.follower.end()
    this.sized.disconnect()
  }

  update({ data, setTriggerValue }) {
    this.tell = setTriggerValue
    const former = this.data
    this.data = data
    if (data.batch?.id !== former.batch?.id) {
      this.batch = null
      this.opened = null
      this.grid.clear()
    }
    if (this.opened !== null && data.picture?.id === this.batch?.cells[this.opened]?.id) this.opened = null
    const { batch } = data
    if (batch && (batch.going || this.batch === null || !this.batch.ended)) this.follower.follow(batch.id)
    else this.follower.follow(null)
    this.draw()
  }

  hear(batch) {
    this.batch = batch
    this.draw()
    const end = `${batch.id} ${this.data.batch.attempt}`
    if (batch.ended && this.data.batch.going && this.told !== end) {
      this.told = end
      this.tell("ended", batch.id)
    }
  }

  /** The cell that is shown alone, where it is one of the batch's. */
  get cell() {
    if (this.opened !== null) return this.batch?.cells[this.opened] ?? null
    if (this.data.picture) return this.batch?.cells.find(cell => cell.id === this.data.picture.id) ?? null
    return this.several ? null : this.batch?.cells[0] ?? null
  }

  get several() { return (this.data.batch?.pictures ?? 1) > 1 }

  get showsGrid() { return this.several && this.opened === null && !this.data.picture }

  draw() {
    const { batch, picture, before, shape } = this.data
    const cell = this.cell
    const alone = this.opened === null && picture ? picture : cell
    const [width, height] = alone ? [alone.width, alone.height] : batch ? [batch.width, batch.height] : shape
    this.stage.querySelector(".grid").hidden = !this.showsGrid
    this.back.hidden = !(this.several && cell !== null)
    if (this.showsGrid) this.drawGrid(batch, width, height)
    else this.reserve(width, height, 1, 1)

    let source = alone?.src ?? alone?.preview
    const alt = alone?.alt ?? batch?.title ?? "The picture"
    if (source && !this.showsGrid) this.layers.show(source, alone.src ? alt : "The picture so far", alone.src ? "result" : "preview")
    else if (!this.layers.top && before && !this.layers.asked) this.layers.show(before.src, before.alt, "former")
    const bare = this.showsGrid ? !this.batch?.cells.some(each => each.src || each.preview) : !source
    const painting = batch?.going && !this.batch?.ended
    this.alone.dataset.as = this.showsGrid ? (bare ? "former" : "hidden") : bare && painting ? "former" : "picture"
    this.say(painting && (this.showsGrid || alone === cell) ? this.batch?.does ?? "" : "")
    this.bar.hidden = !painting
    this.bar.firstElementChild.style.transform = `scaleX(${this.batch?.fraction ?? 0})`
    this.stage.dataset.state = painting ? "painting" : this.batch?.state ?? "still"
  }

  drawGrid(batch, width, height) {
    const room = this.stage.clientWidth || 600, most = this.tallest()
    const columns = columnsFor(batch.pictures, width / height, room, most)
    const rows = Math.ceil(batch.pictures / columns)
    this.reserve(width, height, columns, rows)
    this.grid.make(batch.pictures, columns)
    if (this.batch) this.grid.fill(this.batch.cells, this.batch.title)
  }

  /** The tallest that the stage may be, in pixels. */
  tallest() {
    const tall = getComputedStyle(this.stage).getPropertyValue("--tall").trim()
    return (parseFloat(tall) / 100) * window.innerHeight || window.innerHeight * 0.7
  }

  reserve(width, height, columns, rows) {
    this.box.style.setProperty("--ratio", `${(width * columns) / (height * rows)}`)
    this.box.style.setProperty("--most", `${2.5 * width * columns}px`) // larger is only blur
  }

  say(words) {
    if (this.amissWhy) return
    this.says.textContent = words
  }

  sayAmiss(why) {
    if (why === this.amissWhy) return
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
    this.says.toggleAttribute("aria-hidden", !why)
    this.heard.textContent = this.says.textContent
  }

  open(index) {
    this.opened = index
    const id = this.batch.cells[index].id
    if (id) this.tell("chosen", { kind: "chosen", id })
    this.draw()
    this.stage.focus({ preventScroll: true })
  }

  toGrid() {
    this.opened = null
    this.data = { ...this.data, picture: null }
    this.tell("chosen", { kind: "grid", id: this.data.batch.id })
    this.draw()
  }

  press(event) {
    if (event.key === "Escape" && !this.back.hidden) this.toGrid()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
}
