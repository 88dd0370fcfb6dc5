// The recipe of one picture, beside it: what it was painted with, and its JSON in Ace, to read.
import { make } from "./dom.js"

const seconds = s => (s < 10 ? `${s.toFixed(1)} s` : s < 90 ? `${Math.round(s)} s` : `${Math.round(s / 60)} min`)

export const written = record =>
  record.writer === "hand" ? "written by you" : `written by ${record.writer}${record.edited ? ", edited by you" : ""}`

/** What another program made, which cannot be painted again. */
export const isImported = record => record.mode === "imported"

/** How a picture was painted out of another: "edited behind a mark", "a variation at 0.5". */
function howEdited({ way, mask, start_sigma: sigma }) {
  const mark = mask ? " behind a mark" : ""
  if (way === "own") return `edited by instruction${mark}`
  return mark && sigma === 1 ? `edited${mark}` : `a variation at ${sigma}${mark}`
}

/** "14 of 20" where an edit begins later. */
const paintedSteps = ({ num_inference_steps: steps, edit }) => (edit?.skip ? `${steps - edit.skip} of ${steps}` : `${steps}`)

/** "LoRA sepia:0.8, ink:0.3", as one asks for them; "" where the recipe has none. */
const worn = ({ adapters }) =>
  adapters.length ? `LoRA ${adapters.map(each => each.replace(/@[0-9a-f]{16}\*/, ":")).join(", ")}` : ""

/** Facts of a picture in one line, as far as they are known; `record` may be null. */
export function factsOf(tile, record) {
  if (record && isImported(record)) {
    const { seed, program } = record.versions
    const known = [seed && `seed ${seed}`, `${tile.width}×${tile.height}`, record.model, `imported from ${program || "another program"}`]
    return known.filter(Boolean)
  }
  const facts = [`seed ${tile.seed}`, `${tile.width}×${tile.height}`]
  if (record?.edit) facts.push(howEdited(record.edit))
  if (record) facts.push(`${paintedSteps(record)} steps`, seconds(record.duration_s), record.model, worn(record), written(record))
  return facts.filter(Boolean)
}

/** The addresses of all pictures that an inspiration began with, the main one first. */
const sourcesOf = record => [
  ...(record.source ? [record.source] : []),
  ...record.other_sources.map(path => (path.startsWith("inputs/") ? `/${path}` : `/img/${path.split("/").at(-1)}`)),
]

export class Recipe {
  constructor(aside) {
    this.aside = aside
    this.list = make("dl")
    this.links = make("p", { className: "files" })
    this.editor = make("div", { className: "json" }, make("div", { className: "fibo-editor" }))
    this.revision = 0
    aside.append(this.list, this.links, this.editor)
  }

  /** Where the editor's scripts are, and the negative prompts that nobody has asked for, by model. */
  use({ editor, ace, words, fixed }) { this.from = { editor, ace, words, fixed } }

  show(tile, record, moment) {
    const rows = isImported(record) ? originOf(tile, record, moment) : this.paintingOf(tile, record, moment)
    this.list.replaceChildren(...Object.entries(rows).filter(([, told]) => told).flatMap(([name, told]) => [
      make("dt", { textContent: name }), make("dd", { textContent: told }),
    ]))
    const link = (words, href) => make("a", { href, textContent: words, target: "_blank", rel: "noopener" })
    const files = [link("PNG", record.image), link("Recipe", record.recipe)]
    const sources = sourcesOf(record)
    if (record.edit) files.push(link("Edited picture", `/${record.edit.source}`))
    if (record.edit?.mask) files.push(link("Mark", `/${record.edit.mask}`))
    files.push(...sources.map((href, at) => link(sources.length > 1 ? `Source ${at + 1}` : "Its source", href)))
    this.links.replaceChildren(...files)
    this.write(JSON.stringify(record.structured_prompt, null, 2))
  }

  paintingOf(tile, record, moment) {
    const { usage, edit } = record
    return {
      Words: record.words,
      Edit: edit && `${howEdited(edit)}${edit.instruction && `: “${edit.instruction}”`}`,
      "Made from": edit && record.parent_id,
      Painted: `${moment}, in ${seconds(record.duration_s)}`,
      Seed: tile.seed,
      Size: `${tile.width}×${tile.height}`,
      "Steps, guidance": `${paintedSteps(record)}, ${record.guidance_scale}`,
      "Negative prompt": record.negative_prompt === this.from.fixed[record.model] ? "" : record.negative_prompt,
      Prompt: [written(record), record.writer_model, usage && `${usage.input_tokens} tokens read, ${usage.output_tokens} written`].filter(Boolean).join(" · "),
      Model: `${record.model} ${record.revision.slice(0, 12)}`,
      LoRA: worn(record).replace(/^LoRA /, ""),
      On: `${record.device}, ${record.precision}`,
      Versions: Object.entries(record.versions).map(each => each.join(" ")).join(", "),
      Recipe: record.recipe_hash.slice(0, 16),
      Id: record.id,
    }
  }

  async write(text) {
    this.text = text
    const { show } = await import(new URL(this.from.editor, document.baseURI).href)
    if (this.text !== text || this.gone) return
    this.revision += 1
    const { editor, ace, words } = this.from
    this.end = await show({
      parentElement: this.editor,
      data: {
        editor, ace, words, text, revision: this.revision, name: "", label: "The prompt as JSON, to read", height: 340,
        readonly: true, marks: [], locked: null, locks: false, lines: false, done: 0,
      },
      setStateValue() {},
      setTriggerValue() {},
    })
  }

  leave() {
    this.gone = true
    this.end?.()
  }
}

/** What is known of a picture that another program made. */
function originOf(tile, record, moment) {
  const { program, file, seed } = record.versions
  return {
    Words: record.words,
    "Negative words": record.negative_prompt,
    "Made by": program,
    File: file,
    Made: moment,
    Seed: seed,
    Size: `${tile.width}×${tile.height}`,
    Steps: record.num_inference_steps || "",
    Guidance: record.guidance_scale || "",
    Model: record.model,
    Id: record.id,
  }
}
