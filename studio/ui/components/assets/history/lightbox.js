// One picture over the whole window, on the stage; its neighbours are a key, a swipe or a press away, and fetched before.
import { button, hasModifier, imageOf, isTyping, later, make, momentOf, nameOf } from "./dom.js"
import { Family } from "./family.js"
import { Pictures } from "./pictures.js"
import { fillRating } from "./picks.js"
import { Recipe, factsOf, isImported } from "./recipe.js"

const REST_MS = 120 // after the last step, before more than the picture is shown
const SMALL_AROUND = 12, WHOLE_AROUND = 2
const NEAR_END = 30 // tiles before an end of what is loaded

export class Lightbox {
  /** `on` hears `star(id, on)`, `rate(id, rating)`, `pick(id)`, `remove(id)`, `save(id)`, `way(kind, id)`, `compare(ids)`,
   * `linked(id)` of a picture that may be in no tile, `shown(id)`, `closed(id)`; `isPicked(id)` is asked. */
  constructor(root, source, on) {
    this.dialog = root.querySelector(".lightbox")
    for (const name of ["over", "room", "facts", "ways", "heard", "previous", "following", "star", "rate", "pick", "info"]) {
      this[name] = this.dialog.querySelector(`.${name}`)
    }
    this.title = this.dialog.querySelector("h2")
    this.source = source
    this.on = on
    this.pictures = new Pictures()
    this.recipe = new Recipe(this.dialog.querySelector("aside"))
    this.id = ""
    this.host = make("div", { className: "host" })
    this.room.append(this.host)
    this.shadow = this.host.attachShadow({ mode: "open" })
    this.rested = later(REST_MS, () => this.rest())
    this.dialog.addEventListener("cancel", event => {
      event.preventDefault()
      this.close()
    })
    this.dialog.addEventListener("keydown", event => this.press(event))
    this.dialog.querySelector(".close").onclick = () => this.close()
    this.previous.onclick = () => this.go(-1)
    this.following.onclick = () => this.go(1)
    this.star.onclick = () => this.on.star(this.id, !this.tile.favorite)
    fillRating(this.rate)
    this.rate.onchange = () => { if (this.rate.value !== "") this.on.rate(this.id, Number(this.rate.value)) }
    this.pick.onclick = () => this.on.pick(this.id)
    this.info.onclick = () => this.toggleRecipe()
    this.recipe.aside.hidden = !wide()
    this.info.setAttribute("aria-pressed", String(!this.recipe.aside.hidden))
    const way = (words, iconName, kind) => button(words, iconName, () => this.on.way(kind, this.id), { title: words })
    this.all = way("Use all", "brush", "all")
    this.seed = way("Use the seed", "casino", "seed")
    this.ways.append(
      way("Refine", "tune", "refine"), way("Edit", "ink_highlighter", "edit"), way("Inspire", "lightbulb", "inspire"), this.all,
      way("Use the JSON", "data_object", "prompt"), this.seed,
      button("Download", "download", () => this.on.save(this.id), { title: "Download" }),
      button("Delete", "delete", () => this.on.remove(this.id), { title: "Delete (Del)" }),
    )
    this.family = new Family(this.recipe.aside, {
      opened: id => this.on.linked(id),
      compare: ids => this.on.compare(ids),
      look: address => {
        ((window.fibo ??= {}).stage ??= {}).mode = "slider"
        this.drawStage({ src: address, alt: "Painted again" })
      },
    })
    this.grid = way("Open its grid", "grid_view", "grid")
    this.ways.append(this.grid)
  }

  /** The stage comes with its first picture. */
  async begin({ stage, markup, ...rest }) {
    this.recipe.use(rest)
    this.family.use(rest)
    if (this.stage) return
    this.shadow.innerHTML = markup
    this.stage = await import(new URL(stage, document.baseURI).href)
    if (this.isOpen) this.draw()
  }

  leave() {
    this.rested.stop()
    this.recipe.leave()
    this.family.leave()
    this.stage?.leave(this.shadow)
    if (this.dialog.open) this.dialog.close()
  }

  get isOpen() { return this.dialog.open }

  /** The tile of the picture that is shown; of one that is in no tile, what its record says. */
  get tile() { return this.source.tile(this.id) ?? this.alone }

  /** Shows a picture; `alone` is told of one that may be in no tile. */
  open(id, alone = null) {
    this.id = id
    this.alone = alone
    this.owed = 0
    if (!this.dialog.open) this.dialog.showModal()
    this.draw()
    this.rest()
    this.shadow.querySelector(".stage")?.focus({ preventScroll: true })
  }

  close() {
    if (!this.dialog.open) return
    this.dialog.close()
    this.rested.stop()
    this.on.closed(this.id)
  }

