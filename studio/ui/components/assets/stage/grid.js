// A batch of several as a grid: its cells fill as they are painted, and a click opens one. Where something varies, the
// grid is a table with the values at its edges; a third axis makes several tables.
import { Layers } from "./layers.js"

const WORDS = { failed: "Failed", cancelled: "Cancelled", interrupted: "Interrupted", deleted: "Deleted" }
const HOLES = 0.75 // a grid with holes must show its cells so much larger to be worth it
const TURNED = 1.2 // rows stand as columns where that makes the cells so much larger
const EDGE_PX = 28, LABEL_MOST_PX = 120, LETTER_PX = 7 // what a line, and a letter, of the edges takes
const FULL_UP_TO = 4 // cells that show their picture itself, and not its thumbnail

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

/** What varies in a batch: each axis with its values, the last for columns; and each cell's place on them. */
export function axesOf({ axes, cells }) {
  const values = new Map(axes.map(axis => [axis.name, [...axis.values]]))
  for (const { place } of cells) {
    for (const [name, value] of Object.entries(place)) {
      if (!values.has(name)) values.set(name, [])
      if (!values.get(name).includes(value)) values.get(name).push(value)
    }
  }
  const names = [...values.keys()]
  const places = cells.map(cell => names.map(name => cell.place[name]))
  if (names.length && new Set(places.map(place => JSON.stringify(place))).size < cells.length) {
    names.push("seed")
    values.set("seed", [...new Set(cells.map(cell => cell.seed))])
    places.forEach((place, index) => place.push(cells[index].seed))
  }
  return { names, values: names.map(name => values.get(name)), places }
}

/** Where a cell stands on the axes, or the first of them, in words: "conditions: night · seed: 2". */
export function placeInWords({ names, places }, index, first = names.length) {
  return names.slice(0, first).map((name, axis) => `${short(name)}: ${places[index][axis]}`).join(" · ")
}

const short = name => name.split(".").at(-1)

export class Grid {
  /** `open` hears the number of a cell, `filled` that a picture has come. */
  constructor(element, open, filled) {
    this.element = element
    this.open = open
    this.filled = filled
    this.clear()
    element.addEventListener("keydown", event => this.press(event))
  }

  clear() {
    this.cells = []
    this.laid = ""
    this.element.replaceChildren()
  }

  get hasPicture() { return this.cells.some(cell => cell.layers.top) }

  /** Lays `count` cells of a ratio out in a room of `width` × `height`; gives the size of it all, and its columns. */
  lay(count, ratio, width, height, batch) {
    while (this.cells.length > count) this.cells.pop()
    while (this.cells.length < count) this.cells.push(this.cell(this.cells.length))
    const axes = batch === null ? { names: [], values: [], places: [] } : axesOf(batch)
    this.axes = axes
    const sizes = axes.values.map(each => each.length)
    const isTable = sizes.length > 1 && sizes.reduce((one, other) => one * other, 1) <= 2 * count
    const shape = isTable ? this.tables(axes, ratio, width, height) : this.flow(axes, count, ratio, width, height)
    this.cells[0].button.tabIndex = 0
    return shape
  }

  flow(axes, count, ratio, width, height) {
    const columns = columnsFor(count, ratio, width, height)
    this.columns = columns
    this.arrange(`flow ${columns} ${count} ${axes.names}`, () => {
      this.element.className = "grid"
      this.element.style.gridTemplateColumns = tracks(columns)
      this.cells.forEach(({ button, label }, index) => {
        label.textContent = axes.names.length ? axes.places[index].join(" · ") : ""
        button.title = axes.names.length ? placeInWords(axes, index) : ""
      })
      return this.cells.map(cell => cell.button)
    })
    return [columns, Math.ceil(count / columns) / ratio, columns]
  }

  tables(axes, ratio, width, height) {
    const straight = measure(axes, ratio, width, height), turned = measure(turn(axes), ratio, width, height)
    const isTurned = turned.cell > TURNED * straight.cell
    const { names, values, places } = isTurned ? turn(axes) : axes
    const { across, label, size } = isTurned ? turned : straight
    const [rows, columns] = values.slice(-2), outer = product(values.slice(0, -2))
    this.columns = columns.length
    this.arrange(`tables ${across} ${label} ${JSON.stringify(values)} ${this.cells.length}`, () => {
      this.element.className = "grid tables"
      this.element.style.gridTemplateColumns = tracks(across)
      return outer.map(place => {
        const table = document.createElement("div")
        table.className = "table"
        table.style.gridTemplateColumns = `${label}px ${tracks(columns.length)}`
        table.style.gridTemplateRows = `${place.length ? "auto " : ""}auto repeat(${rows.length}, minmax(2.25rem, 1fr))`
        if (place.length) table.append(edge(placeInWords({ names, places: [place] }, 0, place.length), "", "over"))
        table.append(edge(corner(names), names.slice(-2).join(", "), "corner"))
        for (const column of columns) table.append(edge(column, `${names.at(-1)}: ${column}`))
        for (const row of rows) {
          table.append(edge(row, `${names.at(-2)}: ${row}`))
          for (const column of columns) {
            const index = places.findIndex(each => same(each, [...place, row, column]))
            table.append(index < 0 ? document.createElement("span") : this.cells[index].button)
          }
        }
        return table
      })
    })
    return [...size, across * columns.length]
  }

