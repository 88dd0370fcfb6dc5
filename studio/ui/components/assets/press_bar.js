// Each press is kept here, numbered, until Python says that it has arrived: a message that overtakes another, or a run
// that two of them share, loses none. A bar put up anew begins a new list under a name of its own.
const bars = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  let bar = bars.get(parentElement)
  if (!bar) bars.set(parentElement, (bar = new Bar(parentElement.querySelector(".bar"))))
  bar.send = presses => setTriggerValue("pressed", presses)
  bar.show(data)
  return () => {
    bar.end()
    bars.delete(parentElement)
  }
}

class Bar {
  constructor(element) {
    this.element = element
    this.name = Math.random().toString(36).slice(2) + Date.now().toString(36)
    this.number = 0
    this.waiting = []
    this.onKey = event => this.key(event)
    this.onPaste = event => this.paste(event)
    document.addEventListener("keydown", this.onKey, true)
    document.addEventListener("paste", this.onPaste, true)
  }

  end() {
    document.removeEventListener("keydown", this.onKey, true)
    document.removeEventListener("paste", this.onPaste, true)
  }

  show(data) {
    const [name, number] = data.arrived.split(":")
    if (name === this.name) this.waiting = this.waiting.filter(press => press.number > Number(number))
    this.mode = data.mode
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
      action,
      words: words ? words.value : null,
      text: editor ? editor.text() : null,
      revision: editor ? editor.revision : null,
    })
    this.say()
    window.dispatchEvent(new CustomEvent("fibo:pressed", { detail: { mode: this.mode, action } }))
    this.send([...this.waiting])
  }
}
