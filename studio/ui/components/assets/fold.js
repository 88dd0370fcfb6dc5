// Opens what it stands above. What its user chose is kept for the tab, so that another page and back changes nothing.
const chosen = (window.fibo ??= {}).folds ??= {}

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button")
  const part = (parentElement.host ?? parentElement).closest("[class*='st-key-folded_']")
  if (part === null) return // the run that drew it was broken off, and the next one has drawn it anew
  const name = [...part.classList].find(each => each.startsWith("st-key-folded_"))
  button.lastElementChild.textContent = data.label
  button.onclick = () => {
    chosen[name] = !part.hasAttribute("data-open")
    show()
  }
  show()

  function show() {
    const open = chosen[name] ?? data.opened
    part.toggleAttribute("data-open", open)
    button.setAttribute("aria-expanded", String(open))
  }
}
