// What is done to pictures, over the API, with the login of the page.
import { asked } from "./source.js"

const LOOK_MS = 400, PURGED_AT_ONCE = 1000

export const api = (method, path, body) =>
  asked(`/api/v1${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  })

/** Changes the labels of pictures, by their `ids` or by a search `q`, or takes a change back; `going(done, total)` hears
 * how far a long one is. Gives what was done. */
export const label = (which, change, going) => followed(api("POST", "/labels", { ...which, change }), going)
export const undo = (token, going) => followed(api("POST", "/labels/undo", { undo: token }), going)

async function followed(begun, going) {
  let told = await begun
  while (told.state === "running" || told.state === "undoing") {
    going(told.done, told.total)
    await later(LOOK_MS)
    told = await api("GET", `/labels/${told.undo}`)
  }
  if (told.error) throw new Error(told.error)
  return told
}

/** Takes deleted pictures off the disk for good, as many at a time as one call takes; with null all of them. Gives how
 * many. */
export async function purge(ids) {
  let purged = 0
  for (let start = 0; start === 0 || start < ids?.length; start += PURGED_AT_ONCE) {
    let told = await api("POST", "/trash/purge", ids === null ? { all: true } : { ids: ids.slice(start, start + PURGED_AT_ONCE) })
    while (told.running) {
      await later(LOOK_MS)
      told = (await api("GET", "/storage")).purge
    }
    if (told.error) throw new Error(told.error)
    purged += told.purged
  }
  return purged
}

/** The address of a zip of pictures, by their `ids` or by a search `q`. */
export const zip = async which => (await api("POST", "/exports", which)).address

const later = ms => new Promise(done => setTimeout(done, ms))

/** Saves what is at an address under the name that it comes with. */
export function save(address) {
  const link = Object.assign(document.createElement("a"), { href: address, download: "" })
  document.body.append(link)
  link.click()
  link.remove()
}
