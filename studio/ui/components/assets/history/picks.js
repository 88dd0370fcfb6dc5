// What is picked, and the bar that acts on it.
import { button, make } from "./dom.js"

export class Picks {
  /** `kept` is a set that outlives the page. */
  constructor(kept, source, changed) {
    this.ids = kept
    this.source = source
    this.changed = changed
    this.anchor = ""
    this.whole = false // all that the search finds, loaded or not
  }

  has(id) { return this.whole || this.ids.has(id) }
  get isAny() { return this.whole || this.ids.size > 0 }

  toggle(ids) {
    if (this.whole) this.take()
    const add = !ids.every(id => this.ids.has(id))
    for (const id of ids) this.ids[add ? "add" : "delete"](id)
    this.anchor = ids[0]
    this.changed()
  }

  /** Picks all from the one picked last to this. */
  range(ids) {
    const from = this.source.index(this.anchor), to = this.source.index(ids[0])
    if (from < 0 || to < 0) return this.toggle(ids)
    for (const { id } of this.source.tiles.slice(Math.min(from, to), Math.max(from, to) + 1)) this.ids.add(id)
    for (const id of ids) this.ids.add(id)
    this.changed()
  }

  all() {
    this.whole = true
    this.changed()
  }

  /** From the whole search to what of it is loaded. */
  take() {
    this.whole = false
    for (const { id } of this.source.tiles) this.ids.add(id)
  }

  none() {
    this.whole = false
    this.ids.clear()
    this.anchor = ""
    this.changed()
  }

  remove(ids) {
    for (const id of ids) this.ids.delete(id)
    this.changed()
  }
}

const COMPARED = [2, 9]

export class Bar {
  /** `acts` are what its buttons do. */
  constructor(root, picks, acts) {
    this.element = root.querySelector(".bar")
    this.form = root.querySelector(".label")
    this.picks = picks
    this.acts = acts
  }

  /** `found` is what the search finds, in words: "1,204 pictures". */
  draw(trash, found) {
    const { element, picks, acts } = this
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.does : ""
    element.hidden = !picks.isAny
    if (element.hidden) {
      this.form.hidden = true
      return element.replaceChildren()
    }
    const does = (name, words, iconName, act = () => acts[name]()) => button(words, iconName, act, { data: { does: name }, title: words })
    const compare = does("compare", "Compare", "compare")
    compare.disabled = picks.whole || picks.ids.size < COMPARED[0] || picks.ids.size > COMPARED[1]
    const offered = trash
      ? [does("restore", "Restore", "restore_from_trash"), does("purge", "Delete for good", "delete_forever")]
      : [
        does("star", "Star", "star"), this.rate(), does("tag", "Tag", "sell", () => this.ask("tag")),
        does("collect", "Collection", "folder", () => this.ask("collect")), compare, does("download", "Download", "download"),
        does("remove", "Delete", "delete"),
      ]
    const count = make("span", { className: "picked", textContent: picks.whole ? `All ${found}` : `${picks.ids.size.toLocaleString("en")} picked` })
    const whole = picks.whole ? [] : [make("button", { type: "button", className: "whole", textContent: "Pick all", title: `Pick all ${found}`, onclick: () => picks.all() })]
    element.replaceChildren(count, ...whole, ...offered, button("Pick none", "close", () => picks.none(), { data: { does: "none" }, title: "Pick none (Esc)", className: "end" }))
    if (focused) element.querySelector(`[data-does="${focused}"]`)?.focus()
  }

  rate() {
    const field = make("select", { className: "rate", title: "Rating", aria: { label: "Rating" } })
    fillRating(field)
    field.onchange = () => { if (field.value !== "") this.acts.rate(Number(field.value)) }
    return field
  }

  /** Asks for the name of a tag or a collection. */
  async ask(kind) {
    const words = { tag: "A tag", collect: "A collection" }[kind]
    const field = make("input", { placeholder: words, autocomplete: "off", required: true, aria: { label: words } })
    field.setAttribute("list", "fibo-names")
    const names = make("datalist", { id: "fibo-names" })
    const act = add => () => {
      if (!field.value.trim()) return field.focus()
      this.form.hidden = true
      this.acts[kind](field.value.trim(), add)
    }
    this.form.onsubmit = event => {
      event.preventDefault()
      act(true)()
    }
    this.form.onkeydown = event => {
      if (event.key !== "Escape") return
      event.stopPropagation()
      this.form.hidden = true
      this.element.querySelector(`[data-does="${kind}"]`)?.focus()
    }
    this.form.replaceChildren(field, names, button("Add", "add", act(true)), button("Take off", "remove", act(false)))
    this.form.hidden = false
    field.focus()
    names.replaceChildren(...(await this.acts.names(kind)).map(value => make("option", { value })))
  }
}

/** Offers none to five stars. */
export function fillRating(field) {
  const stars = [1, 2, 3, 4, 5].map(count => make("option", { value: String(count), textContent: "★".repeat(count) }))
  field.replaceChildren(make("option", { value: "", textContent: "Rate" }), make("option", { value: "0", textContent: "No rating" }), ...stars)
}