  /** To a neighbour; what is not loaded yet is owed, and gone to when it is. */
  go(step) {
    const { tiles } = this.source
    const at = this.source.spot(this.id, this.tile.place)
    const whole = Number.isInteger(at)
    const to = step > 0 ? Math.floor(at) + step : Math.ceil(at) + step
    const end = step > 0 ? "next" : "previous"
    if (tiles[to]) {
      this.id = tiles[to].id
      this.draw()
      this.rested()
    } else if (this.source[end] !== null) {
      this.owed += step
      this.source.more(end).then(() => {
        const owed = this.owed
        this.owed = 0
        if (owed && this.isOpen) this.go(owed)
      })
    } else if (!whole || Math.abs(step) > 1) {
      const last = step > 0 ? tiles.at(-1) : tiles[0]
      if (last) this.id = last.id
      this.draw()
      this.rested()
    } else {
      this.heard.textContent = step > 0 ? "That is the last picture." : "That is the first picture."
    }
    return true
  }

  draw() {
    const { tile } = this
    if (!tile) return
    const at = this.source.spot(this.id, tile.place)
    this.title.textContent = tile.label
    this.previous.disabled = at <= 0 && this.source.previous === null
    this.following.disabled = at >= this.source.tiles.length - 1 && this.source.next === null
    this.fetchAround(Math.round(at), SMALL_AROUND, this.pictures.small)
    this.drawMarks()
    this.drawFacts(null)
    this.drawStage(null)
  }

  drawStage(before) {
    const { tile } = this
    this.stage?.show({
      parentElement: this.shadow,
      data: {
        picture: { id: tile.id, src: imageOf(tile.id), alt: tile.label, width: tile.width, height: tile.height },
        before,
        shape: [tile.width, tile.height],
        onward: step => this.go(step),
        ready: ({ id }) => this.pictures.ready(id),
      },
      setTriggerValue() {},
    })
  }

  drawMarks() {
    const { tile } = this
    if (!tile) return
    const picked = this.on.isPicked(this.id)
    this.star.setAttribute("aria-pressed", String(tile.favorite))
    this.rate.value = tile.rating ? String(tile.rating) : ""
    this.pick.setAttribute("aria-pressed", String(picked))
    this.pick.querySelector("i").textContent = picked ? "check_box" : "check_box_outline_blank"
  }

  drawFacts(record) {
    this.facts.textContent = [...factsOf(this.tile, record), momentOf(this.tile)].join(" · ")
    this.grid.hidden = !this.tile.batch
    if (record) {
      this.all.hidden = isImported(record)
      this.seed.hidden = isImported(record) && !record.versions.seed
    }
  }

  /** Where one stays a moment: the recipe, what it came from, and the neighbours on both sides. */
  async rest() {
    const { id, tile } = this
    if (!this.isOpen || !tile) return
    this.on.shown(id)
    this.heard.textContent = nameOf(tile)
    const at = Math.round(this.source.spot(id, tile.place))
    this.pictures.whole.get(id)
    this.fetchAround(at, WHOLE_AROUND, this.pictures.whole)
    if (at > this.source.tiles.length - NEAR_END) this.source.more("next")
    if (at < NEAR_END) this.source.more("previous")
    let record = null
    try {
      record = await this.pictures.records.get(id)
    } catch (error) {
      if (id === this.id) this.facts.textContent = error.message
      return
    }
    this.fetchAround(at, 1, this.pictures.records)
    if (id !== this.id || !this.isOpen) return
    this.drawFacts(record)
    if (record.parent_id) this.drawStage({ src: imageOf(record.parent_id), alt: "The picture it was made from" })
    if (this.recipe.aside.hidden) return
    this.recipe.show(this.tile, record, momentOf(this.tile))
    this.family.show(id)
  }

  fetchAround(at, reach, kept) {
    for (let away = reach; away >= 1; away -= 1) {
      for (const index of [at - away, at + away]) {
        const tile = this.source.tiles[index]
        if (tile) kept.get(tile.id)
      }
    }
  }

  toggleRecipe() {
    const { aside } = this.recipe
    aside.hidden = !aside.hidden
    this.info.setAttribute("aria-pressed", String(!aside.hidden))
    this.rest()
  }

  press(event) {
    if (hasModifier(event) || event.defaultPrevented) return
    event.stopPropagation() // the page under it has keys of its own
    const inEditor = event.target.closest?.(".fibo-editor")
    if ((isTyping(event) && event.target !== this.rate) || inEditor) {
      if (inEditor && event.key === "i") this.toggleRecipe()
      return
    }
    if (event.key === "ArrowLeft") this.go(-1)
    else if (event.key === "ArrowRight") this.go(1)
    else if (event.key === "f") this.star.click()
    else if (event.key === "x") this.pick.click()
    else if (event.key === "i") this.toggleRecipe()
    else if (/^[0-5]$/.test(event.key)) this.on.rate(this.id, Number(event.key))
    else if (event.key === "Delete") this.on.remove(this.id)
    else if (event.key === "Escape") this.close()
    else return
    event.preventDefault()
  }
}

const wide = () => matchMedia("(min-width: 1100px)").matches
