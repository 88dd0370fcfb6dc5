// The tree a picture belongs to: each branch with what was said and what it changed; any picture opens, any few compare.
import { asked, button, icon, make, marked, roomIn, thumbOf } from "./parts.js"

const GONE = { deleted: "Deleted", missing: "Not here any more", damaged: "Cannot be read" }
const COMPARED_MAX = 9
const FRESH_MS = 20_000 // for which a tree is shown again as it was read

export class LineageTree {
  /** `on` hears `opened(id)` and `compare(ids)`. */
  constructor(host, on) {
    this.on = on
    this.room = roomIn(host, "kin")
    this.picked = new Set()
    this.title = make("h3", { textContent: "Where it comes from" })
    this.compare = button("Compare", "compare", () => this.on.compare([...this.picked]), { title: "Compare the ticked pictures" })
    this.report = make("a", { className: "button", download: "", title: "The whole tree as one HTML file" }, icon("description"), make("b", { textContent: "Report" }))
    this.list = make("ul", { className: "tree", role: "tree", ariaMultiSelectable: "true" })
    this.list.setAttribute("aria-label", "The pictures it comes from, and those made from it")
    this.notes = make("p", { className: "faint", role: "status" })
    this.room.append(make("header", {}, this.title, this.compare, this.report), this.list, this.notes)
    this.list.addEventListener("keydown", event => this.press(event))
    this.list.addEventListener("click", event => {
      const item = event.target.closest("[data-id]")
      if (!item || event.target.closest("summary")) return
      if (event.target.closest(".tick") || event.ctrlKey || event.metaKey) this.toggle(item.dataset.id)
      else this.open(item)
    })
  }

  leave() { this.asking?.abort() }

  /** Shows the tree of a picture; of one that is in the tree already, at once. */
  async show(id) {
    this.id = id
    this.asking?.abort()
    if (this.tree?.nodes.some(node => node.id === id)) {
      this.draw()
      if (performance.now() - this.readAt < FRESH_MS) return
    } else this.wait()
    const asking = (this.asking = new AbortController())
    try {
      this.tree = await asked(`/generations/${id}/lineage`, { signal: asking.signal })
    } catch (error) {
      if (error.name === "AbortError") return
      this.tree = null
      this.list.replaceChildren()
      this.notes.textContent = error.message
      return
    }
    this.readAt = performance.now()
    if (id === this.id) this.draw()
  }

  wait() {
    this.tree = null
    this.picked.clear()
    this.list.replaceChildren()
    this.notes.textContent = ""
    this.drawPicks()
  }

  draw() {
    const { tree } = this
    this.nodes = new Map(tree.nodes.map(node => [node.id, node]))
    for (const id of this.picked) if (this.nodes.get(id)?.standing !== "here") this.picked.delete(id)
    const alone = tree.nodes.length === 1
    this.report.href = `/api/v1/generations/${this.id}/report.html`
    this.title.textContent = alone ? "Where it comes from" : `Its family, ${tree.nodes.filter(node => node.standing === "here").length} pictures`
    const focused = this.list.getRootNode().activeElement?.closest?.("[data-id]")?.dataset.id
    const held = this.list.scrollTop
    this.list.replaceChildren(...(alone ? [] : tree.branches.map(branch => this.branch(branch))))
    this.list.scrollTop = held
    this.notes.textContent = alone ? "It was not made from another picture, and none was made from it." : tree.notes.join(" ")
    this.reach(focused && this.nodes.has(focused) ? focused : this.id)
    if (focused) this.item(focused)?.focus({ preventScroll: true })
    this.drawPicks()
    this.bringIntoSight(this.item(this.id))
  }

  /** Scrolls the tree alone, never what it stands in. */
  bringIntoSight(item) {
    if (!item || this.seen === this.id) return
    this.seen = this.id
    const { top, bottom } = item.getBoundingClientRect(), room = this.list.getBoundingClientRect()
    if (top < room.top || bottom > room.bottom) this.list.scrollTop += top - room.top - room.height / 3
  }

