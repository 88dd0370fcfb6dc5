// Ace as the studio's JSON editor: text in and out with its revision, marks, locks, suggestions, no frame around it.

import { completer } from "./completion.js"
import { fieldOfLine, placeAt, written } from "./json_place.js"

const PAUSE_MS = 250 // after the last key, before Python is told
const SCRIPTS = ["ace.js", "mode-json.js", "ext-language_tools.js", "ext-searchbox.js"] // in this order
const THEME = { cssClass: "ace-fibo", isDark: true, cssText: "" }
// Colours of the page, which Ace's list and tooltips need too: they hang on the document's body.
const COLOURS = [
  "background-color", "secondary-background-color", "text-color", "code-text-color", "link-color", "primary-color",
  "border-color", "gray-color", "gray-text-color", "red-color", "yellow-color", "base-radius",
].map(name => `--st-${name}`)
const kept = new WeakMap() // the editor in each place of a page

/** Shows what Python gives in the component's place; what takes it away again. */
export async function show(component) {
  const root = component.parentElement.querySelector(".fibo-editor")
  const ready = await loaded(root, component.data)
  if (!ready) return undefined
  let editor = kept.get(root)
  if (!editor) {
    editor = new Editor(root, ready, component)
    kept.set(root, editor)
  }
  editor.update(component)
  return () => {
    editor.remove()
    kept.delete(root)
  }
}

let loading = null

async function loaded(root, data) {
  loading ??= Promise.all([fetched(data.words), ...SCRIPTS.map(name => script(new URL(name, beside(data.ace)))), sheet()])
  try {
    const [words] = await loading
    window.ace.config.set("basePath", beside(data.ace).href)
    return words
  } catch {
    loading = null
    root.textContent = "The editor did not load. Check the connection and reload the page; the prompt is kept."
    return null
  }
}

const beside = path => new URL(".", new URL(path, document.baseURI))

async function fetched(path) {
  const answer = await fetch(path)
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
  return answer.json()
}

function script(src) {
  return put(Object.assign(document.createElement("script"), { src, async: false }))
}

function sheet() {
  const href = new URL("editor.css", import.meta.url).href
  return put(Object.assign(document.createElement("link"), { href, rel: "stylesheet" }))
}

function put(element) {
  return new Promise((done, fail) => {
    element.onload = done
    element.onerror = () => fail(new Error(`${element.src || element.href} did not load`))
    document.head.append(element)
  })
}

class Editor {
  constructor(root, words, { data }) {
    const { ace } = window
    this.root = root
    this.Range = ace.require("ace/range").Range
    this.words = completer(words)
    this.box = document.createElement("div")
    this.box.className = "fibo-editor-box"
    this.box.style.height = `${data.height}px`
    root.replaceChildren(this.box)
    this.ace = ace.edit(this.box, { // in this order: a mode begins its worker at once
      useWorker: false, mode: "ace/mode/json", theme: THEME, fontSize: 13, tabSize: 2, useSoftTabs: true, wrap: true,
      showPrintMargin: false, newLineMode: "unix", scrollPastEnd: 0, fixedWidthGutter: true,
      enableBasicAutocompletion: [this.words], enableLiveAutocompletion: false, textInputAriaLabel: data.label,
    })
    this.ace.session.setValue(data.text)
    this.revision = data.revision
    this.sent = this.text()
    this.pasted = null
    this.marks = []
    this.locked = []
    this.asked = [] // what Python has not carried out yet
    this.timer = 0
    this.button = this.lineButton()
    this.listen()
  }

  text() {
    return this.ace.getValue()
  }

