// Small things that the parts around a picture share: elements, the studio's answers, a room with styles of its own.

/** An element with properties, `data` and `aria` among them, and what it holds. */
export function make(tag, { data = {}, aria = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties)
  Object.assign(element.dataset, data)
  for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value)
  element.append(...children)
  return element
}

export const icon = name => make("i", { textContent: name, aria: { hidden: "true" } })

export const button = (words, iconName, onclick, more = {}) =>
  make("button", { type: "button", onclick, ...more }, icon(iconName), make("b", { textContent: words }))

export const imageOf = id => `/img/${id}.png`
export const thumbOf = id => `/img/thumb/${id}.webp`

/** A room of its own in `host`, whose styles neither leave nor come in. */
export function roomIn(host, name) {
  const room = make("div", { className: name })
  const style = make("link", { rel: "stylesheet", href: new URL("kin.css", import.meta.url).href })
  room.style.visibility = "hidden"
  style.onload = style.onerror = () => { room.style.visibility = "" }
  const root = host.attachShadow({ mode: "open" })
  root.append(style, room)
  return room
}

/** Asks the studio for JSON. Raises an Error whose message can be shown. */
export async function asked(path, options = {}) {
  let answer
  try {
    answer = await fetch(`/api/v1${path}`, options)
  } catch (error) {
    if (error.name === "AbortError") throw error
    throw new Error("The studio does not answer. Try again in a moment.")
  }
  if (answer.status === 401) throw new Error("The login has ended. Reload the page to log in again.")
  const told = await answer.json().catch(() => null)
  if (!answer.ok) throw new Error(told?.detail ?? `The studio answered ${answer.status}.`)
  return told
}

export const sent = (path, body) =>
  asked(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } })

const TAGS = { both: "span", before: "del", after: "ins" }

/** Words of a value, those that differ marked. */
export const marked = words => words.map(word => make(TAGS[word.side], { textContent: word.text }))

const when = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" })
export const momentOf = text => when.format(new Date(text))

export const seconds = s => (s < 10 ? `${s.toFixed(1)} s` : s < 90 ? `${Math.round(s)} s` : `${Math.round(s / 60)} min`)
