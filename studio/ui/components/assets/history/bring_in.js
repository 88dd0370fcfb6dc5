// Pictures and zips that are dropped on the gallery, or chosen: sent in pieces, then followed until they are in. It goes on
// while one walks about the studio; what is being taken in goes on without the page too, and is found again after a reload.
import { api } from "./acts.js"
import { button, counted, make } from "./dom.js"
import { asked } from "./source.js"

const PIECE = 8 << 20, TRIES = 4, LOOK_MS = 700
const KINDS = "image/*,.zip"

// What outlives a walk to another page of the studio in this tab: what is going on, and who shows it.
const kept = ((window.fibo ??= {}).coming ??= { now: null, view: null })

export class BringIn {
  /** `added(given)` hears when pictures have come in. */
  constructor(root, { added, failed }) {
    this.root = root
    this.added = added
    this.failed = failed
    this.input = make("input", { type: "file", multiple: true, accept: KINDS, hidden: true })
    this.input.onchange = () => {
      send([...this.input.files].map(file => ({ file, name: file.name })))
      this.input.value = ""
    }
    this.choose = button("Bring in", "add_photo_alternate", () => this.input.click(), {
      className: "choose", title: "Bring in pictures, or a zip of them: or drop them here",
    })
    root.querySelector(".trash").before(this.choose, this.input)
    this.place = make("div", { className: "drop", hidden: true }, make("b", { textContent: "Drop pictures, folders or a zip to bring them in" }))
    this.panel = make("section", { className: "coming", hidden: true, aria: { label: "What comes in" } })
    root.append(this.place)
    root.querySelector(".foot").prepend(this.panel)
    this.listen()
    kept.view = this
    if (kept.now) this.draw(kept.now)
    else this.findAgain()
  }

  leave() {
    for (const [name, heard] of Object.entries(this.heard)) removeEventListener(name, heard)
    if (kept.view === this) kept.view = null
  }

  listen() {
    const brings = event => event.dataTransfer?.types.includes("Files")
    this.heard = {
      dragenter: event => { if (brings(event)) this.place.hidden = false },
      dragover: event => { if (brings(event)) event.preventDefault() },
      dragleave: event => { if (!event.relatedTarget) this.place.hidden = true },
      drop: async event => {
        this.place.hidden = true
        if (!brings(event)) return
        event.preventDefault()
        try {
          send(await filesOf(event.dataTransfer))
        } catch (error) {
          this.failed(`What was dropped cannot be read (${error.message}). Choose the files instead.`)
        }
      },
    }
    for (const [name, heard] of Object.entries(this.heard)) addEventListener(name, heard)
  }

  /** What the studio was taking in when the page was loaded anew. */
  async findAgain() {
    try {
      const { items } = await api("GET", "/imports")
      const going = items.find(each => each.state === "waiting" || each.state === "running")
      if (going && !kept.now) follow(going)
    } catch (error) {
      // the gallery itself says that the studio does not answer
    }
  }

  draw({ words, fraction, reasons = [], stop }) {
    this.panel.hidden = false
    const bar = make("progress", { max: 1, aria: { label: "How much is done" } })
    if (fraction !== null) bar.value = fraction
    const parts = [make("span", { textContent: words, role: "status" })]
    if (stop) parts.push(bar, button("Cancel", "close", stop))
    else parts.push(button("Close", "close", () => this.close()))
    this.panel.replaceChildren(...parts)
    if (reasons.length) {
      const list = make("ul", {}, ...reasons.map(each => make("li", { textContent: each })))
      this.panel.append(make("details", {}, make("summary", { textContent: counted(reasons.length, "remark") }), list))
    }
  }

  close() {
    this.panel.hidden = true
    kept.now = null
  }
}

