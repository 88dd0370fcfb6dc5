// Tiles are rebuilt whenever Python sends other rows; selection is kept here between reruns.
const STAR =
  "<svg class='star' viewBox='0 0 24 24' fill='currentColor' aria-label='Favourite'>" +
  "<path d='M12 2l3 6.6 7.1.7-5.4 4.8 1.6 7L12 17.4 5.7 21.1l1.6-7L1.9 9.3 9 8.6z'/></svg>"

const chosen = new WeakMap()

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid")
  if (!chosen.has(grid)) chosen.set(grid, new Set())
  const ids = chosen.get(grid)

  const active = parentElement.activeElement ?? grid.getRootNode().activeElement
  const focused = active?.dataset?.id
  grid.className = `grid ${data.size} ${data.labels ? "labelled" : ""}`
  grid.replaceChildren(...data.tiles.map(tile => {
    const figure = document.createElement("figure")
    figure.setAttribute("role", "listitem")
    if (tile.id === data.current) figure.className = "current"

    const button = document.createElement("button")
    button.className = "tile"
    button.type = "button"
    button.title = tile.label
    button.dataset.id = tile.id
    button.onclick = event => {
      if (data.selectable && (event.ctrlKey || event.metaKey)) toggle(tile.id)
      else setTriggerValue("opened", tile.id)
    }
    const image = document.createElement("img")
    image.src = tile.src
    image.alt = tile.label
    image.loading = "lazy"
    button.append(image)
    if (data.labels) {
      const caption = document.createElement("span")
      caption.className = "caption"
      caption.textContent = tile.label
      button.append(caption)
    }
    figure.append(button)
    if (tile.favorite) figure.insertAdjacentHTML("beforeend", STAR)
    if (data.selectable) figure.append(tick(tile))
    return figure
  }))
  mark()
  if (focused) grid.querySelector(`.tile[data-id="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true })

  function tick(tile) {
    const label = document.createElement("label")
    label.className = "tick"
    label.dataset.id = tile.id
    const box = document.createElement("input")
    box.type = "checkbox"
    box.setAttribute("aria-label", `Select ${tile.label}`)
    box.onchange = () => toggle(tile.id)
    label.append(box)
    return label
  }

  function mark() {
    grid.classList.toggle("selecting", ids.size > 0)
    for (const label of grid.querySelectorAll("label.tick")) {
      label.firstChild.checked = ids.has(label.dataset.id)
      label.classList.toggle("on", label.firstChild.checked)
    }
  }

  function toggle(id) {
    if (!ids.delete(id)) ids.add(id)
    mark()
    setStateValue("selected", [...ids])
  }
}
