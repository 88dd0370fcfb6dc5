// The brush: what is to be repainted, marked over the picture at the picture's own pixels. Strokes are kept as they were
// drawn, so that each can be taken back; after each the mark is sent to the studio as a black and white PNG, and Python
// is told its name.
//
// One finger, the pen and the mouse mark while the brush is on; two fingers, the wheel, the middle button and the keys
// of the stage zoom and move the picture all the same.
import { Mark, pngOf } from "./mark.js"

const LEAST = 0.01, MOST = 0.5 // of the picture's shorter side: how thick the brush is at the ends of its scale
const STEP = 8 // of the scale's hundred, for a key
const WAIT_MS = 8000 // for a mark that is on its way when a button is pressed
const LOST = "The mark has not reached the studio. It is sent again with the next stroke."
const finger = matchMedia("(pointer: coarse)")
const kept = ((window.fibo ??= {}).stage ??= {}) // what its user has chosen, for this tab

export class Brush {
  /** `on` hears `said(words)` for those who listen and `changed()`; `lens` takes two fingers and the middle button. */
  constructor(root, lens, on) {
    this.lens = lens
    this.on = on
    this.alone = root.querySelector(".alone")
    this.layer = this.alone.querySelector(".mark")
    this.tip = this.alone.querySelector(".tip")
    this.switch = root.querySelector(".marker")
    this.row = root.querySelector(".marking")
    this.hint = root.querySelector(".hint")
    for (const name of ["erase", "thick", "invert", "clear", "undo", "redo", "outline"]) {
      this[name] = this.row.querySelector(`.${name}`)
    }
    this.mark = new Mark(this.layer.querySelector("canvas"))
    this.data = null
    this.shown = null
    this.sent = Promise.resolve() // the last mark that is on its way
    this.name = "" // of the mark as it was kept last; "" for none
    this.wanted = kept.brush ?? !finger.matches
    this.erases = false
    this.fingers = new Map() // that are down, by pointer: the last event of each
    this.thick.value = kept.thick ?? 30
    this.switch.onclick = () => this.turn(!this.isOn)
    this.erase.onclick = () => this.turnEraser(!this.erases)
    this.thick.oninput = () => { kept.thick = this.thick.value }
    this.invert.onclick = () => this.add({ kind: "invert" }, "The mark is inverted.")
    this.clear.onclick = () => this.add({ kind: "clear" }, "Nothing is marked.")
    this.undo.onclick = () => this.step("undo")
    this.redo.onclick = () => this.step("redo")
    this.outline.onchange = () => this.markObject()
    for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
      this.alone.addEventListener(name, event => this.hear(event), true)
    }
    this.alone.addEventListener("pointerleave", () => { this.tip.hidden = true })
  }

  leave() {
    if (window.fibo.marks?.[this.data?.mode] === this) delete window.fibo.marks[this.data.mode]
  }

  /** What Python says: whose picture is marked, and its mark where Python has set another (`revision`). */
  use(data, tell) {
    this.tell = tell
    const former = this.data
    this.data = data
    if (data === null) return
    ;(window.fibo.marks ??= {})[data.mode] = this
    if (former?.outlines?.length !== data.outlines.length || former.outlines.some((each, at) => each.label !== data.outlines[at].label)) {
      this.fillOutlines()
    }
    if (former?.picture !== data.picture) this.mark.begin(data.width, data.height)
    if (former?.picture !== data.picture || former.revision !== data.revision) this.load()
  }

  /** Shows the mark that Python knows; the one before has its way back. */
  async load() {
    const { mark, picture } = this.data
    const name = nameOf(mark)
    if (name === this.name && this.mark.picture === picture) return
    const first = this.mark.picture !== picture
    this.mark.picture = picture
    this.name = name
    if (!mark) {
      if (!first) this.mark.add({ kind: "clear" })
    } else {
      const wanted = () => this.data?.picture === picture && this.name === name
      if (!(await this.mark.load(mark, wanted)) && wanted()) this.forget()
    }
    this.drawRow()
  }

  /** The mark that Python knows is not kept any more. */
  forget() {
    this.name = ""
    this.tell("marked", { picture: this.data.picture, name: "" })
    this.on.amiss("The mark is not kept any more. Draw it again.")
  }

  /** Whether one marks now: the brush is on, and the stage shows the picture that is marked, by itself. */
  get isOn() { return this.wanted && this.shown !== null && this.alone.dataset.mode === "picture" }

  /** For the picture that is shown alone, null for none. */
  draw(shown) {
    this.shown = this.data !== null && shown?.id === this.data.picture ? shown : null
    this.switch.hidden = this.row.hidden = this.data === null
    this.row.classList.toggle("away", this.shown === null)
    this.row.inert = this.shown === null
    this.layer.hidden = this.shown === null || this.alone.dataset.mode !== "picture"
    this.alone.classList.toggle("marks", this.isOn)
    this.switch.setAttribute("aria-pressed", String(this.isOn))
    if (!this.isOn) {
      this.tip.hidden = true
      this.drop()
    }
    this.drawRow()
  }

  drawRow() {
    const held = this.row.getRootNode().activeElement
    if (this.mark.isEmpty) this.erases = false // there is nothing to erase
    this.erase.disabled = this.mark.isEmpty
    this.undo.disabled = !this.mark.canUndo
    this.redo.disabled = !this.mark.canRedo
    this.clear.disabled = this.mark.isEmpty
    this.erase.setAttribute("aria-pressed", String(this.erases))
    this.hint.hidden = this.shown === null || this.alone.dataset.mode !== "picture" || !this.mark.isEmpty || !this.data.hint
    this.hint.textContent = this.isOn ? this.data?.hint ?? "" : finger.matches ? "Press the brush, then paint over what is to change" : ""
    if (!this.hint.textContent) this.hint.hidden = true
    if (held?.disabled && this.row.contains(held)) this.hold() // a grey button hears no key
  }

  /** The stage hears the keys. */
  hold() { this.alone.closest(".stage").focus({ preventScroll: true }) }

  turn(on) {
    this.wanted = kept.brush = on
    if (on) kept.mode = "picture" // one marks the picture by itself
    this.on.changed()
  }

  /** From the eraser to the brush, else on and off. */
  turnBrush() {
    const on = !this.isOn || this.erases
    this.erases = false
    this.turn(on)
  }

  turnEraser(on) {
    if (on && this.mark.isEmpty) return
    this.erases = on
    if (!this.isOn) this.turn(true)
    this.drawRow()
  }

  fillOutlines() {
    const first = new Option("Mark an object…", "")
    this.outline.replaceChildren(first, ...this.data.outlines.map(({ label }, at) => new Option(label, String(at))))
    this.outline.hidden = !this.data.outlines.length
  }

  markObject() {
    const object = this.data.outlines[Number(this.outline.value)]
    if (this.outline.value && object) this.add({ kind: "outline", shapes: object.shapes }, `${object.label} is marked.`)
    this.outline.value = ""
    this.hold()
  }

  add(op, words) {
    this.mark.add(op)
    this.ended(words)
  }

  step(which) {
    if (this.mark[which]()) this.ended(which === "undo" ? "Taken back." : "Done again.")
  }

  /** Something has changed the mark: it is sent, and Python told. */
  ended(words = "") {
    this.drawRow()
    if (words) this.on.said(words)
    this.changed = true
    this.sent = this.sent.then(() => this.send())
  }

  async send() {
    if (!this.changed) return // a later one has taken it along
    this.changed = false
    if (this.data === null) return
    const { picture } = this.data
    try {
      const png = await pngOf(this.mark)
      const name = png === null ? "" : await keep(png)
      if (this.data?.picture !== picture) return
      this.name = name
      this.tell("marked", { picture, name })
      if (this.lost) this.on.amiss(this.lost = "")
    } catch (error) {
      this.changed = true
      this.on.amiss(this.lost = error.message || LOST)
    }
  }

  /** The name of the mark as it is seen, once it is kept; null where it cannot be. For a button that goes by it. */
  async settled() {
    if (this.data === null || this.shown === null) return undefined
    const waits = new Promise(done => setTimeout(done, WAIT_MS))
    await Promise.race([this.sent, waits])
    if (this.changed) await Promise.race([(this.sent = this.sent.then(() => this.send())), waits])
    return this.changed ? null : this.name
  }

  // Keys

  /** Does what a key asks for, with the focus on the stage or in it; whether it asks for anything. */
  press(event) {
    if (this.shown === null || event.altKey || event.target === this.outline) return false
    const key = event.key.toLowerCase()
    if (event.ctrlKey || event.metaKey) {
      if (key === "z") this.step(event.shiftKey ? "redo" : "undo")
      else if (key === "y") this.step("redo")
      else if (key === "i" && !event.shiftKey) this.invert.click()
      else return false
      return true
    }
    if (key === "b") this.turnBrush()
    else if (key === "e") this.turnEraser(!this.erases)
    else if (key === "[" || key === "]") this.thicken(key === "]" ? STEP : -STEP)
    else if (key === "delete" || key === "backspace") this.clear.click()
    else return false
    return true
  }

  thicken(by) {
    this.thick.value = kept.thick = Math.min(100, Math.max(1, Number(this.thick.value) + by))
    if (this.lastSeen) this.follow(this.lastSeen)
  }

  // Pointers

  /** How thick the brush is, in pixels of the picture: finer steps where it is fine. */
  get width() {
    const { width, height } = this.mark.canvas
    return Math.max(2, Math.min(width, height) * (LEAST + (MOST - LEAST) * (Number(this.thick.value) / 100) ** 2))
  }

  hear(event) {
    if (!this.isOn && !this.fingers.size) return
    const { type, pointerId: id } = event
    if (type === "pointermove") this.follow(event)
    if (this.gives) return this.give(event) // two fingers, or the middle button: all of it is the lens's
    if (type === "pointerdown") {
      if (event.pointerType === "mouse" && event.button === 1) return this.pan(event)
      if (event.button !== 0) return
      event.stopImmediatePropagation()
      this.alone.setPointerCapture(id)
      this.hold()
      this.fingers.set(id, event)
      if (this.fingers.size === 1) this.begin(event)
      else this.giveAll()
    } else if (this.fingers.has(id)) {
      event.stopImmediatePropagation()
      if (type === "pointermove") {
        this.fingers.set(id, event)
        for (const each of event.getCoalescedEvents?.() ?? []) this.draws(each)
        this.draws(event)
      } else {
        this.fingers.delete(id)
        if (type === "pointerup") this.end()
        else this.drop()
      }
    }
  }

  begin(event) {
    this.mark.beginStroke(this.erases, this.width, this.pointOf(event))
    this.following = event.pointerId
  }

  draws(event) {
    if (this.following === event.pointerId) this.mark.moveTo(this.pointOf(event))
  }

  end() {
    this.following = null
    if (this.mark.endStroke()) this.ended()
  }

  /** The stroke that is being drawn was none. */
  drop() {
    this.following = null
    this.fingers.clear()
    this.gives = false
    this.mark.dropStroke()
  }

  /** A second finger: what the first has drawn was no stroke, and both move the picture. */
  giveAll() {
    const down = [...this.fingers.values()]
    this.following = null
    this.mark.dropStroke()
    this.gives = true
    for (const event of down) this.lens.down(asDown(event))
  }

  pan(event) {
    event.preventDefault()
    event.stopImmediatePropagation()
    this.fingers.set(event.pointerId, event)
    this.gives = true
    this.lens.down(asDown(event))
    this.lens.still = false
    this.lens.let()
  }

  give({ type, pointerId }) {
    if (type === "pointerup" || type === "pointercancel") {
      this.fingers.delete(pointerId)
      if (!this.fingers.size) this.gives = false
    }
  }

  /** Shows how large the brush is, where the mouse or the pen is. */
  follow(event) {
    if (event.pointerType === "touch" && !this.fingers.size) return
    this.lastSeen = event
    const room = this.alone.getBoundingClientRect()
    const side = (this.width * this.mark.canvas.getBoundingClientRect().width) / this.mark.canvas.width
    this.tip.hidden = !this.isOn || Boolean(this.gives)
    Object.assign(this.tip.style, {
      width: `${side}px`, height: `${side}px`,
      transform: `translate(${event.clientX - room.left - side / 2}px, ${event.clientY - room.top - side / 2}px)`,
    })
  }

  pointOf(event) {
    const { left, top, width, height } = this.mark.canvas.getBoundingClientRect()
    const { canvas } = this.mark
    return [((event.clientX - left) / width) * canvas.width, ((event.clientY - top) / height) * canvas.height]
  }
}

/** What the lens takes for a finger that has just come down. */
function asDown(event) {
  const { pointerType, pointerId, clientX, clientY, target } = event
  return { pointerType, pointerId, clientX, clientY, target, button: 0 }
}

const nameOf = address => /([0-9a-f]{64})\.png$/.exec(address ?? "")?.[1] ?? ""

/** Has the studio keep a picture; its name, the SHA-256 of what is kept. */
async function keep(png) {
  const answer = await fetch("/inputs", { method: "POST", body: png, headers: { "Content-Type": "image/png" } })
  if (answer.ok) return nameOf((await answer.json()).picture)
  if (answer.status === 401) throw new Error("You are logged out. Log in again in another tab, then draw on.")
  throw new Error((await answer.json().catch(() => ({}))).detail ?? LOST)
}