  listen() {
    const { ace } = this
    this.flush = this.flush.bind(this)
    ace.on("change", () => {
      clearTimeout(this.timer)
      this.timer = setTimeout(this.flush, this.pasted === null ? PAUSE_MS : 0)
    })
    ace.on("paste", event => (this.pasted = { text: event.text, before: this.text() }))
    ace.on("blur", this.flush)
    document.addEventListener("pointerdown", this.flush, true)
    window.addEventListener("pagehide", this.flush)
    // Ctrl+Enter is the page's: Ace tells Python what it shows, and types nothing.
    this.box.addEventListener("keydown", event => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      this.flush()
    }, true)
    const command = (name, bindKey, exec, more) => ace.commands.addCommand({ name, bindKey, exec, readOnly: true, ...more })
    command("paint", "Ctrl-Enter|Command-Enter", () => {}, { passEvent: true })
    command("leave", "Esc", () => ace.blur())
    command("lock", "Alt-L", () => this.lock(ace.getCursorPosition().row))
    ace.on("guttermousedown", event => {
      if (!this.data.locks || event.domEvent.target.closest(".ace_fold-widget")) return
      this.lock(event.getDocumentPosition().row)
      event.stop()
    })
    ace.selection.on("changeCursor", () => this.placeButton())
    ace.renderer.on("afterRender", () => this.placeButton())
    ace.commands.on("afterExec", ({ command: { name }, args }) => {
      if (name === "insertstring" && args === '"' && this.words.look(ace)) ace.execCommand("startAutocomplete")
      else this.words.look(ace)
    })
    ace.commands.on("exec", () => this.words.look(ace))
  }

  update({ data, setStateValue, setTriggerValue }) {
    const style = getComputedStyle(this.root)
    COLOURS.forEach(name => document.documentElement.style.setProperty(name, style.getPropertyValue(name)))
    this.data = data
    this.setStateValue = setStateValue
    this.setTriggerValue = setTriggerValue
    this.ace.setReadOnly(data.readonly)
    if (data.revision !== this.revision) {
      this.revision = data.revision
      this.replace(data.text)
      clearTimeout(this.timer)
      this.sent = this.text()
    }
    this.mark(data.marks)
    if (data.locked !== null) this.showLocks(data.locked)
    this.box.classList.toggle("locks", data.locks)
    this.asked = this.asked.filter(each => each.number > data.done)
    this.placeButton()
    if (data.name) {
      window.fibo ??= {}
      window.fibo.editors ??= {}
      window.fibo.editors[data.name] = { text: () => this.text(), revision: this.revision, owner: this }
    }
  }

  /** Tells Python what stands here, if it has not been told. */
  flush() {
    clearTimeout(this.timer)
    const text = this.text()
    if (text === this.sent) return
    const { pasted } = this
    this.sent = text
    this.pasted = null
    this.setStateValue("typed", { text, revision: this.revision, pasted })
  }

  /** Another text, of which only what differs is exchanged: cursor and scroll stay, and Ctrl+Z takes it back. */
  replace(text) {
    const { session } = this.ace
    const wanted = text.replace(/\r\n?/g, "\n")
    const shown = this.text()
    if (wanted === shown) return
    const least = Math.min(wanted.length, shown.length)
    let start = 0
    while (start < least && wanted[start] === shown[start]) start += 1
    let same = 0
    while (same < least - start && wanted[wanted.length - 1 - same] === shown[shown.length - 1 - same]) same += 1
    const at = index => session.doc.indexToPosition(index)
    const range = this.Range.fromPoints(at(start), at(shown.length - same))
    session.markUndoGroup()
    session.replace(range, wanted.slice(start, wanted.length - same))
    session.markUndoGroup()
  }

  mark(marks) {
    const { session } = this.ace
    this.marks.forEach(id => session.removeMarker(id))
    this.marks = marks.map(({ row, kind }) => session.addMarker(new this.Range(row, 0, row, 1), `fibo-${kind}`, "fullLine"))
    session.setAnnotations(marks.map(({ row, column, kind, text }) => ({ row, column, type: kind, text })))
  }

  showLocks(rows) {
    const { session } = this.ace
    session.$decorations.forEach((_, row) => session.removeGutterDecoration(row, "fibo-locked"))
    rows.forEach(row => session.addGutterDecoration(row, "fibo-locked"))
  }

  lock(row) {
    const { session } = this.ace
    const line = session.getLine(row)
    const path = fieldOfLine(line, this.text(), session.doc.positionToIndex({ row, column: 0 }))
    if (this.data.locks && path) this.ask("lock", path)
  }

  /** Tells Python what was asked for, with all that it has not carried out yet: messages may overtake each other. */
  ask(kind, path) {
    const last = this.asked.length ? this.asked[this.asked.length - 1].number : 0
    this.asked.push({ number: Math.max(Date.now(), last + 1), kind, path: written(path) })
    this.flush()
    this.setTriggerValue("asked", [...this.asked])
  }

  lineButton() {
    const button = document.createElement("button")
    button.type = "button"
    button.className = "fibo-line"
    button.textContent = "Vary this"
    button.hidden = true
    button.onclick = () => this.field && this.ask("line", this.field)
    this.root.append(button)
    return button
  }

  /** Puts "Vary this" at the end of the cursor's line, where a text or a number stands. */
  placeButton() {
    const { ace } = this
    if (!this.data?.lines) return
    const { row, column } = ace.getCursorPosition()
    const text = this.text()
    const place = placeAt(text, ace.session.doc.positionToIndex({ row, column }))
    const after = place.kind === "key" ? /^"\s*:\s*([{[])/.exec(text.slice(place.end)) : null
    this.field = place.step === null || place.step === undefined || after ? null : [...place.path, place.step]
    const { pageY } = ace.renderer.textToScreenCoordinates(row, 0)
    const top = pageY - window.scrollY - this.root.getBoundingClientRect().top
    this.button.hidden = !this.field || top < 0 || top > this.box.offsetHeight - ace.renderer.lineHeight
    this.button.style.top = `${top}px`
    this.button.setAttribute("aria-label", this.field ? `Vary ${written(this.field)}` : "Vary this")
  }

  remove() {
    const mine = window.fibo?.editors?.[this.data.name]
    if (mine?.owner === this) delete window.fibo.editors[this.data.name]
    clearTimeout(this.timer)
    document.removeEventListener("pointerdown", this.flush, true)
    window.removeEventListener("pagehide", this.flush)
    this.ace.destroy()
  }
}
