// Where in a JSON text a position is: in which key or value of which object, also while the text is not whole yet.

/**
 * The place at `offset` of `text`.
 *
 * `path` leads to the object or list around it, outermost first. `kind` is "key", "value", or "between" two of them;
 * `word` is the text of the key or value that the place is in, from `start` to `end` without its quotes. `step` is
 * the key or position whose value stands here, `keys` are all that the object has.
 */
export function placeAt(text, offset) {
  const stack = []
  let at = 0
  let found = null

  const here = more => ({
    path: stack.slice(1).map((_, depth) => stack[depth].step),
    step: top() ? top().step : null,
    inObject: Boolean(top() && top().object),
    frame: top(),
    ...more,
  })
  const top = () => stack[stack.length - 1]
  const awaitsKey = () => top() && top().object && top().awaitsKey

  while (at < text.length && !(found && !stack.includes(found.frame) && found.frame)) {
    const char = text[at]
    if (!found && at >= offset) found = here({ kind: awaitsKey() ? "between" : "value", quoted: false, start: offset, end: offset })
    if (char === '"') {
      const start = at + 1
      let end = start
      while (end < text.length && text[end] !== '"' && text[end] !== "\n") end += text[end] === "\\" ? 2 : 1
      const word = text.slice(start, end)
      const isKey = awaitsKey()
      if (isKey) {
        top().step = word
        top().keys.push(word)
      }
      if (!found && offset >= start && offset <= end) {
        found = here({ kind: isKey ? "key" : "value", quoted: true, start, end, word })
      }
      at = text[end] === '"' ? end + 1 : end
      continue
    }
    if (char === "{" || char === "[") {
      stack.push({ object: char === "{", awaitsKey: char === "{", step: char === "{" ? null : 0, keys: [] })
    } else if (char === "}" || char === "]") {
      stack.pop()
    } else if (char === ":" && top()) {
      top().awaitsKey = false
    } else if (char === "," && top()) {
      if (top().object) Object.assign(top(), { awaitsKey: true, step: null })
      else top().step += 1
    }
    at += 1
  }
  found ??= here({ kind: awaitsKey() ? "between" : "value", quoted: false, start: offset, end: offset })
  return { ...found, keys: found.frame ? found.frame.keys : [] }
}

/** The path of what begins on a line, or ends on it; null where that is the whole document. */
export function fieldOfLine(line, text, lineStart) {
  const first = line.search(/\S/)
  if (first < 0) return null
  const char = line[first]
  const place = placeAt(text, lineStart + first + (char === '"' ? 1 : 0))
  if (char === "}" || char === "]") return place.path.length ? place.path : null
  return place.step === null || place.step === undefined ? null : [...place.path, place.step]
}

/** A path as Python writes it: objects[0].location, ["a.b"]. */
export function written(path) {
  return path.reduce((all, step) => {
    if (typeof step === "number") return `${all}[${step}]`
    if (/^[^.[\]"\x00-\x1f\ud800-\udfff]+$/.test(step)) return all ? `${all}.${step}` : step
    return `${all}[${JSON.stringify(step)}]`
  }, "")
}
