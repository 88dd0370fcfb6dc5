const TYPED_INTO = "input, textarea, select, [contenteditable=''], [contenteditable='true']"
const SEARCH = "[role=search] input"
const ARRIVES_MS = 5000
const listeners = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const dialog = parentElement.querySelector("dialog")
  parentElement.querySelector("dl").replaceChildren(...data.keys.flatMap(([keys, what]) => {
    const term = document.createElement("dt"), told = document.createElement("dd")
    term.textContent = keys
    told.textContent = what
    return [term, told]
  }))
  parentElement.querySelector(".show").onclick = () => dialog.showModal()

  forget()
  const listener = event => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
    const target = event.composedPath()[0]
    if ((target.matches?.(TYPED_INTO) && !untouched(target)) || dialog.open || document.querySelector("[role=dialog]")) return
    if (event.key === "?") dialog.showModal()
    else if (event.key === "/") search()
    else return
    event.preventDefault()
  }
  document.addEventListener("keydown", listener)
  listeners.set(parentElement, listener)
  return forget

  function forget() {
    document.removeEventListener("keydown", listeners.get(parentElement))
  }

  // A field that has its focus from the page, and nothing in it.
  function untouched(field) {
    return field === window.fibo?.focus?.given && field.value === ""
  }

  function search() {
    if (!document.querySelector(SEARCH)) setTriggerValue("search", true)
    focus(performance.now() + ARRIVES_MS)
  }

  // The field comes with its page, and is waited for.
  function focus(until) {
    const field = document.querySelector(SEARCH)
    if (field) field.focus()
    else if (performance.now() < until) setTimeout(() => focus(until), 50)
  }
}
