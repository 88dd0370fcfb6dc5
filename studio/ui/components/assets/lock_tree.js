// What is locked is kept here between reruns, so that ticks in quick succession all count.
const kept = new WeakMap()

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".tree")
  const shape = JSON.stringify(data.groups)
  let mine = kept.get(root)
  if (!mine || mine.shape !== shape) {
    mine = { shape, locked: new Set(mine ? mine.locked : data.locked) }
    kept.set(root, mine)
    root.replaceChildren(head(), ...data.groups.map(part))
  }
  mine.send = setStateValue
  mark()

  function head() {
    const line = element("div", "", "all")
    line.append(element("span", ""), action("Lock all", () => data.groups.flatMap(group => group.paths)), action("Unlock all", () => []))
    return line
  }

  function action(label, paths) {
    const button = element("button", label)
    button.type = "button"
    button.onclick = () => set(paths())
    return button
  }

  function part(group) {
    const details = document.createElement("details")
    const summary = document.createElement("summary")
    const box = tick(`Keep ${group.label}`, on => lockGroup(group, on))
    box.onclick = event => event.stopPropagation() // a tick is no wish to unfold
    summary.append(box, element("span", group.label, "name"), element("span", group.hint, "hint"))
    const fields = element("div", "", "fields")
    fields.append(...group.fields.map(field => {
      const label = document.createElement("label")
      label.append(
        tick(`Keep ${field.path}`, on => lockField(group, field, on)),
        element("span", field.label),
        element("span", field.value, "value"),
      )
      return label
    }))
    details.append(summary, fields)
    return details
  }

  function tick(name, change) {
    const box = document.createElement("input")
    box.type = "checkbox"
    box.setAttribute("aria-label", name)
    box.onchange = () => change(box.checked)
    return box
  }

  function lockGroup(group, on) {
    const inside = new Set([...group.paths, ...group.fields.map(field => field.path)])
    set([...[...mine.locked].filter(path => !inside.has(path)), ...(on ? group.paths : [])])
  }

  function lockField(group, field, on) {
    const locked = new Set(mine.locked)
    if (on) locked.add(field.path)
    else {
      const whole = group.paths.find(path => locked.has(path) && holds(path, field.path))
      if (whole !== undefined) {
        locked.delete(whole)
        for (const other of group.fields) if (holds(whole, other.path)) locked.add(other.path)
      }
      locked.delete(field.path)
    }
    set([...locked])
  }

  function set(paths) {
    mine.locked = new Set(paths)
    mark()
    mine.send("locked", [...paths])
  }

  function mark() {
    let count = 0
    data.groups.forEach((group, number) => {
      const boxes = root.children[number + 1].querySelectorAll("input")
      let inside = 0
      group.fields.forEach((field, at) => {
        const on = [...mine.locked].some(path => holds(path, field.path))
        boxes[at + 1].checked = on
        inside += on
      })
      boxes[0].checked = group.paths.every(path => mine.locked.has(path)) || inside === group.fields.length
      boxes[0].indeterminate = !boxes[0].checked && inside > 0
      count += inside
    })
    root.querySelector(".all span").textContent = count ? `${count} locked` : "Nothing is locked"
  }
}

function holds(path, inner) {
  return inner === path || inner.startsWith(`${path}.`) || inner.startsWith(`${path}[`)
}

function element(tag, content, name) {
  const made = document.createElement(tag)
  made.textContent = content
  if (name) made.className = name
  return made
}
