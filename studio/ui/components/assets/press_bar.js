// Each press is kept in this tab, numbered, until Python says that it was carried out: a message that overtakes another,
// a run that two of them share, a reload or a server that is gone for a while loses none. A bar put up anew gives its
// own presses another name, and sends those that a former one left.
//
// On a page whose presses clear the words, they leave their field here, at once: what is typed next is the next
// instruction, however long the press takes. Python has words put back or taken out only where the field still holds
// what Python knows of.
//
// A message that two of them share a run with may still be dropped on the way: what has no answer is sent again.
const AGAIN_MS = [1500, 3000, 6000, 12000, 30000]
const SENT_AFTER_MS = 40 // the press goes out after the words have left: the later of two messages is never dropped
const KEPT_MS = 12 * 3600 * 1000 // the desk knows an order that comes again for a day
const bars = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  let bar = bars.get(parentElement)
  if (!bar) bars.set(parentElement, (bar = new Bar(parentElement.querySelector(".bar"), data.mode)))
  bar.send = presses => setTriggerValue("pressed", presses)
  bar.tell = answers => setTriggerValue("changed", answers)
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
    this.asked = [] // the numbers of the changes of the words that Python asks for
    this.answers = new Map() // by number: whether a change of the words was made
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
    this.clears = data.clears
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
    this.change(data.changes)
    this.sendAgain(0)
  }

  // What Python has not answered after a while is sent once more, at growing intervals.
  sendAgain(times) {
    clearTimeout(this.timer)
    if (!this.waiting.length && !this.asked.length) return
    this.timer = setTimeout(() => {
      if (this.waiting.length) this.send([...this.waiting])
      else this.tellAnswers()
      this.sendAgain(times + 1)
    }, AGAIN_MS[Math.min(times, AGAIN_MS.length - 1)])
  }

  // Each change once; what became of it is told until it is not asked for any more.
  change(changes) {
    this.asked = changes.map(({ number }) => number)
    if (!changes.length) return this.answers.clear()
    for (const { number, old, new: text } of changes) {
      if (this.answers.has(number)) continue
      const field = this.words()
      const made = field?.value.trim() === old.trim()
      if (made) write(field, text)
      this.answers.set(number, made)
    }
    setTimeout(() => this.tellAnswers(), SENT_AFTER_MS)
  }

  tellAnswers() {
    this.tell(this.asked.map(number => ({ number, made: this.answers.get(number) })))
  }

  keep() {
    try {
      sessionStorage.setItem(place(this.mode), JSON.stringify(this.waiting))
    } catch {
      sessionStorage.removeItem(place(this.mode)) // no room: they wait here alone
    }
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
    if (field?.matches("input, textarea") && !(this.clears && field === this.words())) {
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
    const mark = window.fibo?.marks?.[this.mode]?.settled()
    const press = {
      bar: this.name,
      number: ++this.number,
      at: Date.now(),
      action,
      words: words ? words.value : null,
      text: editor ? editor.text() : null,
      revision: editor ? editor.revision : null,
    }
    this.waiting.push(press)
    const leave = this.clears && words?.value
    if (leave) write(words, "")
    this.say()
    window.dispatchEvent(new CustomEvent("fibo:pressed", { detail: { mode: this.mode, action } }))
    this.keep()
    const send = () => {
      this.send([...this.waiting])
      this.sendAgain(0)
    }
    if (mark) this.sendWith(press, mark, send)
    else if (leave) setTimeout(send, SENT_AFTER_MS)
    else send()
  }

  // The mark on the stage belongs to the press: a stroke that is on its way is waited for.
  async sendWith(press, mark, send) {
    press.mark = (await mark) ?? null
    this.keep()
    send()
  }
}

// Puts a text into a field of Streamlit's, and has it taken at once: that happens when the field is left, which this
// says without leaving it.
function write(field, text) {
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set.call(field, text)
  field.dispatchEvent(new Event("input", { bubbles: true }))
  setTimeout(() => field.dispatchEvent(new FocusEvent("focusout", { bubbles: true })))
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
