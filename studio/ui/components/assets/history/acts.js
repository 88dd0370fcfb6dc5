// What is done to pictures, over the API, with the login of the page.
import { asked } from "./source.js"

const LOOK_MS = 400

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

/** Deleted pictures, for good; with null all of them. */
export const purge = ids => api("POST", "/trash/purge", ids === null ? { all: true } : { ids })

/** The address of a zip of pictures, by their `ids` or by a search `q`. */
export const zip = async which => (await api("POST", "/exports", which)).address

/** Brings files in; `going(done, total)` hears how far it is. Gives what came of it. */
export async function bringIn(files, going) {
  const form = new FormData()
  for (const file of files) form.append("files", file)
  let told = await asked("/api/v1/imports", { method: "POST", body: form })
  while (!told.ended) {
    going(told.done, told.total)
    await later(LOOK_MS)
    told = await api("GET", `/imports/${told.id}`)
  }
  if (told.error) throw new Error(told.error)
  return told
}

/** Paints a picture once more, and says what came of it. */
export async function again(id, going) {
  await api("POST", `/generations/${id}/again`, {})
  for (;;) {
    const { batch } = await api("GET", `/generations/${id}/again`)
    if (batch?.ended) return batch.jobs[0].again?.sentence ?? batch.error ?? "It was not painted."
    going()
    await later(2 * LOOK_MS)
  }
}

const later = ms => new Promise(done => setTimeout(done, ms))

/** Saves what is at an address under the name that it comes with. */
export function save(address) {
  const link = Object.assign(document.createElement("a"), { href: address, download: "" })
  document.body.append(link)
  link.click()
  link.remove()
}
