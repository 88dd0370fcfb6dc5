// Tiles are rebuilt whenever Python sends other rows.
const STAR =
  "<svg class='star' viewBox='0 0 24 24' fill='currentColor' aria-label='Favourite'>" +
  "<path d='M12 2l3 6.6 7.1.7-5.4 4.8 1.6 7L12 17.4 5.7 21.1l1.6-7L1.9 9.3 9 8.6z'/></svg>"

export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid")
  const active = parentElement.activeElement ?? grid.getRootNode().activeElement
  const focused = active?.dataset?.id
  grid.classList.toggle("labelled", data.labels)
  grid.replaceChildren(...data.tiles.map(tile => {
    const figure = document.createElement("figure")
    figure.setAttribute("role", "listitem")
    if (tile.id === data.current) figure.className = "current"

    const button = document.createElement("button")
    button.className = "tile"
    button.type = "button"
    button.title = tile.label
    button.dataset.id = tile.id
    button.onclick = () => setTriggerValue("opened", tile.id)
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
    return figure
  }))
  if (focused) grid.querySelector(`.tile[data-id="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true })
}
