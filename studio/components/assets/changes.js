export default function ({ data, parentElement }) {
  const list = parentElement.querySelector("dl")
  list.replaceChildren(...data.rows.map(row => {
    const entry = document.createElement("div")
    const path = document.createElement("dt")
    path.textContent = row.path || "(the whole prompt)"
    const values = document.createElement("dd")
    values.append(value("del", row.before, "new"), arrow(), value("ins", row.after, "removed"))
    entry.append(path, values)
    return entry
  }))
}

function value(tag, text, absent) {
  const element = document.createElement(text === null ? "span" : tag)
  if (text === null) element.className = "none"
  element.textContent = text === null ? absent : text
  return element
}

function arrow() {
  const span = document.createElement("span")
  span.className = "arrow"
  span.textContent = "→"
  return span
}
