// The rows are built anew only when other rows come, so that a tick keeps the focus and its place on the screen.
const built = new WeakMap()
const send = new WeakMap() // of each list, the latest way to Python
const TAGS = { both: "span", before: "del", after: "ins" }
const LONG = 420 // characters; more is cut until the row is opened with a double click

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".changes")
  send.set(root, setTriggerValue)
  const names = JSON.stringify(data.groups.map(group => group.rows.map(row => [row.id, row.words])))
  if (built.get(root) !== names) {
    built.set(root, names)
    root.replaceChildren(...data.groups.map(group => section(group)))
  }
  if (!data.ticks) return
  const rows = data.groups.flatMap(group => group.rows)
  root.querySelectorAll("input").forEach((box, number) => { box.checked = rows[number].taken })
  data.groups.forEach((group, number) => {
    const all = root.children[number].querySelector("button")
    const take = !group.rows.every(row => row.taken)
    all.hidden = group.rows.length < 2
    all.textContent = take ? "Take all" : "Leave all"
    all.onclick = () => turn(group.rows.filter(row => row.taken !== take).map(row => row.id), take)
  })

  function turn(ids, take) {
    send.get(root)("turned", { ids, take })
  }

  function section(group) {
    const part = document.createElement("section")
    const head = document.createElement("header")
    head.append(text("h4", group.title), text("button", ""))
    head.lastChild.type = "button"
    if (data.ticks) part.append(head)
    part.append(...group.rows.map(entry))
    return part
  }

  function entry(row) {
    const line = document.createElement(data.ticks ? "label" : "div")
    line.className = "row"
    if (data.ticks) {
      const box = document.createElement("input")
      box.type = "checkbox"
      box.onchange = () => turn([row.id], box.checked)
      line.append(box)
    }
    const values = document.createElement("span")
    const length = row.words.reduce((sum, word) => sum + word.text.length, 0)
    values.className = length > LONG ? "values long" : "values"
    values.title = values.classList.contains("long") ? "Double click to see all of it" : ""
    values.ondblclick = () => values.classList.remove("long")
    values.append(...row.words.map(word => text(TAGS[word.side], word.text)))
    line.append(text("span", row.title, "path"), values)
    return line
  }
}

function text(tag, content, name) {
  const element = document.createElement(tag)
  element.textContent = content
  if (name) element.className = name
  return element
}
