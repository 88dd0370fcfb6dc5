// Rows are updated in place, so that the list keeps its scroll and the focus while steps come.
const seen = new WeakMap() // of each list: the last row's name, to scroll to it when another comes

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".thread")
  const focused = list.getRootNode().activeElement?.dataset?.id
  const rows = data.steps.map((step, number) => row(step, number === data.steps.length - 1))
  if (data.onward.length) rows.push(beside(data.onward, "Made from it"))
  rows.push(...data.pending.map(pending))
  list.replaceChildren(...rows)
  if (focused) list.querySelector(`[data-id="${focused}"]`)?.focus({ preventScroll: true })

  const last = [data.steps.at(-1)?.id, ...data.pending.map(it => it.id || it.words)].join(" ")
  if (seen.get(list) !== last) {
    seen.set(list, last)
    const end = () => { list.scrollTop = list.scrollHeight }
    end()
    requestAnimationFrame(end)
  }

  function row(step, current) {
    const item = element("li", current ? "step current" : "step")
    const button = take(step, "picture")
    button.append(picture(step), words(step.words, step.aside))
    if (current) button.setAttribute("aria-current", "step")
    button.setAttribute("aria-label", current ? `${step.words}: the source` : `Go on from “${step.words}”`)
    item.append(button)
    if (step.branches.length) item.append(beside(step.branches, "Or", "div"))
    return item
  }

  function beside(steps, label, tag = "li") {
    const line = element(tag, "beside")
    const name = element("span", "label")
    name.textContent = label
    line.append(name, ...steps.map(step => {
      const button = take(step, "small")
      const value = element("span", "value")
      value.textContent = step.value
      button.append(picture(step), value)
      button.setAttribute("aria-label", `Go on from “${step.words}”`)
      return button
    }))
    return line
  }

  function pending(it) {
    const item = element("li", "step pending")
    item.append(element("span", "place"), words(it.words, it.state))
    if (it.id) {
      const button = element("button", "back")
      button.type = "button"
      button.dataset.id = it.id
      button.textContent = "Take back"
      button.setAttribute("aria-label", `Take back “${it.words}”`)
      button.onclick = () => setTriggerValue("back", it.id)
      item.append(button)
    }
    return item
  }

  function take(step, name) {
    const button = element("button", name)
    button.type = "button"
    button.dataset.id = step.id
    button.title = [step.words, step.aside].filter(Boolean).join(" · ")
    button.onclick = () => setTriggerValue("taken", step.id)
    return button
  }
}

function picture(step) {
  const image = document.createElement("img")
  image.src = step.src
  image.alt = ""
  return image
}

function words(said, aside) {
  const text = element("span", "words")
  text.textContent = said
  if (aside) {
    const more = element("span", "aside")
    more.textContent = aside
    text.append(more)
  }
  return text
}

function element(tag, name) {
  const made = document.createElement(tag)
  made.className = name
  return made
}
