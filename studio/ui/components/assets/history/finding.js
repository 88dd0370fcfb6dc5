// The search: suggestions while one types, what was understood of it and what was not, and what it can be narrowed by.
import { button, counted, later, make } from "./dom.js"
import { api } from "./acts.js"
import { asked } from "./source.js"

const SUGGEST_MS = 150, FACET_VALUES = 6
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC"

/** A query as the API asks for it. */
const questionOf = ({ q = "", trash }) => new URLSearchParams({ q, zone: ZONE, ...(trash && { deleted: "true" }) })

export class Finding {
  /** `on` hears `look()` when the field's text is to be searched for, `say(words)`. */
  constructor(root, on) {
    for (const name of ["search", "suggestions", "places", "keep", "chips", "waits", "facets", "count"]) {
      this[name] = root.querySelector(`.${name}`)
    }
    this.field = this.search.querySelector("input")
    this.on = on
    this.items = []
    this.at = -1 // the suggestion that Enter takes
    this.suggest = later(SUGGEST_MS, () => this.fetchSuggestions())
    this.typed = later(300, () => this.on.look())
    this.field.addEventListener("input", () => {
      this.typed()
      this.suggest()
    })
    this.field.addEventListener("keydown", event => this.press(event))
    this.field.addEventListener("blur", () => this.offer([]))
    this.search.onsubmit = event => {
      event.preventDefault()
      this.look()
    }
    this.places.onchange = () => this.toPlace(this.places.value)
    this.fetchPlaces()
  }

  leave() {
    this.suggest.stop()
    this.typed.stop()
  }

  look() {
    this.typed.stop()
    this.suggest.stop()
    this.offer([])
    this.on.look()
  }

  set text(text) {
    this.field.value = text
    this.look()
  }

  // suggestions

  async fetchSuggestions() {
    const { value, selectionStart } = this.field
    if (!value.trim()) return this.offer([])
    try {
      const at = [...value.slice(0, selectionStart)].length // Python counts characters
      const { items } = await asked(`/api/v1/generations/suggestions?${new URLSearchParams({ q: value, at })}`)
      if (this.field.value === value && document.activeElement === this.field) this.offer(items)
    } catch (error) {
      this.offer([])
    }
  }

  offer(items) {
    this.items = items
    this.at = -1
    this.suggestions.hidden = !items.length
    this.field.setAttribute("aria-expanded", String(items.length > 0))
    this.field.removeAttribute("aria-activedescendant")
    this.suggestions.replaceChildren(...items.map((item, index) => {
      const line = make("li", { role: "option", id: `fibo-suggestion-${index}`, aria: { selected: "false" } }, make("span", { textContent: item.text }))
      if (item.pictures !== null) line.append(make("small", { textContent: item.pictures.toLocaleString("en") }))
      line.onpointerdown = event => {
        event.preventDefault() // the field keeps the focus
        this.take(item)
      }
      return line
    }))
  }

  take({ text, start, end }) {
    const before = [...this.field.value]
    const written = [...before.slice(0, start), text]
    this.field.value = [...written, ...before.slice(end)].join("")
    const cursor = written.join("").length
    this.field.setSelectionRange(cursor, cursor)
    this.look()
  }

