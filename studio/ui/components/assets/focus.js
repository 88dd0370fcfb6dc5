// Gives the focus to a page's first field, and finds another place for it when what had it goes away with a run: a
// button that was pressed by a key, a tile that was opened, a dialog. Who works with the mouse is left alone.
const ARRIVES_MS = 5000, LOOK_MS = 150
const WITH_KEYS = matchMedia("(pointer: fine) and (min-width: 768px)")
const FOCUSABLE = "button, a[href], input, textarea, select, [tabindex]"
const tab = ((window.fibo ??= {}).focus ??= { page: "", given: null })
const ends = new WeakMap()

export default function ({ data, parentElement }) {
  if (!ends.has(parentElement)) ends.set(parentElement, listen(data))
  if (tab.page !== data.page) {
    tab.page = data.page
    if (data.first && WITH_KEYS.matches) begin(data.first, performance.now() + ARRIVES_MS)
  }
  return () => {
    ends.get(parentElement)?.()
    ends.delete(parentElement)
  }
}

// The field comes with its page, and is waited for; a user who is somewhere else by then stays there.
function begin(first, until) {
  const active = document.activeElement
  if (active !== document.body && !active.closest(".st-key-nav_bar")) return
  const field = document.querySelector(first)
  if (!field && performance.now() < until) setTimeout(begin, 50, first, until)
  if (!field) return
  field.focus({ preventScroll: true })
  tab.given = field // `/` and `?` still are the page's keys in it, as long as nobody has touched it
}

function listen(data) {
  const heard = new AbortController()
  const on = (name, act) => document.addEventListener(name, act, { capture: true, signal: heard.signal })
  let byKey = false, last = null, pressed = null, lost = 0
  on("pointerdown", event => {
    byKey = false
    pressed = null
    touch(event)
  })
  on("keydown", event => {
    byKey = true
    pressed = (event.key === "Enter" || event.key === " ") && last?.named ? last : null
  })
  on("input", touch)
  on("focusin", event => (last = placeOf(event.composedPath()[0], data.heirs)))
  const looking = setInterval(() => {
    const isGone = place => place !== null && !isThere(place.path[0])
    const owed = isGone(pressed) ? pressed : byKey && document.activeElement === document.body && isGone(last) ? last : null
    lost = owed ? lost + 1 : 0
    if (lost < 2) return // once: something may be on its way to take it
    const heir = heirOf(owed)
    if (!heir && lost * LOOK_MS < ARRIVES_MS) return
    last = pressed = null
    heir?.focus({ preventScroll: inSight(heir) })
  }, LOOK_MS)
  return () => {
    clearInterval(looking)
    heard.abort()
  }
}

function touch(event) {
  if (event.composedPath()[0] === tab.given) tab.given = null
}

function placeOf(element, heirs) {
  const path = []
  for (let each = element; each; each = each.parentElement ?? each.getRootNode().host) path.push(each)
  const named = heirs.find(([selector]) => path.some(each => each.matches(selector)))?.[1]
  return { path, named, box: element.getBoundingClientRect() }
}

const isThere = element => element.isConnected && element.getClientRects().length > 0

function heirOf({ path, named, box }) {
  if (named === "editor") return editor()
  if (named === "stage") return stage()
  if (named) return document.querySelector(named)
  for (const part of path.slice(1).filter(isThere)) {
    const near = focusable(part).sort((one, other) => distance(one, box) - distance(other, box))[0]
    if (near) return near
  }
  return null
}

const editor = () => Object.values(window.fibo?.editors ?? {})[0]?.owner.ace ?? null
const stage = () => deep(document.querySelector(".st-key-workbench") ?? document.body, ".stage").find(isThere)

function focusable(part) {
  return deep(part, FOCUSABLE).filter(each => each.tabIndex >= 0 && !each.disabled && isThere(each))
}

function deep(part, selector, found = []) {
  found.push(...part.querySelectorAll(selector))
  for (const each of [part, ...part.querySelectorAll("*")]) if (each.shadowRoot) deep(each.shadowRoot, selector, found)
  return found
}

function distance(element, box) {
  const other = element.getBoundingClientRect()
  return Math.abs(other.top - box.top) * 4 + Math.abs(other.left - box.left)
}

function inSight(element) {
  const box = element.getBoundingClientRect?.()
  return box && box.top >= 0 && box.bottom <= innerHeight
}
