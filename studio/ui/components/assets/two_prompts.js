// Rows are built anew only when other prompts come: a choice keeps the focus and its place on the screen.
const built = new WeakMap()
const send = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".two")
  send.set(root, setTriggerValue)
  const shape = JSON.stringify([data.titles, data.same, data.rows.map(row => [row.path, row.left, row.right])])
  if (built.get(root) !== shape) {
    built.set(root, shape)
    root.replaceChildren(heads(), ...data.rows.map(row), same())
  }
  root.querySelectorAll(".side").forEach((side, number) => {
    const chosen = data.rows[number >> 1].side === (number % 2 ? "right" : "left")
    side.setAttribute("aria-checked", chosen)
  })

  function choose(numbers, side) {
    send.get(root)("chosen", { numbers, side })
  }

  function heads() {
    const pair = element("div", "", "pair heads")
    pair.append(...["left", "right"].map((side, number) => {
      const button = element("button", `${data.titles[number]}: take all`)
      button.type = "button"
      button.onclick = () => choose(data.rows.map((_, at) => at), side)
      return button
    }))
    return pair
  }

  function row(entry, number) {
    const part = element("div", "")
    const pair = element("div", "", "pair")
    pair.setAttribute("role", "radiogroup")
    pair.setAttribute("aria-label", entry.path)
    pair.append(...["left", "right"].map((side, at) => {
      const button = element("button", "", "side")
      button.type = "button"
      button.setAttribute("role", "radio")
      button.append(element("span", data.titles[at], "who"))
      button.append(element("span", entry[side] ?? "not there", entry[side] === null ? "none" : ""))
      button.onclick = () => choose([number], side)
      return button
    }))
    part.append(element("span", entry.path, "path"), pair)
    return part
  }

  function same() {
    const details = document.createElement("details")
    details.hidden = data.same.length === 0
    const list = document.createElement("dl")
    for (const field of data.same) list.append(element("dt", field.path), element("dd", field.value))
    details.append(element("summary", `The same in both (${data.same.length})`), list)
    return details
  }
}

function element(tag, content, name) {
  const made = document.createElement(tag)
  made.textContent = content
  if (name) made.className = name
  return made
}
