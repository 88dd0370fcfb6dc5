// Pictures over each other: a new one fades in once it is decoded, and only then goes what it covers.
const FADE_MS = 220
const calm = matchMedia("(prefers-reduced-motion: reduce)")

export class Layers {
  constructor(holder) {
    this.holder = holder
    this.asked = "" // the address that was asked for last
    this.turn = 0
    this.shown = 0
  }

  /** The newest picture that is there. */
  get top() { return this.holder.lastElementChild }

  /** Whether what is seen is unfinished, and of what was shown before. */
  get isLeftOver() { return this.top?.className === "preview" && "former" in this.top.dataset }

  /** Whether what is seen belongs to what was shown before. */
  get isFormer() { return this.top !== null && (this.top.className === "former" || "former" in this.top.dataset) }

  /** Something else is shown from now on: what is there is what stood here before. */
  age() {
    this.asked = this.top?.getAttribute("src") ?? "" // what has not come yet comes too late
    this.shown = ++this.turn
    for (const each of this.holder.children) each.dataset.former = ""
  }

  /** Whether the picture is there now; null where a newer one has come meanwhile. `name` is its class. */
  async show(src, alt, name = "") {
    if (this.asked === src) {
      if (this.top?.getAttribute("src") === src) {
        Object.assign(this.top, { alt, className: name })
        delete this.top.dataset.former
      }
      return true
    }
    this.asked = src
    const turn = ++this.turn
    const image = pictureOf(src, alt, name)
    try {
      await image.decode()
    } catch (error) {
      if (turn !== this.turn) return null
      this.asked = ""
      return false
    }
    if (turn < this.shown) return null
    this.shown = turn
    const former = [...this.holder.children]
    for (const each of former) each.setAttribute("aria-hidden", "true")
    this.holder.append(image)
    const fade = image.animate([{ opacity: former.length ? 0 : 0.2 }, { opacity: 1 }], calm.matches ? 0 : FADE_MS)
    fade.finished.then(() => former.forEach(each => each.remove()))
    return true
  }

  /** Shows at once what another holder shows already. */
  take(image) {
    this.hold(image.cloneNode())
  }

  /** Shows at once a picture that is decoded. */
  put(image, alt, name) {
    this.hold(Object.assign(image, { alt, className: name, draggable: false }))
  }

  hold(image) {
    this.asked = image.getAttribute("src")
    this.shown = ++this.turn
    this.holder.replaceChildren(image)
  }

  clear() {
    this.asked = ""
    this.shown = ++this.turn
    this.holder.replaceChildren()
  }
}

export function pictureOf(src, alt, name = "") {
  const image = new Image()
  image.alt = alt
  image.className = name
  image.draggable = false
  image.src = src
  return image
}
