// Two to nine pictures compared: the pictures above, below what differs in their recipes, its words marked.
import { make } from "./dom.js"
import { api } from "./acts.js"

export class Comparison {
  constructor(root) {
    this.dialog = root.querySelector(".comparison")
    this.pictures = this.dialog.querySelector(".pictures")
    this.same = this.dialog.querySelector(".same")
    this.table = this.dialog.querySelector("table")
    this.dialog.querySelector(".close").onclick = () => this.dialog.close()
    this.dialog.addEventListener("keydown", event => event.stopPropagation())
  }

  /** Raises an Error that can be shown. */
  async open(ids) {
    const { pictures, rows, same, left_off } = await api("GET", `/comparisons?ids=${ids.join(",")}`)
    this.pictures.replaceChildren(...pictures.map(({ image, title, seed }) =>
      make("figure", {}, make("img", { src: image, alt: title }), make("figcaption", { textContent: `${title} · seed ${seed}` }))))
    this.same.textContent = `${same} more are the same in all.${left_off ? ` ${left_off} more differ.` : ""}`
    const head = make("tr", {}, make("td"), ...pictures.map(({ title }) => make("th", { scope: "col", textContent: title })))
    this.table.replaceChildren(head, ...rows.map(({ path, values }) =>
      make("tr", {}, make("th", { scope: "row", textContent: path }), ...values.map(valueCell))))
    this.dialog.showModal()
  }

  leave() { if (this.dialog.open) this.dialog.close() }
}

function valueCell({ there, value, words }) {
  if (!there) return make("td", { className: "absent", textContent: "–" })
  if (!words.length) return make("td", { textContent: typeof value === "string" ? value : JSON.stringify(value) })
  const shown = words.filter(({ side }) => side !== "before")
  return make("td", {}, ...shown.map(({ side, text }) => (side === "both" ? text : make("mark", { textContent: text }))))
}
