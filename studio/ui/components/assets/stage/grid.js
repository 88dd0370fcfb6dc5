// A batch of several as a grid: its cells fill as they are painted, and a click opens one.
import { Layers } from "./layers.js"

const WORDS = { failed: "Failed", cancelled: "Cancelled", interrupted: "Interrupted" }
const HOLES = 0.75 // a grid with holes must show its cells so much larger to be worth it

/** How many columns show `count` pictures of this ratio largest in a room of `width` × `height`. */
export function columnsFor(count, ratio, width, height) {
  let best = 1, most = 0
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns)
    const size = Math.min(width / columns, (height / rows) * ratio) * (count % columns ? HOLES : 1)
    if (size > most + 0.01) [best, most] = [columns, size]
  }
  return best
}

export class Grid {
  constructor(element, open) {
    this.element = element
    this.open = open
    this.cells = []
  }

  /** Makes room for `count` cells, and keeps those that are there. */
  make(count, columns) {
    this.element.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`
    if (this.cells.length === count) return
    this.cells = Array.from({ length: count }, (_, index) => {
      const button = document.createElement("button")
      button.type = "button"
      button.className = "cell"
      const canvas = document.createElement("span")
      canvas.className = "canvas"
      const word = document.createElement("span")
      word.className = "word"
      button.append(canvas, word)
      button.onclick = () => this.open(index)
      return { button, word, layers: new Layers(canvas) }
    })
    this.element.replaceChildren(...this.cells.map(cell => cell.button))
  }

  fill(cells, alt) {
    cells.forEach((told, index) => {
      const { button, word, layers } = this.cells[index]
      const source = told.src ? (cells.length > 4 ? told.thumb : told.src) : told.preview
      if (source) layers.show(source, "")
      word.textContent = WORDS[told.state] ?? ""
      button.disabled = !source
      button.dataset.state = told.state
      button.setAttribute("aria-label", `${alt}, ${index + 1} of ${cells.length}: ${sayState(told)}`)
    })
  }

  clear() {
    this.cells = []
    this.element.replaceChildren()
  }
}

function sayState(told) {
  if (told.state === "done") return `seed ${told.seed}`
  return WORDS[told.state]?.toLowerCase() ?? (told.preview ? "being painted" : "waiting")
}
