// What is done to pictures, over the API, with the login of the page.
import { asked } from "./source.js"

const AT_ONCE = 4
const PURGED_AT_ONCE = 1000

export const api = (method, path, body) =>
  asked(`/api/v1${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  })

export const star = (ids, on) => each(ids, id => api("PATCH", `/generations/${id}`, { favorite: on }))
export const remove = ids => each(ids, id => api("DELETE", `/generations/${id}`))
export const restore = ids => each(ids, id => api("POST", `/generations/${id}/restore`))

/** Takes deleted pictures off the disk, for good, as many at a time as one call takes. */
export async function purge(ids) {
  for (let start = 0; start < ids.length; start += PURGED_AT_ONCE) {
    let done = await api("POST", "/trash/purge", { ids: ids.slice(start, start + PURGED_AT_ONCE) })
    while (done.running) {
      await new Promise(later => setTimeout(later, 500))
      done = (await api("GET", "/storage")).purge
    }
    if (done.error) throw new Error(done.error)
  }
}

async function each(ids, act) {
  const left = [...ids]
  const run = async () => {
    while (left.length) await act(left.shift())
  }
  await Promise.all(Array.from({ length: AT_ONCE }, run))
}

/** The address of a zip of pictures, by their `ids` or by a search `q`. */
export const zip = async which => (await api("POST", "/exports", which)).address

/** Saves a picture under a name of its own. */
export function save(address) {
  const link = Object.assign(document.createElement("a"), { href: address, download: "" })
  document.body.append(link)
  link.click()
  link.remove()
}