/** Sends files, `{ file, name }` each, and has them taken in. */
async function send(files) {
  if (!files.length) return
  const going = { ended: false }
  const total = files.reduce((sum, { file }) => sum + file.size, 0)
  const holding = event => event.preventDefault()
  let sent = 0, id = ""
  const stop = () => { going.ended = true }
  const tell = () => show({ words: `Sending ${counted(files.length, "file")}: ${megabytes(sent)} of ${megabytes(total)}`, fraction: total ? sent / total : 0, stop })
  addEventListener("beforeunload", holding)
  try {
    tell()
    id = (await api("POST", "/imports", {})).id
    const names = new Set()
    for (const [index, { file, name }] of files.entries()) {
      const called = names.has(name) ? `${index + 1}/${name}` : name // a sidecar is found by its picture's name
      names.add(called)
      let offset = 0
      do {
        if (going.ended) throw new Error("Cancelled. Nothing came in.")
        const reached = await piece(id, called, file, offset)
        sent += reached - offset
        offset = reached
        tell()
      } while (offset < file.size)
    }
    follow(await api("POST", `/imports/${id}/start`))
  } catch (error) {
    if (id) api("DELETE", `/imports/${id}`).catch(() => {})
    show({ words: error.message, fraction: 0 })
  } finally {
    removeEventListener("beforeunload", holding)
  }
}

/** Sends a piece, again where the line breaks; how much of the file is there then. */
async function piece(id, name, file, offset) {
  const body = file.slice(offset, offset + PIECE)
  const where = new URLSearchParams({ name, offset })
  for (let tries = 1; ; tries++) {
    try {
      await asked(`/api/v1/imports/${id}/files?${where}`, { method: "PUT", body, headers: { "Content-Type": "application/octet-stream" } })
      return offset + body.size
    } catch (error) {
      if (tries === TRIES) throw error
      await new Promise(done => setTimeout(done, tries * 1000))
      const has = (await api("GET", `/imports/${id}`)).files.find(each => each.name === name)?.bytes ?? 0
      if (has !== offset) return Math.min(has, file.size)
    }
  }
}

/** Shows how an import stands until it is over. */
async function follow(given) {
  const stop = () => api("DELETE", `/imports/${given.id}`).catch(error => show({ words: error.message, fraction: 0 }))
  while (!given.ended) {
    const many = given.total ? `${given.done.toLocaleString("en")} of ${counted(given.total, "file")} looked at, ` : ""
    show({ words: `Bringing in ${given.title}: ${many}${counted(given.added, "picture")} in`, fraction: given.total ? given.fraction : null, stop })
    await new Promise(done => setTimeout(done, LOOK_MS))
    try {
      given = await api("GET", `/imports/${given.id}`)
    } catch (error) {
      show({ words: error.message, fraction: null, stop })
    }
  }
  show({ words: told(given), fraction: 1, reasons: given.reasons })
  if (given.added || given.mended) kept.view?.added(given)
}

function told(given) {
  const parts = [`${counted(given.added, "picture")} came in`]
  if (given.already_here) parts.push(`${given.already_here.toLocaleString("en")} were here already`)
  if (given.in_trash) parts.push(`${given.in_trash.toLocaleString("en")} of them in the trash`)
  if (given.left_out) parts.push(`${given.left_out.toLocaleString("en")} left out`)
  const words = `${parts.join(", ")}.`
  if (given.state === "cancelled") return `Cancelled. ${words}`
  return given.error ? `${given.error} ${words}` : words
}

function show(now) {
  kept.now = now
  kept.view?.draw(now)
}

/** The files of a drop, those of folders too, each with its path. */
async function filesOf(data) {
  const entries = [...data.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean)
  if (!entries.length) return [...data.files].map(file => ({ file, name: file.name }))
  const found = []
  for (const entry of entries) await gather(entry, found)
  return found
}

async function gather(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed))
    if (!file.name.startsWith(".")) found.push({ file, name: entry.fullPath.replace(/^\//, "") })
    return
  }
  const reader = entry.createReader()
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed))
    if (!some.length) return
    for (const each of some) await gather(each, found)
  }
}

const megabytes = size => size < 1e6 ? `${Math.ceil(size / 1000)} kB` : `${(size / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })} MB`
