// The row under the picture: what one does to see it better or to take it along. Its place is always kept.
const COPIED_MS = 1600

export class Tools {
  constructor(row, zoom, said) {
    this.row = row
    this.said = said
    this.zoomButton = row.querySelector(".zoom")
    this.copyButton = row.querySelector(".copy")
    this.tab = row.querySelector(".tab")
    this.zoomButton.onclick = () => zoom()
    this.copyButton.onclick = () => this.copy()
  }

  /** For the picture that is shown alone; null hides the row, and keeps its place. */
  draw(shown) {
    this.id = shown?.id ?? null
    this.row.classList.toggle("away", shown === null)
    this.row.inert = shown === null
    if (shown !== null) this.tab.href = shown.src
    this.copyButton.hidden = this.id === null
  }

  sayZoomed(on) {
    this.zoomButton.setAttribute("aria-pressed", String(on))
    this.zoomButton.querySelector("i").textContent = on ? "zoom_out" : "zoom_in"
  }

  /** The prompt into the clipboard, laid out as the editor has it. */
  async copy() {
    const text = promptOf(this.id)
    let words = "Copied"
    try {
      if (window.ClipboardItem && navigator.clipboard?.write) {
        const blob = text.then(each => new Blob([each], { type: "text/plain" }))
        await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })])
      } else {
        copyByHand(await text, this.row)
      }
    } catch (error) {
      words = "Not copied"
    }
    const label = this.copyButton.querySelector("b")
    label.textContent = words
    this.said(words === "Copied" ? "The JSON is in the clipboard." : "The browser did not allow copying.")
    clearTimeout(this.timer)
    this.timer = setTimeout(() => { label.textContent = "Copy JSON" }, COPIED_MS)
  }
}

async function promptOf(id) {
  const answer = await fetch(`/img/${id}.json`)
  if (!answer.ok) throw new Error(String(answer.status))
  return JSON.stringify((await answer.json()).structured_prompt, null, 2)
}

/** Where a browser keeps the clipboard from pages without https. */
function copyByHand(text, beside) {
  const area = document.createElement("textarea")
  area.value = text
  area.className = "by-hand"
  beside.append(area)
  area.select()
  const done = document.execCommand("copy")
  area.remove()
  if (!done) throw new Error("not allowed")
}
