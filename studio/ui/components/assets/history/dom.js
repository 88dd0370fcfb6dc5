// Small things that every part of the page needs.

/** An element with properties, `data` and `aria` among them, and what it holds. */
export function make(tag, { data = {}, aria = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties)
  Object.assign(element.dataset, data)
  for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value)
  element.append(...children)
  return element
}

export const icon = name => make("i", { className: "icon", textContent: name, aria: { hidden: "true" } })

/** A button with an icon and words. */
export function button(words, iconName, onclick, more = {}) {
  return make("button", { type: "button", onclick, ...more }, icon(iconName), make("b", { textContent: words }))
}

export const imageOf = id => `/img/${id}.png`
export const thumbOf = id => `/img/thumb/${id}.webp`

export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`

const TYPED_INTO = "input:not([type=checkbox], [type=range]), textarea, select, [contenteditable='true']"

/** Whether keys go into a field now. */
export const isTyping = event => Boolean(event.composedPath()[0].closest?.(TYPED_INTO))

export const hasModifier = event => event.ctrlKey || event.metaKey || event.altKey

/** Calls once, so many ms after the last call. */
export function later(ms, act) {
  let timer = 0
  const call = (...args) => {
    clearTimeout(timer)
    timer = setTimeout(() => act(...args), ms)
  }
  call.stop = () => clearTimeout(timer)
  return call
}

const when = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" })
const dayOf = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" })

export const momentOf = tile => when.format(tile.place / 1000)

/** "Today", "Yesterday", or the date; `now` is a Date. */
export function dayNamed(date, now) {
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000)
  return ["Today", "Yesterday"][days] ?? dayOf.format(date)
}

/** What a tile is called, so that two of the same words can be told apart. */
export function nameOf(tile) {
  const marks = [tile.favorite ? "starred" : "", tile.rating ? counted(tile.rating, "star") : ""]
  return [tile.label, `seed ${tile.seed}`, momentOf(tile), ...marks].filter(Boolean).join(", ")
}
