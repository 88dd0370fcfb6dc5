export default function ({ data, parentElement }) {
  const frame = parentElement.querySelector(".frame")
  const slider = parentElement.querySelector("input")
  frame.style.setProperty("--ratio", `${data.width / data.height}`)
  frame.style.setProperty("--most", `${2 * data.width}px`) // larger is only blur
  for (const which of ["before", "after"]) {
    const image = parentElement.querySelector(`.${which}`)
    if (image.getAttribute("src") !== data[which]) image.src = data[which]
    image.alt = `${data.alt}, ${which}`
  }
  slider.oninput = () => frame.style.setProperty("--at", `${slider.value}%`)
}
