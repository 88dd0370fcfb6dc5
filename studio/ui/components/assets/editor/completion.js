// What Ace offers at the cursor: the keys of FIBO's caption that an object does not have yet, and usual values.

import { placeAt } from "./json_place.js"

const EMPTY = { text: '""', number: "", list: "[]", object: "{}" }

/** Ace's completer for prompts; `words` are the keys and usual values by the part of a prompt they belong to. */
export function completer(words) {
  let place = null // where the list was opened, and after each letter again
  return {
    id: "fibo",
    get identifierRegexps() {
      return [place && place.quoted ? /[^"]/ : /\w/]
    },
    getCompletions(editor, session, position, prefix, done) {
      done(null, offers(words, placeOfCursor(editor)).map(offer => ({ ...offer, completer: this })))
    },
    insertMatch(editor, offer) {
      insert(editor, offer)
    },
    /** Looks where the cursor is; whether there is something to offer. */
    look(editor) {
      place = placeOfCursor(editor)
      return offers(words, place).length > 0
    },
  }
}

function placeOfCursor(editor) {
  return placeAt(editor.getValue(), editor.session.doc.positionToIndex(editor.getCursorPosition()))
}

function offers(words, place) {
  const around = place.path.filter(step => typeof step === "string")
  if (place.kind !== "value") {
    const known = (place.inObject && words.keys[around.join(".")]) || []
    return known
      .filter(key => key.name === place.word || !place.keys.includes(key.name))
      .map((key, index) => ({ value: key.name, meta: key.holds, score: 1000 - index, key }))
  }
  if (typeof place.step !== "string") return []
  const usual = words.values[[...around, place.step].join(".")] || []
  return usual.map((value, index) => ({ value, score: 1000 - index }))
}

/** Puts an offer in the place of the whole word at the cursor, with quotes, and what a new key wants after it. */
function insert(editor, offer) {
  const { session } = editor
  const place = placeOfCursor(editor)
  const text = session.getValue()
  let [start, end] = [place.start, place.end]
  if (!place.quoted) while (start > 0 && /\w/.test(text[start - 1])) start -= 1
  const word = place.quoted ? offer.value : JSON.stringify(offer.value)
  const closed = !place.quoted || text[end] === '"'
  let after = closed ? "" : '"'
  let back = 0
  const rest = text.slice(end).replace(/^"/, "")
  if (offer.key && !/^\s*:/.test(rest)) {
    const value = EMPTY[offer.key.holds]
    const comma = /^\s*"/.test(rest) ? "," : ""
    after = `${place.quoted ? '"' : ""}: ${value}${comma}`
    back = comma.length + Math.floor(value.length / 2)
    if (place.quoted && text[end] === '"') end += 1
  }
  const at = index => session.doc.indexToPosition(index)
  session.replace({ start: at(start), end: at(end) }, word + after)
  editor.moveCursorToPosition(at(start + word.length + after.length - back))
  editor.clearSelection()
}
