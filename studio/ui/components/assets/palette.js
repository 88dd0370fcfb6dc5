export default function ({ data, parentElement, setTriggerValue }) {
  const palette = parentElement.querySelector(".palette")
  const says = parentElement.querySelector(".says")
  palette.replaceChildren(...data.swatches.map(({ hex, name, share }, number) => {
    const swatch = document.createElement("div")
    swatch.className = "swatch"
    swatch.style.flexGrow = String(Math.max(share, 0.08))
    const copy = button("color", "", `Copy ${hex}, ${name}, ${Math.round(share * 100)} %`)
    copy.style.background = hex
    copy.title = `${hex}, click to copy`
    copy.onclick = async () => {
      says.textContent = (await copied(hex)) ? `${hex} is copied.` : `${hex}: the browser does not let it be copied.`
    }
    const add = button("add", `+ ${name}`, `Add ${name} to the hint`)
    add.title = `Add “${name}” to the hint`
    add.onclick = () => {
      says.textContent = `${name} is in the hint.`
      setTriggerValue("added", { swatch: number, at: Date.now() })
    }
    swatch.append(copy, add)
    return swatch
  }))
}

function button(kind, content, label) {
  const made = document.createElement("button")
  made.type = "button"
  made.className = kind
  made.textContent = content
  made.setAttribute("aria-label", label)
  return made
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement("textarea") // by plain http there is no clipboard to ask
    area.value = text
    document.body.append(area)
    area.select()
    const done = document.execCommand("copy")
    area.remove()
    return done
  }
}
