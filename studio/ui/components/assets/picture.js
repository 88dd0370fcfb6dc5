export default function ({ data, parentElement }) {
  const link = parentElement.querySelector("a")
  const image = parentElement.querySelector("img")
  if (data.src.startsWith("data:")) link.removeAttribute("href") // a preview; browsers open none
  else link.href = data.src
  image.style.setProperty("--ratio", `${data.width / data.height}`)
  image.style.setProperty("--most", `${2 * data.width}px`) // larger is only blur
  if (image.getAttribute("src") !== data.src) image.src = data.src
  image.alt = data.alt
}
