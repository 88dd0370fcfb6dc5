export default function ({ data, parentElement, setTriggerValue }) {
  const nav = parentElement.querySelector("nav")
  const links = nav.children.length ? [...nav.children] : data.places.map(link)
  if (!nav.children.length) nav.append(...links)
  data.places.forEach((place, index) => {
    links[index].onclick = event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return // another tab or window: as any link
      event.preventDefault()
      mark(place.path) // at once, whatever Python still does
      setTriggerValue("chosen", place.path)
    }
  })
  mark(data.current)

  function mark(path) {
    for (const each of links) {
      if (each.getAttribute("href") === path) each.setAttribute("aria-current", "page")
      else each.removeAttribute("aria-current")
    }
  }
}

function link(place) {
  const link = document.createElement("a")
  link.href = place.path
  const icon = document.createElement("span")
  icon.className = "icon"
  icon.textContent = place.icon
  icon.setAttribute("aria-hidden", "true")
  const title = document.createElement("span")
  title.textContent = place.title
  link.append(icon, title)
  return link
}
