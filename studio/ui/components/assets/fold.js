// Opens what it stands above. Whether a part is open is kept for the tab, so that another page and back changes nothing.
const open = (window.fibo ??= {}).folds ??= {}

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button")
  const host = parentElement.host ?? parentElement
  const part = host.closest("[class*='st-key-folded_']")
  const name = [...part.classList].find(each => each.startsWith("st-key-folded_"))
  button.lastElementChild.textContent = data.label
  button.onclick = () => {
    open[name] = !open[name]
    show()
  }
  show()

  function show() {
    part.toggleAttribute("data-open", !!open[name])
    button.setAttribute("aria-expanded", String(!!open[name]))
  }
}
