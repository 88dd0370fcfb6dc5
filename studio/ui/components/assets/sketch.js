// A board of chips, drawn from what is here: each edit is shown at once, numbered and sent until Python has taken it.
const boards = new WeakMap()
const QUIET_MS = 120 // after the last key of a run of arrows
const NUDGE = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
const DEPTHS = ["background", "midground", "", "foreground"]
const SMALL_PX = 74 // a narrower chip has its name below it

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".sketch")
  let mine = boards.get(root)
  if (!mine) boards.set(root, (mine = board(root)))
  mine.send = (name, value) => setTriggerValue(name, value)
  mine.take(data)
}

function board(root) {
  let data, chips = [], light, chosen = null, dragging = false, pending = [], timer = null, last = 0
  const self = { take, send: null }
  root.innerHTML = `
    <div class="tools">
      <button type="button" class="add">Add object</button>
      <button type="button" class="undo" title="Ctrl+Z">Undo</button>
      <span class="said" role="status"></span>
    </div>
    <div class="floor">
      <div class="board" role="group" aria-label="Board of the picture"><div class="ghost" hidden></div><p class="empty"></p></div>
      <div class="card" hidden>
        <input class="name" aria-label="What it is" placeholder="What is it? a red ball">
        <div class="swatches" role="group" aria-label="Colour"></div>
        <div class="acts">
          <button type="button" class="smaller" aria-label="Smaller" title="Smaller  −">−</button>
          <button type="button" class="larger" aria-label="Larger" title="Larger  +">+</button>
          <button type="button" class="fields">All fields</button>
          <button type="button" class="remove" title="Delete">Remove</button>
        </div>
        <p class="words"></p><ul class="doubts"></ul>
      </div>
      <fieldset class="light"><legend>Light</legend>
        <svg class="dial" viewBox="-50 -50 100 100" tabindex="0" role="slider" aria-label="Direction of the light" aria-valuemin="0" aria-valuemax="360">
          <circle class="rim" r="36"/><circle class="subject" r="9"/><path class="beam"/><circle class="sun" r="8"/>
        </svg>
        <div class="depths" role="radiogroup" aria-label="Light from"></div>
        <p class="lit"></p>
      </fieldset>
    </div>
    <p class="hint">Drag to move, the corner to resize. Keys: arrows, + and −, Enter for its name, Delete.</p>`
  const find = selector => root.querySelector(selector)
  const floor = find(".board"), ghost = find(".ghost"), dial = find(".dial"), name = find(".name"), card = find(".card")

  // --- what Python knows, and what it is told

  function take(fresh) {
    const first = !data
    data = fresh
    pending = pending.filter(edit => edit.n > data.taken)
    root.dataset.version = data.version // of the text that is shown, for who waits for it
    if (first) dress()
    if (!pending.length && !dragging) {
      chips = data.chips.map(chip => ({ ...chip }))
      light = { ...data.light }
      if (chosen !== null && chosen >= chips.length) chosen = null
    }
    if (!dragging) draw()
  }

  // Python may run once for several edits: each is sent again until it is known to be taken.
  function edit(what, { later = false } = {}) {
    const before = pending.at(-1)
    if (later && timer && before?.act === what.act && before.index === what.index) pending.pop()
    last = Math.max(last + 1, Date.now())
    pending.push({ n: last, of: data.version, ...what })
    clearTimeout(timer)
    timer = null
    if (later) timer = setTimeout(flush, QUIET_MS)
    else flush()
    draw()
  }

  function flush() {
    clearTimeout(timer)
    timer = null
    if (pending.length) self.send("edits", pending)
  }

  // --- edits

  const clamp = (value, most) => Math.min(Math.max(value, 0), most)
  const closest = (value, among, measure) => among.reduce((best, each) => (Math.abs(measure(each) - value) < Math.abs(measure(best) - value) ? each : best))
  const columnAt = x => closest(x, data.reach.columns, column => data.columns[column])
  const rowAt = y => closest(y, data.reach.rows, row => data.rows[row])
  const sizeAt = share => closest(share, data.reach.sizes, size => data.sizes[size][0])
  // The next one of those in reach, up (1) or down (-1); the same where there is none.
  const next = (value, by, reach) => (by > 0 ? reach.find(each => each > value) : by < 0 ? reach.findLast(each => each < value) : value) ?? value

  function move(index, column, row, options) {
    const chip = chips[index]
    if (chip.column === column && chip.row === row) return draw()
    Object.assign(chip, { column, row, where: "" })
    edit({ act: "move", index, column, row, depth: chip.depth }, options)
    say(words(chip))
  }

  function resize(index, size, options) {
    const chip = chips[index]
    if (chip.size === size) return draw()
    Object.assign(chip, { size, large: "" })
    edit({ act: "resize", index, size }, options)
    say(words(chip))
  }

  function recolor(index, color) {
    chips[index].color = data.colors[color]
    edit({ act: "recolor", index, color })
    say(color)
  }

  function rename(index, text) {
    if (chips[index].label === text) return
    chips[index].label = text
    edit({ act: "name", index, text })
  }

  function add(column, row) {
    chips.push({ label: "", column, row, depth: "", size: data.medium, color: null, doubts: [], where: "", large: "" })
    chosen = chips.length - 1
    edit({ act: "add", column, row })
    say("An object was added. What is it?")
    name.focus()
  }

  function addSomewhere() {
    const taken = new Set(chips.map(chip => `${chip.column} ${chip.row}`))
    const [column, row] = data.nine.find(place => !taken.has(place.join(" "))) || data.nine[0]
    add(column, row)
  }

  function remove(index) {
    const [gone] = chips.splice(index, 1)
    chosen = chips.length ? Math.min(index, chips.length - 1) : null
    edit({ act: "remove", index })
    say(`${gone.label || "The object"} was removed. Undo brings it back.`)
    if (chosen === null) find(".add").focus()
    else nodes()[chosen].focus()
  }

  function shine(angle, depth, options) {
    if (depth === "around") angle = null
    if (light.angle === angle && light.depth === depth) return draw()
    light = { angle, depth, words: "", doubt: "" }
    edit({ act: "light", angle, depth }, options)
  }

  const undo = () => data.undo && edit({ act: "undo" })

  // --- drawing: nodes stay, so that the focus does

  const nodes = () => [...floor.querySelectorAll(".chip")]
  const words = chip => [place(chip), size(chip)].filter(Boolean).join(" · ")
  const place = chip => chip.where || data.places[chip.row][chip.column] + (chip.depth ? `, ${chip.depth}` : "")
  const size = chip => chip.large || data.sizes[chip.size][1]
  const lit = () => light.words || data.lights[light.depth || "side"][light.angle ?? ""] || ""

  function dress() {
    find(".swatches").append(...Object.entries(data.colors).map(([color, css]) => {
      const swatch = document.createElement("button")
      Object.assign(swatch, { type: "button", title: color })
      swatch.setAttribute("aria-label", color)
      swatch.style.background = css
      swatch.onclick = () => chosen !== null && recolor(chosen, color)
      return swatch
    }))
    find(".depths").append(...Object.keys(data.lights).map(depth => {
      const label = document.createElement("label")
      const radio = Object.assign(document.createElement("input"), { type: "radio", name: `depth-${Math.random()}`, value: depth })
      radio.onchange = () => shine(light.angle, depth)
      label.append(radio, { side: "Side", front: "Front", behind: "Behind", around: "All around" }[depth])
      return label
    }))
    const radios = root.querySelectorAll(".depths input")
    for (const radio of radios) radio.name = radios[0].name
  }

  function draw() {
    const [width, height] = data.shape
    floor.style.aspectRatio = `${width} / ${height}`
    floor.style.setProperty("--ratio", width / height)
    const unit = Math.sqrt(width * height) / width // a share of this is one of the board's width
    let there = nodes()
    for (const extra of there.slice(chips.length)) extra.remove()
    while (there.length < chips.length) there.push(floor.appendChild(chipNode()))
    there = nodes()
    const piled = {}, last = Object.fromEntries(chips.map((chip, index) => [`${chip.column} ${chip.row}`, index]))
    chips.forEach((chip, index) => {
      const spot = `${chip.column} ${chip.row}`, pile = (piled[spot] = (piled[spot] ?? -1) + 1) // each is seen
      const node = there[index], share = data.sizes[chip.size][0]
      Object.assign(node.style, {
        left: `${(chip.x ?? data.columns[chip.column]) * 100}%`, top: `${(chip.y ?? data.rows[chip.row]) * 100}%`,
        width: `${(chip.share ?? share) * unit * 100}%`,
        zIndex: 100 * (1 + DEPTHS.indexOf(chip.depth)) + 10 * (data.sizes.length - chip.size) + 5 * (index === chosen),
        marginLeft: `${(pile % 8) * 7}px`, marginTop: `${(pile % 8) * 7}px`,
        background: chip.color || "", color: dark(chip.color) ? "#fff" : "#111",
      })
      const px = (chip.share ?? share) * unit * floor.clientWidth
      const x = (chip.x ?? data.columns[chip.column]) * floor.clientWidth, y = (chip.y ?? data.rows[chip.row]) * floor.clientHeight
      // The name keeps to what is seen of the chip.
      node.style.padding = [px / 2 - y, x + px / 2 - floor.clientWidth, y + px / 2 - floor.clientHeight, px / 2 - x].map(out => `${Math.max(out, 0) + 3}px`).join(" ")
      node.className = ["chip", chip.depth, px < SMALL_PX && "small",
        last[spot] !== index && index !== chosen && "beneath", !chip.color && "unknown", chip.doubts.length && "doubtful",
        data.columns[chip.column] < 0.3 && "at-left", data.columns[chip.column] > 0.7 && "at-right",
        data.columns[chip.column] > 0.5 && "from-right", data.rows[chip.row] > 0.5 && "from-below"].filter(Boolean).join(" ")
      node.setAttribute("aria-pressed", index === chosen)
      node.setAttribute("aria-label", [`${index + 1} ${chip.label || "New object"}`, place(chip), size(chip), ...chip.doubts].join(", "))
      node.title = chip.doubts.join("\n")
      node.querySelector(".number").textContent = index + 1
      node.querySelector(".label").textContent = chip.label || "New object"
    })
    find(".empty").textContent = chips.length ? "" : "No objects yet. Double-click where one should stand, or press “Add object”."
    drawCard()
    drawDial()
    find(".undo").disabled = !data.undo && !pending.length
  }

  function drawCard() {
    const chip = chips[chosen]
    card.hidden = !chip
    find(".hint").hidden = !chips.length
    if (!chip) return
    if (root.getRootNode().activeElement !== name || name.dataset.of !== String(chosen)) name.value = chip.label
    name.dataset.of = chosen
    find(".words").textContent = words(chip)
    find(".doubts").replaceChildren(...chip.doubts.map(doubt => Object.assign(document.createElement("li"), { textContent: doubt })))
    for (const swatch of root.querySelectorAll(".swatches button")) swatch.setAttribute("aria-pressed", data.colors[swatch.title] === chip.color)
    find(".smaller").disabled = next(chip.size, -1, data.reach.sizes) === chip.size
    find(".larger").disabled = next(chip.size, 1, data.reach.sizes) === chip.size
  }

  function drawDial() {
    const { angle, depth } = light, away = angle === null ? 0 : 36
    const turn = ((angle ?? 0) * Math.PI) / 180, x = away * Math.cos(turn), y = -away * Math.sin(turn)
    find(".sun").setAttribute("cx", x)
    find(".sun").setAttribute("cy", y)
    find(".beam").setAttribute("d", away ? `M${x} ${y}L${x * 0.35} ${y * 0.35}` : "")
    dial.setAttribute("class", `dial ${depth || "unsaid"}`)
    dial.setAttribute("aria-valuenow", angle ?? 0)
    dial.setAttribute("aria-valuetext", lit() || "not said")
    for (const radio of root.querySelectorAll(".depths input")) radio.checked = radio.value === depth
    find(".lit").textContent = light.doubt || lit() || "not said"
  }

  const say = text => (find(".said").textContent = text)

  function choose(index) {
    if (chosen === index) return
    chosen = index
    draw()
  }

  // --- hands

  function chipNode() {
    const node = document.createElement("button")
    Object.assign(node, { type: "button", className: "chip" })
    node.innerHTML = `<span class="number"></span><span class="label"></span><span class="mark">!</span><span class="corner"></span>`
    const at = () => nodes().indexOf(node)
    node.onfocus = () => choose(at())
    node.onpointerdown = event => {
      if (event.button) return
      event.preventDefault() // no text is marked; the focus is set by hand
      node.focus()
      choose(at())
      drag(node, event, event.target.className === "corner" ? stretch : carry)
    }
    node.onkeydown = event => onKey(event, at())
    return node
  }

  // Follows the pointer until it is let go; what it comes to is sent then, once.
  function drag(node, start, way) {
    const index = nodes().indexOf(node), box = floor.getBoundingClientRect(), chip = chips[index]
    const from = { x: data.columns[chip.column], y: data.rows[chip.row] }
    let moved = false
    node.setPointerCapture(start.pointerId)
    node.onpointermove = event => {
      if (event.pointerId !== start.pointerId) return
      if (!moved && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < 4) return
      moved = dragging = true
      node.classList.add("held")
      way.follow(chip, event, start, from, box)
      draw()
      node.classList.add("held")
    }
    const end = event => {
      if (event.pointerId !== start.pointerId) return
      node.onpointermove = node.onpointerup = node.onpointercancel = null
      node.classList.remove("held")
      ghost.hidden = true
      dragging = false
      const to = way.end(chip)
      if (!moved) return
      if (event.type === "pointercancel") return take(data)
      to(index)
    }
    node.onpointerup = node.onpointercancel = end
  }

  const carry = {
    follow(chip, event, start, from, box) {
      chip.x = clamp(from.x + (event.clientX - start.clientX) / box.width, 1)
      chip.y = clamp(from.y + (event.clientY - start.clientY) / box.height, 1)
      const column = columnAt(chip.x), row = rowAt(chip.y)
      ghost.hidden = false
      Object.assign(ghost.style, { left: `${data.columns[column] * 100}%`, top: `${data.rows[row] * 100}%`, width: nodes()[chips.indexOf(chip)].style.width })
      say(place({ ...chip, column, row, where: "" }))
    },
    end(chip) {
      const column = columnAt(chip.x ?? 0), row = rowAt(chip.y ?? 0)
      delete chip.x
      delete chip.y
      return index => move(index, column, row)
    },
  }

  const stretch = {
    follow(chip, event, start, from, box) {
      const across = (event.clientX - box.left) / box.width - from.x, down = ((event.clientY - box.top) / box.height - from.y) * box.height / box.width
      const share = 2 * Math.max(Math.abs(across), Math.abs(down)) * data.shape[0] / Math.sqrt(data.shape[0] * data.shape[1])
      chip.share = Math.min(Math.max(share, data.sizes[0][0]), data.sizes.at(-1)[0])
      say(data.sizes[sizeAt(chip.share)][1])
    },
    end(chip) {
      const wanted = sizeAt(chip.share ?? 0)
      delete chip.share
      return index => resize(index, wanted)
    },
  }

  function onKey(event, index) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const chip = chips[index], nudge = NUDGE[event.key]
    if (nudge) move(index, next(chip.column, nudge[0], data.reach.columns), next(chip.row, nudge[1], data.reach.rows), { later: true })
    else if (event.key === "+" || event.key === "=") resize(index, next(chip.size, 1, data.reach.sizes), { later: true })
    else if (event.key === "-" || event.key === "_") resize(index, next(chip.size, -1, data.reach.sizes), { later: true })
    else if (event.key === "Delete" || event.key === "Backspace") remove(index)
    else if (event.key === "Enter") name.focus(), name.select()
    else return
    event.preventDefault()
  }

  root.addEventListener("keydown", event => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && event.target !== name) {
      event.preventDefault()
      undo()
    }
    if (timer && !NUDGE[event.key]) flush() // whatever follows finds the last arrow told
  })
  root.addEventListener("focusout", () => timer && flush())
  floor.ondblclick = event => {
    if (event.target !== floor && event.target.className !== "empty") return
    const box = floor.getBoundingClientRect()
    add(columnAt((event.clientX - box.left) / box.width), rowAt((event.clientY - box.top) / box.height))
  }
  floor.onpointerdown = event => event.target === floor && choose(null)
  find(".add").onclick = addSomewhere
  find(".undo").onclick = undo
  find(".smaller").onclick = () => resize(chosen, next(chips[chosen].size, -1, data.reach.sizes))
  find(".larger").onclick = () => resize(chosen, next(chips[chosen].size, 1, data.reach.sizes))
  find(".remove").onclick = () => remove(chosen)
  find(".fields").onclick = () => self.send("open", chosen)
  name.onchange = () => rename(Number(name.dataset.of), name.value.trim())
  name.onkeydown = event => {
    if (event.key === "Escape") name.value = chips[chosen].label
    if (event.key === "Enter" || event.key === "Escape") nodes()[chosen].focus()
  }

  dial.onpointerdown = start => {
    start.preventDefault()
    dial.focus()
    dial.setPointerCapture(start.pointerId)
    const before = { ...light }
    const follow = event => {
      const box = dial.getBoundingClientRect()
      const x = event.clientX - box.left - box.width / 2, y = box.top + box.height / 2 - event.clientY
      const turn = (Math.round((Math.atan2(y, x) * 4) / Math.PI) * 45 + 360) % 360
      const depth = ["front", "behind"].includes(before.depth) ? before.depth : "side"
      light = Math.hypot(x, y) < box.width * 0.14 ? { angle: null, depth: depth === "side" ? "front" : depth } : { angle: turn, depth }
      dragging = true
      drawDial()
    }
    follow(start)
    dial.onpointermove = follow
    dial.onpointerup = dial.onpointercancel = event => {
      dial.onpointermove = dial.onpointerup = dial.onpointercancel = null
      dragging = false
      const to = light
      light = before
      if (event.type === "pointercancel") return take(data)
      shine(to.angle, to.depth)
    }
  }
  dial.onkeydown = event => {
    const turn = { ArrowRight: -45, ArrowDown: -45, ArrowLeft: 45, ArrowUp: 45 }[event.key]
    if (!turn) return
    event.preventDefault()
    const depth = light.depth && light.depth !== "around" ? light.depth : "side"
    shine(light.angle === null ? 90 : (light.angle + turn + 360) % 360, depth, { later: true })
  }
  new ResizeObserver(() => data && !dragging && draw()).observe(floor)
  return self
}

function dark(css) {
  if (!css) return false
  const [red, green, blue] = [1, 3, 5].map(at => parseInt(css.slice(at, at + 2), 16))
  return 0.299 * red + 0.587 * green + 0.114 * blue < 140
}
