// A line for each running batch. What outlives a page (which batches were followed, whether the tab owes its user a look)
// stands in `window.fibo.queue`; the rest belongs to the bar that is on the page.
import { desk } from "./desk.js"

const RUNNING_MS = 400, IDLE_MS = 2000, LONG_S = 20
const PHONE = matchMedia("(max-width: 767px)")
const MISSES = 2 // in a row, until it is said
const AWAY =
  "The studio does not answer. What is pressed now goes on by itself once it is back; what was being painted can be tried again."
const LINES = 3, PHONE_LINES = 1 // that stand there; the others come by a press
const bars = new WeakMap()
const tab = (window.fibo ??= {}).queue ??= { followed: new Map(), done: "", title: "" }

export function show({ data, parentElement, setTriggerValue }) {
  let bar = bars.get(parentElement)
  if (!bar) bars.set(parentElement, (bar = new Bar(parentElement)))
  bar.tell = setTriggerValue
  bar.take(data)
}

export function leave(parentElement) {
  bars.get(parentElement)?.end()
  bars.delete(parentElement)
}

class Bar {
  constructor(root) {
    const find = name => root.querySelector(name)
    this.queue = find(".queue")
    this.lines = find(".lines")
    this.all = find(".all")
    this.count = find(".count")
    this.more = find(".more")
    this.notify = find(".tell")
    this.trouble = find(".trouble")
    this.said = find(".said")
    this.running = []
    this.cancelAll = find(".cancel-all")
    this.names = new Map() // of the batches that have a line
    this.cancelAll.onclick = () => this.running.forEach(each => this.cancel(each.id))
    this.more.onclick = () => {
      this.more.setAttribute("aria-expanded", this.queue.classList.toggle("open"))
      this.draw()
    }
    this.notify.onclick = () => Notification.requestPermission().then(() => this.draw())
    this.pressed = () => {
      if (PHONE.matches) document.querySelector("[data-testid=stMain]").scrollTo({ top: 0, behavior: "smooth" }) // to the picture
      desk.ask()
    }
    this.looked = () => {
      if (!document.hidden) tab.done = ""
      this.name()
    }
    this.resized = () => this.draw()
    PHONE.addEventListener("change", this.resized)
    window.addEventListener("fibo:pressed", this.pressed)
    document.addEventListener("visibilitychange", this.looked)
    this.titles = new MutationObserver(() => this.name())
    this.titles.observe(document.head, { childList: true, characterData: true, subtree: true })
    this.dialogs = new MutationObserver(closeConnectionError)
    this.dialogs.observe(document.body, { childList: true, subtree: true })
  }

  end() {
    desk.leave(this)
    this.titles.disconnect()
    this.dialogs.disconnect()
    PHONE.removeEventListener("change", this.resized)
    window.removeEventListener("fibo:pressed", this.pressed)
    document.removeEventListener("visibilitychange", this.looked)
  }

  take(data) {
    const news = data.seen !== this.data?.seen
    this.data = data
    if (news) desk.join(this)
  }

  wants() {
    return { batch: null, also: [...tab.followed.keys()], wait: this.running.length ? RUNNING_MS : IDLE_MS }
  }

  answered({ running, ended }) {
    this.sayAway(0)
    this.running = running
    for (const each of running) tab.followed.set(each.id, each)
    for (const each of ended) if (tab.followed.delete(each.id)) this.ended(each)
    this.draw()
    this.name()
    this.runAgain()
  }

  missed(misses, status) {
    if (status === 401) this.complain("You are logged out here. Reload this page to log in again.")
    this.sayAway([0, 502, 504].includes(status) ? misses : 0) // a proxy answers for what is gone
  }

  // A run that goes on anyway may show it in a moment; only what still differs at the next look asks for one.
  runAgain() {
    const now = this.running.map(each => [each.id, each.state, each.written, each.painted].join(":")).join(" ")
    if (now !== this.data.seen && now === this.differed && now !== this.told) {
      this.told = now
      this.tell("changed", now)
    }
    this.differed = now
    if (now === this.data.seen) this.told = null
  }

