// Two to nine pictures compared, over the whole window: the stage or a grid above, their recipes and JSON below, only what
// differs.
import { asked, button, imageOf, make, marked, momentOf, roomIn, seconds, thumbOf } from "./parts.js"
import { ZoomGrid } from "./zoom_grid.js"

const PARTS = { recipe: "How they were painted", prompt: "Their JSON" }

export class CompareView {
  /** `root` gets the dialog. `stage` is the address of the stage's script, `markup` its HTML with its styles. `on` hears
   * `opened(id)`, `shown(ids)` whenever others are shown, and `closed()`. */
  constructor(root, { stage, markup }, on) {
    this.on = on
    this.stageFrom = stage
    this.dialog = make("dialog", { className: "fibo-compare" })
    this.dialog.setAttribute("aria-label", "Pictures compared")
    this.dialog.style.cssText = "position:fixed;inset:0;width:100vw;height:100dvh;max-width:none;max-height:none;margin:0;padding:0;border:0;background:#0c0c0e;color:inherit;overflow:auto;outline:none;scrollbar-gutter:stable"
    const host = make("div")
    this.dialog.append(host)
    root.append(this.dialog)
    this.room = roomIn(host, "compare")
    this.title = make("h2", { tabIndex: -1 })
    this.swap = button("Swap", "swap_horiz", () => this.show([...this.ids].reverse()), { title: "The other one as the picture before" })
    this.all = button("All", "unfold_more", () => this.toggleAll(), { title: "Also what is the same in all of them" })
    this.says = make("p", { className: "faint", role: "status" })
    this.place = make("div", { className: "place" })
    this.stageHost = make("div")
    this.shadow = this.stageHost.attachShadow({ mode: "open" })
    this.shadow.innerHTML = markup
    this.grid = new ZoomGrid()
    this.table = make("table")
    this.room.append(
      make("header", {}, button("Close", "close", () => this.close(), { title: "Close (Esc)", className: "close" }), this.title, this.swap, this.all),
      this.place, this.says, this.table,
    )
    this.dialog.addEventListener("cancel", event => {
      event.preventDefault()
      this.close()
    })
    this.dialog.addEventListener("keydown", event => event.stopPropagation()) // the page under it has keys of its own
  }

  leave() {
    this.asking?.abort()
    this.stage?.leave(this.shadow)
    if (this.dialog.open) this.dialog.close()
    this.dialog.remove()
  }

  get isOpen() { return this.dialog.open }

  async show(ids) {
    this.ids = ids
    this.whole ??= false
    if (!this.dialog.open) {
      this.dialog.showModal()
      this.title.focus()
    }
    this.on.shown(ids)
    await this.ask()
  }

  close() {
    if (!this.dialog.open) return
    this.asking?.abort()
    this.dialog.close()
    this.on.closed()
  }

  toggleAll() {
    this.whole = !this.whole
    this.ask()
  }

  async ask() {
    this.asking?.abort()
    const asking = (this.asking = new AbortController())
    this.title.textContent = `${this.ids.length} pictures compared`
    this.all.setAttribute("aria-pressed", String(this.whole))
    try {
      const found = await asked(`/comparisons?ids=${this.ids.join(",")}&whole=${this.whole}`, { signal: asking.signal })
      await this.draw(found)
    } catch (error) {
      if (error.name === "AbortError") return
      this.place.replaceChildren()
      this.table.replaceChildren()
      this.says.textContent = error.message
    }
  }

  async draw({ pictures, rows, same, left_off }) {
    const two = pictures.length === 2
    this.swap.hidden = !two
    const key = pictures.map(each => each.id).join()
    if (key !== this.drawn) {
      this.drawn = key
      if (two) await this.drawStage(pictures)
      else {
        this.place.replaceChildren(this.grid.element)
        this.grid.show(pictures)
      }
    }
    const differing = rows.filter(row => row.differs).length + left_off
    this.says.textContent = differing
      ? `${differing.toLocaleString("en")} ${differing === 1 ? "place differs" : "places differ"}, ${same.toLocaleString("en")} are the same.${left_off ? ` ${left_off.toLocaleString("en")} of them are not shown.` : ""}`
      : "Nothing differs: they are of one recipe."
    this.table.className = two ? "two" : ""
    this.table.replaceChildren(this.head(pictures), ...Object.keys(PARTS).flatMap(part => this.part(part, rows.filter(row => row.part === part), pictures.length)))
  }

  async drawStage([before, after]) {
    this.stage ??= await import(new URL(this.stageFrom, document.baseURI).href)
    this.place.replaceChildren(this.stageHost)
    const shown = each => ({ id: each.id, src: imageOf(each.id), alt: each.title, width: each.width, height: each.height })
    this.stage.show({
      parentElement: this.shadow,
      data: { picture: shown(after), before: shown(before), neighbours: [], shape: [after.width, after.height] },
      setTriggerValue() {},
    })
  }

  head(pictures) {
    const cells = pictures.map((each, number) => {
      const open = make("button", { type: "button", className: "picture", title: "Open this picture", onclick: () => this.on.opened(each.id) },
        make("img", { src: thumbOf(each.id), alt: "" }), make("span", { className: "number", textContent: number + 1 }))
      open.setAttribute("aria-label", `Open picture ${number + 1}: ${each.title}`)
      const facts = `seed ${each.seed} · ${each.width}×${each.height} · ${seconds(each.duration_s)} · ${each.model} · ${momentOf(each.created_at)}`
      return make("th", { scope: "col" }, open, make("span", { className: "title", dir: "auto", textContent: each.title }), make("span", { className: "faint", textContent: facts }))
    })
    return make("thead", {}, make("tr", {}, make("td"), ...cells))
  }

  part(part, rows, count) {
    if (!rows.length) return []
    const head = make("tr", { className: "part" }, make("th", { colSpan: count + 1, scope: "colgroup", textContent: PARTS[part] }))
    return [make("tbody", {}, head, ...rows.map(row => make(
      "tr", { className: row.differs ? "" : "same" },
      make("th", { scope: "row" }, make("code", { textContent: row.path })),
      ...row.values.map((value, number) => {
        const cell = make("td", { data: { n: number + 1 }, dir: "auto" })
        if (value.there) cell.append(...(value.words.length ? marked(value.words) : [make("span", { className: "faint", textContent: "empty" })]))
        else cell.append(make("span", { className: "faint", textContent: "not there" }))
        return cell
      }),
    )))]
  }
}