  branch(branch) {
    const nodes = branch.ids.map(id => this.nodes.get(id))
    const [first] = nodes
    const said = branch.words || (first.standing !== "here" ? GONE[first.standing] : branch.depth ? branch.line : "The first picture")
    const head = make("p", { className: "said", dir: "auto", textContent: said || "Nothing was said" })
    const line = branch.words ? branch.line : ""
    const item = make("li", { className: "branch", role: "none" }, head)
    item.style.setProperty("--depth", Math.min(branch.depth, 10))
    if (nodes.some(node => node.changes?.length)) item.append(this.changes(line || branch.line, nodes))
    else if (line) item.append(make("p", { className: "faint", textContent: line }))
    item.append(make("div", { className: "group", role: "group" }, ...nodes.map(node => this.node(node, branch.depth, said))))
    return item
  }

  changes(line, nodes) {
    const keys = nodes.map(node => JSON.stringify(node.changes))
    const told = keys.every(key => key === keys[0]) ? nodes.slice(0, 1) : nodes
    const rows = told.flatMap(node => [
      ...(told.length > 1 ? [make("h4", { textContent: `seed ${node.seed}` })] : []),
      ...(node.changes ?? []).map(change => make("p", { className: "change" }, make("code", { textContent: change.title }), ...marked(change.words))),
      ...(node.changes_left_off ? [make("p", { className: "faint", textContent: `and ${node.changes_left_off} more` })] : []),
    ])
    return make("details", {}, make("summary", { textContent: line }), ...rows)
  }

  node(node, depth, said) {
    const here = node.standing === "here"
    const item = make("div", { className: here ? "node" : "node gap", role: "treeitem", tabIndex: -1, data: { id: node.id }, title: here ? `seed ${node.seed} · ${node.model}` : GONE[node.standing] })
    item.setAttribute("aria-level", depth + 1)
    item.setAttribute("aria-label", here ? `${said || "A picture"}, seed ${node.seed}` : GONE[node.standing])
    if (node.id === this.id) item.setAttribute("aria-current", "true")
    if (!here) {
      item.setAttribute("aria-disabled", "true")
      item.append(icon(node.standing === "deleted" ? "delete" : "broken_image"))
      return item
    }
    item.setAttribute("aria-selected", "false")
    item.append(
      make("img", { src: thumbOf(node.id), alt: "", loading: "lazy", decoding: "async" }),
      make("span", { className: "tick", aria: { hidden: "true" }, title: "Tick to compare (x)" }, icon("check")),
    )
    return item
  }

  item(id) { return this.list.querySelector(`[data-id="${CSS.escape(id)}"]`) }

  /** The one that the Tab key reaches. */
  reach(id) {
    for (const item of this.list.querySelectorAll("[data-id]")) item.tabIndex = item.dataset.id === id ? 0 : -1
  }

  open(item) {
    if (item.getAttribute("aria-disabled")) return
    this.reach(item.dataset.id)
    if (item.dataset.id !== this.id) this.on.opened(item.dataset.id)
  }

  toggle(id) {
    if (this.nodes.get(id)?.standing !== "here") return
    if (!this.picked.delete(id) && this.picked.size < COMPARED_MAX) this.picked.add(id)
    this.drawPicks()
  }

  drawPicks() {
    for (const item of this.list.querySelectorAll("[aria-selected]")) item.setAttribute("aria-selected", String(this.picked.has(item.dataset.id)))
    const count = this.picked.size
    this.list.classList.toggle("picking", count > 0)
    this.compare.hidden = (this.tree?.nodes.length ?? 0) < 2
    this.compare.disabled = count < 2
    this.compare.querySelector("b").textContent = count > 1 ? `Compare ${count}` : "Compare"
    this.compare.title = count > 1 ? "Compare the ticked pictures" : "Tick two to nine pictures of the tree (x), then compare them"
  }

  press(event) {
    const item = event.target.closest("[data-id]")
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return
    const items = [...this.list.querySelectorAll("[data-id]")]
    const at = items.indexOf(item), node = this.nodes.get(item.dataset.id)
    const to = {
      ArrowUp: items[at - 1], ArrowDown: items[at + 1], Home: items[0], End: items.at(-1),
      ArrowLeft: node.parent_id && this.item(node.parent_id),
      ArrowRight: items.find(each => this.nodes.get(each.dataset.id).parent_id === node.id),
    }
    if (event.key in to) {
      if (to[event.key]) {
        this.reach(to[event.key].dataset.id)
        to[event.key].focus()
      }
    } else if (event.key === "Enter") this.open(item)
    else if (event.key === "x" || event.key === " ") this.toggle(item.dataset.id)
    else return
    event.preventDefault()
    event.stopPropagation() // arrows would lead to the gallery's neighbours
  }
}
