// Pictures over each other: a new one fades in once it is decoded, and only then goes what it covers.
const FADE_MS = 220
const calm = matchMedia("(prefers-reduced-motion: reduce)")

export class Layers {
  constructor(holder) {
    this.holder = holder
    this.asked = ""
    this.turn = 0
    this.shown = 0
  }

  get top() { return this.holder.lastElementChild }

  /** Whether the picture is there; false where it could not be had, or another one has come meanwhile. */
  async show(src, alt, name = "") {
    if (this.asked === src) {
      if (this.top?.getAttribute("src") === src) this.top.alt = alt
      return true
    }
    this.asked = src
    const turn = ++this.turn
    const image = new Image()
    image.alt = alt
    image.className = name
    image.draggable = false
    image.src = src
    try {
      await image.decode()
    } catch (error) {
      if (turn === this.turn) this.asked = ""
      return false
    }
    if (turn < this.shown) return false
    this.shown = turn
    const former = [...this.holder.children]
    for (const each of former) each.setAttribute("aria-hidden", "true")
    this.holder.append(image)
    const fade = image.animate([{ opacity: former.length ? 0 : 0.2 }, { opacity: 1 }], calm.matches ? 0 : FADE_MS)
    fade.finished.then(() => former.forEach(each => each.remove()))
    return true
  }

  clear() {
    this.asked = ""
    this.shown = ++this.turn
    this.holder.replaceChildren()
  }
}
