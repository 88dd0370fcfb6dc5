// Sends what stands in a page's words while it is typed, and once more with the JSON editor's text when the page goes
// away: Streamlit itself learns of it only when the field is left.
const PAUSE_MS = 400
const MAX_CHARS = 20_000 // a page that goes away may send 64 kB, and a character may take three bytes

const field = mode => document.querySelector(`.st-key-${mode}_words :is(textarea, input)`)

const ends = new WeakMap()

export default function ({ data, parentElement }) {
  if (!ends.has(parentElement)) ends.set(parentElement, listen(data.modes))
  return () => {
    ends.get(parentElement)?.()
    ends.delete(parentElement)
  }
}

function listen(modes) {
  const waiting = new Map()

  const send = (mode, leaving) => {
    clearTimeout(waiting.get(mode))
    waiting.delete(mode)
    const typed = { page: mode, picture: new URLSearchParams(location.search).get("picture") ?? "" }
    const words = field(mode)?.value
    if (words !== undefined && words.length <= MAX_CHARS) typed.words = words
    const editor = leaving && window.fibo?.editors?.[mode]
    const text = editor ? editor.text() : ""
    if (text && text.length <= MAX_CHARS) Object.assign(typed, { text, revision: editor.revision })
    if (typed.words === undefined && typed.text === undefined) return
    const body = JSON.stringify(typed)
    fetch(new URL("/drafts", document.baseURI), {
      method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body,
    }).catch(() => {}) // the server is gone for a moment: the next one tells it
  }
  const onInput = event => {
    const mode = modes.find(mode => event.target === field(mode))
    if (!mode) return
    clearTimeout(waiting.get(mode))
    waiting.set(mode, setTimeout(send, PAUSE_MS, mode, false))
  }
  const onLeave = () => {
    for (const mode of modes) if (waiting.has(mode) || window.fibo?.editors?.[mode]) send(mode, true)
  }

  document.addEventListener("input", onInput, true)
  window.addEventListener("pagehide", onLeave)
  return () => {
    for (const timer of waiting.values()) clearTimeout(timer)
    document.removeEventListener("input", onInput, true)
    window.removeEventListener("pagehide", onLeave)
  }
}
