// Each press is kept in this tab, numbered, until Python says that it was carried out: a message that overtakes another,
// a run that two of them share, a reload or a server that is gone for a while loses none. A bar put up anew gives its
// own presses another name, and sends those that a former one left.
const AGAIN_MS = 4000, AGAIN_MOST_MS = 30_000 // until what nobody has answered is sent once more
const KEPT_MS = 12 * 3600 * 1000 // the desk knows an order that comes again for a day
const bars = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  let bar = bars.get(parentElement)
  if (!bar) bars.set(parentElement, (bar = new Bar(parentElement.querySelector(".bar"), data.mode)))
  bar.send = presses => setTriggerValue("pressed", presses)
  bar.show(data)
  return () => {
    bar.end()
    bars.delete(parentElement)
  }
}

class Bar {
  constructor(element, mode) {
    this.element = element
    this.mode = mode
    this.name = Math.random().toString(36).slice(2) + Date.now().toString(36)
    this.number = 0
    this.waiting = kept(mode)
    this.again = AGAIN_MS
    if (this.waiting.length) this.sendLater(0)
    this.onKey = event => this.key(event)
    this.onPaste = event => this.paste(event)
    document.addEventListener("keydown", this.onKey, true)
    document.addEventListener("paste", this.onPaste, true)
  }

  end() {
    clearTimeout(this.timer)
    document.removeEventListener("keydown", this.onKey, true)
    document.removeEventListener("paste", this.onPaste, true)
  }

  show(data) {
    const count = this.waiting.length
    this.waiting = this.waiting.filter(press => press.number > (data.done[press.bar] ?? 0))
    if (this.waiting.length < count) this.keep()
    this.first = data.buttons[0].action
    data.buttons.forEach((each, index) => {
      let button = this.element.children[index]
      if (!button) {
        button = document.createElement("button")
        button.type = "button"
        button.append(document.createElement("span"))
        if (index === 0) {
          this.beside = document.createElement("kbd")
          this.beside.setAttribute("aria-hidden", "true")
          button.append(this.beside)
        }
        this.element.append(button)
      }
      button.className = index === 0 ? "primary" : "second"
      button.firstChild.textContent = each.label
      button.title = each.help
      button.onclick = () => this.press(each.action)
      if (index === 0) button.setAttribute("aria-keyshortcuts", "Control+Enter")
    })
    while (this.element.children.length > data.buttons.length) this.element.lastChild.remove()
    this.say()
  }

  keep() {
    if (!this.waiting.length) clearTimeout(this.timer)
    try {
      sessionStorage.setItem(place(this.mode), JSON.stringify(this.waiting))
    } catch {
      sessionStorage.removeItem(place(this.mode)) // no room: they wait here alone
    }
  }

  sendLater(ms) {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      if (!this.waiting.length) return
      this.send([...this.waiting])
      this.sendLater(this.again)
      this.again = Math.min(2 * this.again, AGAIN_MOST_MS)
    }, ms)
  }

  // Beside the first button's name: its keys, or how many presses are on their way.
  say() {
    const count = this.waiting.length
    this.element.classList.toggle("sending", count > 0)
    const keys = navigator.platform.startsWith("Mac") ? "⌘ Enter" : "Ctrl+Enter"
    this.beside.textContent = count ? `sending ${count} …` : keys
  }

  // Ctrl+Enter wherever the cursor is. A field that is being typed into is left first, so that Streamlit takes what
  // stands in it before the press.
  key(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat || event.isComposing) return
    if (document.querySelector("[role=dialog]")) return
    const field = document.activeElement
    if (field?.matches("input, textarea")) {
      field.blur()
      field.focus({ preventScroll: true })
    } else {
      event.preventDefault()
      event.stopPropagation()
    }
    this.press(this.first)
  }

  words() {
    return document.querySelector(`.st-key-${this.mode}_words :is(textarea, input)`)
  }

  // JSON pasted among the words is told at once, by leaving the field: Python makes it the prompt.
  paste(event) {
    const words = this.words()
    if (words && event.target === words && /"\s*:/.test(event.clipboardData?.getData("text") ?? ""))
      setTimeout(() => words.blur())
  }

  press(action) {
    const words = this.words()
    const editor = window.fibo?.editors?.[this.mode]
    this.waiting.push({
      bar: this.name,
      number: ++this.number,
      at: Date.now(),
      action,
      words: words ? words.value : null,
      text: editor ? editor.text() : null,
      revision: editor ? editor.revision : null,
    })
    this.say()
    window.dispatchEvent(new CustomEvent("fibo:pressed", { detail: { mode: this.mode, action } }))
    this.keep()
    this.send([...this.waiting])
    this.again = AGAIN_MS
    this.sendLater(this.again)
  }
}

const place = mode => `fibo.presses.${mode}`

function kept(mode) {
  try {
    const presses = JSON.parse(sessionStorage.getItem(place(mode))) ?? []
    return presses.filter(press => Date.now() - press.at < KEPT_MS)
  } catch {
    return [] // nothing that this page has written
  }
}