  /** Builds anew only what is to be laid out in another way, so that pictures stay as they are. */
  arrange(how, build) {
    if (how === this.laid) return
    this.laid = how
    this.element.replaceChildren(...build())
  }

  cell(index) {
    const button = document.createElement("button")
    button.type = "button"
    button.className = "cell"
    button.tabIndex = -1
    button.innerHTML = "<span class='canvas'></span><span class='word'></span><span class='label'></span>"
    const [canvas, word, label] = button.children
    button.onclick = () => { if (this.cells[index].has) this.open(index) }
    button.onfocus = () => this.cells.forEach(cell => { cell.button.tabIndex = cell.button === button ? 0 : -1 })
    return { button, word, label, layers: new Layers(canvas), has: false }
  }

  fill(told, title) {
    told.forEach((each, index) => {
      const cell = this.cells[index]
      const source = each.src ? (told.length > FULL_UP_TO ? each.thumb : each.src) : each.preview
      const word = WORDS[each.state] ?? ""
      if (source) {
        cell.layers.show(source, "").then(there => {
          if (there) this.filled()
          else if (there === false && each.src) cell.word.textContent = "Not there any more"
        })
      } else if (each.state !== "running") {
        cell.layers.clear()
      }
      if (cell.said !== word) cell.word.textContent = cell.said = word
      cell.has = Boolean(source)
      cell.button.setAttribute("aria-disabled", String(!cell.has))
      cell.button.dataset.state = each.state
      const place = this.axes.names.length ? `${placeInWords(this.axes, index)}, ` : ""
      const state = stateInWords(each, this.axes.names)
      cell.button.setAttribute("aria-label", `${title}, ${index + 1} of ${told.length}: ${place}${state}`)
    })
  }

  /** Arrow keys lead from cell to cell. */
  press(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns }[event.key]
    if (step === undefined || !event.target.closest(".cell")) return
    const next = this.cells[this.cells.findIndex(cell => cell.button === event.target.closest(".cell")) + step]
    event.preventDefault()
    event.stopPropagation()
    next?.button.focus()
  }

  focus(index = 0) { this.cells[index]?.button.focus({ preventScroll: true }) }
}

function stateInWords(told, names) {
  if (told.state === "done") return names.includes("seed") ? "painted" : `seed ${told.seed}`
  return WORDS[told.state]?.toLowerCase() ?? (told.preview ? "being painted" : "waiting")
}

function edge(text, title, more = "") {
  const label = document.createElement("span")
  label.className = `edge ${more}`
  label.textContent = text
  label.title = title
  return label
}

/** How large the cells of tables can be in a room, in how many columns of tables, and what the edges take. */
function measure({ names, values }, ratio, width, height) {
  const [rows, columns] = values.slice(-2), count = product(values.slice(0, -2)).length
  const across = columnsFor(count, (ratio * columns.length) / rows.length, width, height)
  const down = Math.ceil(count / across), head = EDGE_PX * (names.length > 2 ? 2 : 1)
  const longest = Math.max(...[...rows.map(String), ...corner(names).split("\n")].map(text => text.length))
  const label = Math.round(Math.min(LABEL_MOST_PX, width / across / 4, longest * LETTER_PX + 2 * LETTER_PX))
  const cell = Math.min((width / across - label) / columns.length, ((height / down - head) / rows.length) * ratio)
  const size = [across * (label + columns.length * cell), down * (head + (rows.length * cell) / ratio)]
  return { across, label, cell, size }
}

/** The same axes with the last two changed: rows for columns. */
function turn({ names, values, places }) {
  const swap = list => [...list.slice(0, -2), list.at(-1), list.at(-2)]
  return { names: swap(names), values: swap(values), places: places.map(swap) }
}

const corner = names => `${short(names.at(-2))} ↓\n${short(names.at(-1))} →` // two lines, so that both are read whole
const tracks = count => `repeat(${count}, minmax(2.25rem, 1fr))`
const same = (one, other) => one.every((value, index) => value === other[index])
const product = lists =>
  lists.reduce((places, list) => places.flatMap(place => list.map(value => [...place, value])), [[]])