  ended(batch) {
    if (batch.state === "cancelled") return
    const words = batch.state === "done" ? "Done" : "Not painted"
    this.said.textContent = `${words}: ${batch.title}`
    if (!document.hidden) return
    tab.done = words
    if (globalThis.Notification?.permission !== "granted") return
    try {
      const note = new Notification(words, { body: batch.title, tag: batch.id })
      note.onclick = () => {
        window.focus()
        note.close()
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error // Chrome on Android shows none of a page's own
    }
  }

  draw() {
    const { running } = this
    this.queue.hidden = !running.length && this.trouble.hidden
    this.nameThem()
    this.all.hidden = running.length < 3
    this.cancelAll.hidden = running.length < 3
    this.queue.classList.toggle("many", running.length > 2)
    this.count.textContent = `${running.length} batches`
    const open = this.queue.classList.contains("open"), over = running.length - (PHONE.matches ? PHONE_LINES : LINES)
    this.more.hidden = over < 1
    const words = open ? "Fewer" : PHONE.matches ? `+${over}` : `+${over} more`
    if (this.more.textContent !== words) this.more.textContent = words
    this.more.setAttribute("aria-label", `${words}: all that is being painted`)
    const long = running.some(each => each.remaining_s > LONG_S)
    this.notify.hidden = !(long && window.isSecureContext && globalThis.Notification?.permission === "default")
    const before = new Map([...this.lines.children].map(line => [line.dataset.id, line]))
    running.forEach((each, index) => {
      const line = before.get(each.id) ?? this.line(each)
      before.delete(each.id)
      this.fill(line, each)
      if (this.lines.children[index] !== line) this.lines.insertBefore(line, this.lines.children[index] ?? null)
    })
    for (const line of before.values()) line.remove()
    const first = this.lines.firstChild?.querySelector(".cancel")
    if (!first) return
    const buttons = PHONE.matches && !open ? [this.more, this.cancelAll] : PHONE.matches ? [this.more] : []
    stand([this.notify, ...buttons], first)
    stand([this.more, this.cancelAll].filter(each => !buttons.includes(each)), null, this.all)
  }

  /** Tells batches of the same title apart by a number, for as long as they have a line. */
  nameThem() {
    const running = new Set(this.running.map(each => each.id))
    for (const id of this.names.keys()) if (!running.has(id)) this.names.delete(id)
    for (const { id, title } of this.running) {
      if (this.names.has(id)) continue
      const taken = new Set(this.names.values())
      let name = title
      for (let number = 2; taken.has(name); number++) name = `(${number}) ${title}`  // before words that may be cut off
      this.names.set(id, name)
    }
  }

  line(batch) {
    const line = document.createElement("li")
    line.dataset.id = batch.id
    line.innerHTML =
      "<a class='title'></a><span class='bar' role='progressbar' aria-valuemin='0' aria-valuemax='100'><i></i></span>" +
      "<span class='does'></span><button type='button' class='offline'>Ask offline instead</button>" +
      "<button type='button' class='cancel'>Cancel</button>"
    const title = line.querySelector(".title")
    title.href = `${this.data.paths[batch.kind]}?batch=${encodeURIComponent(batch.id)}`
    const name = this.names.get(batch.id)
    title.textContent = name
    title.title = "Show its pictures"
    title.onclick = event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
      event.preventDefault()
      this.tell("opened", { id: batch.id, kind: batch.kind })
    }
    line.querySelector(".cancel").setAttribute("aria-label", `Cancel ${name}`)
    line.querySelector(".cancel").onclick = () => this.cancel(batch.id)
    line.querySelector(".offline").onclick = () =>
      this.ask(batch.id, "PATCH", { writer: "offline" }, "The offline writer was not asked")
    return line
  }

  fill(line, batch) {
    const bar = line.querySelector(".bar"), percent = Math.round(100 * batch.fraction)
    bar.setAttribute("aria-valuenow", percent)
    bar.setAttribute("aria-label", this.names.get(batch.id))
    bar.firstChild.style.transform = `scaleX(${batch.fraction})`
    const by = batch.model && batch.model !== this.data.model ? `, by ${this.data.models[batch.model]}` : ""
    const does = line.dataset.ends ? "Cancelling" : batch.does + by
    line.querySelector(".does").textContent = does
    line.querySelector(".does").title = does
    line.querySelector(".offline").hidden = !batch.waits
    line.querySelector(".cancel").disabled = !!line.dataset.ends
  }

  async cancel(id) {
    const line = [...this.lines.children].find(each => each.dataset.id === id)
    if (line) line.dataset.ends = "1"
    this.draw()
    const done = await this.ask(id, "DELETE", null, "It was not cancelled")
    if (!done && line) delete line.dataset.ends
  }

  async ask(id, method, body, otherwise) {
    let said = "the studio does not answer. Try again."
    try {
      const answer = await fetch(`/api/v1/batches/${encodeURIComponent(id)}`, {
        method,
        headers: body ? { "Content-Type": "application/json" } : {},
        body: body && JSON.stringify(body),
      })
      if (answer.ok) {
        this.complain("")
        desk.ask()
        return true
      }
      said = (await answer.json()).detail
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
    this.complain(`${otherwise}: ${said}`)
    return false
  }

  sayAway(misses) {
    if (misses === MISSES) this.complain(AWAY)
    else if (!misses && this.trouble.textContent === AWAY) this.complain("")
  }

  complain(sentence) {
    this.trouble.textContent = sentence
    this.trouble.hidden = !sentence
    this.draw()
  }

  // How far a tab is that is not looked at, before the name that Streamlit gives it.
  name() {
    if (document.title !== tab.title) tab.plain = document.title
    const { running } = this
    const far = running.length > 1 ? `${running.length}` : running.length ? `${Math.round(100 * running[0].fraction)} %` : tab.done
    const title = far ? `${far} · ${tab.plain}` : tab.plain
    if (document.title !== title) document.title = tab.title = title
    else tab.title = title
  }
}

/** Streamlit's own dialog would lie over the page, and say in other words what stands in the bar. */
function closeConnectionError() {
  for (const dialog of document.querySelectorAll("[role=dialog]")) {
    if (dialog.textContent.trim().startsWith("Connection error")) dialog.querySelector("button[aria-label=Close]")?.click()
  }
}

/** Puts buttons where they belong, and moves none that stands there already: it would lose the focus. */
function stand(buttons, before, parent = before.parentElement) {
  const there = [...parent.children].filter(each => buttons.includes(each))
  if (there.length === buttons.length && there.every((each, index) => each === buttons[index])) return
  for (const each of buttons) parent.insertBefore(each, before)
}