  press(event) {
    const count = this.items.length
    if (count && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      this.at = (this.at + (event.key === "ArrowDown" ? 1 : count) + (this.at < 0 && event.key === "ArrowUp" ? 0 : 0)) % count
      ;[...this.suggestions.children].forEach((line, index) => line.setAttribute("aria-selected", String(index === this.at)))
      this.field.setAttribute("aria-activedescendant", `fibo-suggestion-${this.at}`)
    } else if (count && event.key === "Enter" && this.at >= 0) this.take(this.items[this.at])
    else if (count && event.key === "Escape") this.offer([])
    else if (event.key === "Escape" && this.field.value) this.text = ""
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  // what was understood, and what narrows

  /** Asks how many there are, and how the search was read; gives the count. */
  async tell(query) {
    this.query = query
    const told = await asked(`/api/v1/generations/count?${questionOf(query)}`)
    if (query !== this.query) return null
    const found = `${told.count.toLocaleString("en")}${told.more ? "+" : ""}`
    this.count.textContent = told.more ? `${found} pictures` : counted(told.count, "picture")
    this.showUnderstood(query.q, told)
    this.fetchFacets(query)
    return told
  }

  showUnderstood(q, { chips, problems, unsearched }) {
    const letters = [...q]
    this.chips.hidden = !q || !chips.length
    this.chips.replaceChildren(...chips.map(chip => {
      const without = [...letters.slice(0, chip.start), ...letters.slice(chip.end)].join("").replace(/ {2,}/g, " ").trim()
      return button(`${chip.excluded ? "not " : ""}${chip.label}`, "close", () => { this.text = without }, {
        className: chip.excluded ? "chip excluded" : "chip", title: "Leave this out of the search",
      })
    }))
    const waits = unsearched ? [`Older pictures are being read for the search (${unsearched.toLocaleString("en")} left): until then not all are found by their words.`] : []
    this.waits.hidden = !q || !waits.length
    this.waits.textContent = waits.join(" ")
    this.missed = problems // told where the pictures would be: what is not understood finds none
  }

  async fetchFacets(query) {
    let facets = []
    try {
      ({ facets } = await asked(`/api/v1/generations/facets?${questionOf(query)}`))
    } catch (error) {
      // the search goes without
    }
    if (query !== this.query) return
    const written = query.q.toLowerCase()
    const groups = facets.map(({ label, values }) => {
      const offered = values.filter(({ term }) => !written.includes(term.toLowerCase())).slice(0, FACET_VALUES)
      const chips = offered.map(({ value, term, pictures }) =>
        make("button", { type: "button", title: `Narrow by ${term}`, onclick: () => { this.text = `${query.q} ${term}`.trim() } },
          make("b", { textContent: value }), make("small", { textContent: pictures === null ? "" : pictures.toLocaleString("en") })))
      return chips.length ? make("span", { className: "facet", role: "group", aria: { label } }, make("em", { textContent: label }), ...chips) : ""
    }).filter(Boolean)
    this.facets.hidden = !groups.length || Boolean(query.trash)
    this.facets.replaceChildren(...groups)
  }

  // collections and kept searches

  async fetchPlaces() {
    try {
      this.collections = (await api("GET", "/collections")).items
    } catch (error) {
      this.collections = []
    }
    const option = (value, words) => make("option", { value, textContent: words })
    const named = kept => this.collections.filter(each => (each.query !== null) === kept).map(({ name, pictures }) => option(`in:"${name}"`, pictures === null ? name : `${name} (${pictures.toLocaleString("en")})`))
    const group = (label, options) => (options.length ? [make("optgroup", { label }, ...options)] : [])
    this.places.replaceChildren(
      option("", "Collections"), option("all", "All pictures"), option("is:favorite", "Starred"),
      ...group("Collections", named(false)), ...group("Kept searches", named(true)),
      make("optgroup", { label: "This search" }, option("keep", "Keep this search…")),
    )
  }

  toPlace(value) {
    this.places.value = ""
    if (value === "keep") this.keepSearch()
    else if (value) this.text = value === "all" ? "" : value
  }

  /** Asks for a name, in a line under the search. */
  keepSearch() {
    const query = this.field.value.trim()
    if (!query) return this.on.say("There is no search to keep. Type one first.")
    const words = "A name for this search"
    const field = make("input", { value: query, autocomplete: "off", required: true, maxLength: 100, aria: { label: words } })
    const close = () => {
      this.keep.hidden = true
      this.places.focus()
    }
    this.keep.onsubmit = event => {
      event.preventDefault()
      if (!field.value.trim()) return
      close()
      this.keepAs(field.value.trim(), query)
    }
    this.keep.onkeydown = event => {
      if (event.key !== "Escape") return
      event.stopPropagation()
      close()
    }
    this.keep.replaceChildren(field, button("Keep it", "bookmark", () => this.keep.requestSubmit()), button("Not now", "close", close))
    this.keep.hidden = false
    field.focus()
    field.select()
  }

  async keepAs(name, query) {
    try {
      await api("POST", "/collections", { name, query })
      this.on.say(`“${name}” is kept among the collections.`)
      this.fetchPlaces()
    } catch (error) {
      this.on.say(error.message)
    }
  }
}
