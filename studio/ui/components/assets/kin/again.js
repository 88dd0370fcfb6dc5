// The same picture again: painted once more from its stored recipe, and told whether it is the same.
import { asked, button, icon, imageOf, make, roomIn, seconds, sent } from "./parts.js"

const ASK_MS = 700
const ENDS = { failed: "It could not be painted.", cancelled: "That was cancelled.", interrupted: "The studio was ended meanwhile." }

export class Again {
  /** `on` hears `opened(id)` of a picture that was kept, and `look(address)` of one that differs and was not. */
  constructor(host, on) {
    this.on = on
    this.room = roomIn(host, "kin again")
    this.paint = button("Make it again", "replay", () => this.begin(), { title: "Paints the stored recipe once more and compares both pictures" })
    this.keep = make("input", { type: "checkbox" })
    this.keeping = make("label", { title: "Else the new picture is compared and not stored" }, this.keep, "Keep the new one too")
    this.cancel = button("Cancel", "close", () => this.end())
    this.says = make("p", { role: "status" })
    this.more = make("div", { className: "more" })
    this.room.append(make("header", {}, make("h3", { textContent: "The same picture again" })), make("div", { className: "row" }, this.paint, this.keeping, this.cancel), this.says, this.more)
    this.draw(null)
  }

  leave() {
    clearTimeout(this.timer)
    this.id = null
  }

  /** What is known of this picture: whether it can be painted again, and what came of the last time. */
  async show(id) {
    clearTimeout(this.timer)
    this.id = id
    this.draw(null)
    await this.ask()
  }

  async ask() {
    const { id } = this
    try {
      const told = await asked(`/generations/${id}/again`)
      if (id === this.id) this.draw(told)
    } catch (error) {
      if (id === this.id) this.amiss(error)
    }
  }

  amiss(error) {
    this.draw(null)
    this.says.textContent = error.message
  }

  async begin() {
    const { id } = this
    this.paint.disabled = true
    try {
      await sent(`/generations/${id}/again`, { keep: this.keep.checked })
      if (id === this.id) await this.ask()
    } catch (error) {
      if (id === this.id) this.amiss(error)
    }
  }

  async end() {
    const { id, batch } = this
    this.cancel.disabled = true
    try {
      await asked(`/batches/${batch.id}`, { method: "DELETE" })
    } catch (error) {
      // it may have ended meanwhile: what it came to is asked for below
    }
    if (id === this.id) await this.ask()
  }

  draw(told) {
    this.batch = told?.batch ?? null
    const going = this.batch !== null && !this.batch.ended
    this.paint.hidden = this.keeping.hidden = told === null || told.why !== null || going
    this.paint.disabled = this.cancel.disabled = false
    this.cancel.hidden = !going
    this.more.replaceChildren()
    this.says.className = ""
    if (told === null) this.says.textContent = ""
    else if (going) {
      this.says.textContent = doing(this.batch)
      this.timer = setTimeout(() => this.ask(), ASK_MS)
    } else if (this.batch?.state === "done") this.told(this.batch.jobs.at(-1).again)
    else this.says.textContent = told.why ?? (this.batch ? [ENDS[this.batch.state], this.batch.error].filter(Boolean).join(" ") : "")
  }

  told(again) {
    if (!again) return
    this.says.className = again.same ? "same" : again.same === null ? "" : "other"
    this.says.replaceChildren(icon(again.same ? "check_circle" : again.same === null ? "help" : "difference"), again.sentence)
    if (again.generation_id) this.more.append(button("Open the new one", "open_in_full", () => this.on.opened(again.generation_id)))
    else if (again.image) this.more.append(
      button("Compare both", "compare", () => this.on.look(again.image), { title: "The new picture over the stored one, with the stage's slider" }),
      make("a", { className: "button", href: again.image, target: "_blank", rel: "noopener" }, icon("open_in_new"), make("b", { textContent: "The new one" })),
    )
    if (again.difference && !again.same && again.difference.box) this.more.append(where(again, this.id))
  }
}

/** Where the pictures differ, drawn on the small one. */
function where(again, id) {
  const image = make("img", { src: imageOf(id), alt: `It differs ${again.difference.where}` })
  const mark = make("i", { className: "box", aria: { hidden: "true" } })
  const map = make("div", { className: "map" }, image, mark)
  image.onload = () => {
    const [left, top, right, bottom] = again.difference.box
    const parts = { left: left / image.naturalWidth, top: top / image.naturalHeight, width: (right - left) / image.naturalWidth, height: (bottom - top) / image.naturalHeight }
    for (const [name, part] of Object.entries(parts)) mark.style[name] = `${100 * part}%`
  }
  return map
}

function doing(batch) {
  const progress = batch.jobs.at(-1).progress
  if (batch.state !== "running") return "Waiting in the queue"
  if (!progress?.step) return "Getting ready to paint"
  return `Painting, step ${progress.step} of ${progress.steps}${progress.remaining_s ? `, about ${seconds(progress.remaining_s)} left` : ""}`
}
