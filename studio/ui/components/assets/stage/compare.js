// The picture before beside the one that is shown: held, under a slider that begins with all of the after, side by
// side, or as their difference.
import { pictureOf } from "./layers.js"

const SAME = 0.01 // of a ratio: whose pictures can lie over each other
const kept = ((window.fibo ??= {}).stage ??= {}) // the way of comparing that its user has chosen, for this tab

export class Compare {
  constructor(alone, modes, changed) {
    this.alone = alone
    this.modes = modes
    this.changed = changed
    this.pan = alone.querySelector(".before .pan")
    this.slider = alone.querySelector("input")
    this.src = null
    this.image = null
    this.slider.oninput = () => this.moveTo(Number(this.slider.value))
    for (const button of modes.children) {
      button.onclick = () => {
        kept.mode = button.dataset.mode
        this.changed()
      }
    }
  }

  /** Sets the picture before; null for none. */
  async use(before) {
    if (before?.src === this.src) return
    this.src = before?.src ?? null
    this.image = null
    this.pan.replaceChildren()
    this.moveTo(0)
    if (this.src === null) return
    const image = pictureOf(before.src, `${before.alt || "The picture"}, before`)
    try {
      await image.decode()
    } catch (error) {
      return
    }
    if (this.src !== before.src) return
    this.image = image
    this.pan.replaceChildren(image)
    this.changed()
  }

  /** Draws for a picture of this size, null while there is none to compare; gives the ratio that the box needs. */
  draw(after) {
    const offered = after !== null && this.image !== null
    const ratio = this.image === null ? 1 : this.image.naturalWidth / this.image.naturalHeight
    const same = offered && Math.abs(ratio / (after.width / after.height) - 1) < SAME
    let mode = offered ? kept.mode ?? "picture" : "picture"
    if (!same && mode !== "side") mode = "picture"
    if (this.alone.dataset.mode !== mode) this.moveTo(0) // it opens on the after
    this.alone.dataset.mode = mode
    this.modes.hidden = !offered
    for (const button of this.modes.children) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode))
      button.disabled = !same && ["slider", "difference"].includes(button.dataset.mode)
      button.title = button.disabled ? "The two have different shapes: they can stand side by side" : ""
    }
    if (mode !== "side") return null
    const both = ratio + after.width / after.height
    this.alone.style.setProperty("--split", `${(100 * ratio) / both}%`)
    return both
  }

  /** Shows the whole picture before as long as it is held; whether there is one. */
  hold(on) {
    const can = this.image !== null && this.alone.dataset.mode !== "side"
    this.alone.classList.toggle("held", on && can)
    return on && can
  }

  moveTo(percent) {
    this.slider.value = percent
    this.slider.setAttribute("aria-valuetext", `${percent} % before`)
    this.alone.style.setProperty("--at", `${percent}%`)
  }
}
