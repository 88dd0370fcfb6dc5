// Pictures that a page is given: dropped, pasted, chosen or taken. Each is sent to /inputs at once; Python is told the
// whole list after every change, with a number that it sends back: until then the list here is the newer one.
const zones = new WeakMap()
const READ_MS = 4000
const KEPT = "fibo.given" // in this tab: a change that Python has not answered, for a reload in between
const touch = matchMedia("(pointer: coarse)")

export function show(args) {
  const { parentElement } = args
  if (!zones.has(parentElement)) zones.set(parentElement, new Zone(parentElement))
  zones.get(parentElement).update(args)
}

export function leave(parentElement) {
  zones.get(parentElement)?.leave()
  zones.delete(parentElement)
}

class Zone {
  constructor(root) {
    for (const name of ["given", "row", "ask", "choose", "take", "paste", "files", "camera", "says"]) {
      this[name] = root.querySelector(`.${name}`)
    }
    this.pictures = []
    this.coming = [] // files on their way, with an address of their own to be shown by
    this.sending = Promise.resolve()
    this.changes = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}` // begins anew with each mount
    this.count = 0
    this.told = null // the number of the change that Python has not answered yet
    this.choose.onclick = () => this.files.click()
    this.take.onclick = () => this.camera.click()
    this.paste.onclick = () => this.readClipboard()
    this.paste.hidden = !navigator.clipboard?.read
    for (const input of [this.files, this.camera]) {
      input.onchange = () => {
        this.add([...input.files])
        input.value = "" // so that the same file may be chosen again
      }
    }
    this.heard = new AbortController()
    const on = (name, act) => document.addEventListener(name, act, { signal: this.heard.signal })
    on("paste", event => this.onPaste(event))
    on("dragover", event => this.onDrag(event))
    on("dragleave", event => event.relatedTarget ?? this.given.classList.remove("over"))
    on("drop", event => this.onDrop(event))
  }

  leave() {
    this.heard.abort()
    for (const each of this.coming) URL.revokeObjectURL(each.src)
  }

  update({ data, setTriggerValue }) {
    this.data = data
    this.tell = setTriggerValue
    if (this.told === null || this.told === data.answered) {
      if (this.told !== null) sessionStorage.removeItem(KEPT)
      this.told = null
      this.pictures = [...data.pictures]
    }
    if (!this.begun) this.goOn()
    this.begun = true
    this.draw()
  }

  /** Tells Python again what it had not heard of when the page was loaded anew. */
  goOn() {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null")
    sessionStorage.removeItem(KEPT)
    if (kept === null || kept.number === this.data.answered) return
    if (kept.pictures.map(each => each.path).join() === this.pictures.map(each => each.path).join()) return
    this.pictures = kept.pictures
    this.change()
  }

  // What a file may come by

  onPaste(event) {
    const files = [...(event.clipboardData?.files ?? [])]
    if (!files.length) return
    const typing = event.composedPath()[0]?.closest?.("input, textarea, [contenteditable]")
    if (typing && event.clipboardData.getData("text/plain")) return
    event.preventDefault()
    this.add(files)
  }

  onDrag(event) {
    if (!event.dataTransfer?.types.includes("Files")) return
    event.preventDefault() // else the browser would leave the page for the file
    this.given.classList.add("over")
  }

  onDrop(event) {
    if (!event.dataTransfer?.types.includes("Files")) return
    event.preventDefault()
    this.given.classList.remove("over")
    this.add([...event.dataTransfer.files])
  }

  async readClipboard() {
    this.forget()
    try {
      const items = await navigator.clipboard.read()
      const blobs = items.flatMap(item => item.types.filter(kind => kind.startsWith("image/")).slice(0, 1).map(kind => item.getType(kind)))
      if (blobs.length) this.add(await Promise.all(blobs))
      else this.say("The clipboard holds no picture. Copy one, and paste it.")
    } catch {
      this.say("The browser does not let this page look into the clipboard. Press Ctrl+V instead.")
    }
  }

  // Sending

  add(files) {
    this.forget()
    const room = this.data.most - this.pictures.length - this.coming.length
    for (const file of files.slice(0, Math.max(room, 0))) {
      const each = { file, src: URL.createObjectURL(file) }
      this.coming.push(each)
      this.sending = this.sending.then(() => this.send(each))
    }
    const over = files.length - Math.max(room, 0)
    if (over > 0) this.say(`${this.data.most} pictures make one prompt: ${over} more ${over > 1 ? "were" : "was"} left out.`)
    this.draw()
  }

  async send(each) {
    const name = each.file.name ? `${each.file.name}: ` : ""
    try {
      const { picture, note } = await sent(each.file, this.data.bytes_max)
      if (this.pictures.some(known => known.path === picture)) this.say(`${name}This picture is here already.`)
      else {
        this.pictures = [...this.pictures, { path: picture, src: picture_address(picture) }]
        this.change()
        if (note) this.say(`${name}${note}`)
      }
    } catch (error) {
      this.say(`${name}${error.message}`)
    }
    this.coming = this.coming.filter(other => other !== each)
    URL.revokeObjectURL(each.src)
    this.draw()
  }

  change() {
    this.told = `${this.changes}-${++this.count}`
    sessionStorage.setItem(KEPT, JSON.stringify({ number: this.told, pictures: this.pictures }))
    this.tell("changed", { number: this.told, pictures: this.pictures.map(each => each.path) })
  }

  remove(path) {
    this.forget()
    const place = this.pictures.findIndex(each => each.path === path)
    const [removed] = this.pictures.splice(place, 1)
    this.change()
    this.draw()
    const line = this.say(`Picture ${place + 1} is taken away.`)
    const undo = button("undo", "Undo")
    undo.onclick = () => {
      line.remove()
      this.bring(removed, place)
    }
    line.append(" ", undo)
    undo.focus()
  }

  bring(picture, place) {
    if (this.pictures.some(each => each.path === picture.path)) return
    if (this.pictures.length + this.coming.length >= this.data.most) return this.say(`${this.data.most} pictures are here already.`)
    this.pictures.splice(place, 0, picture)
    this.change()
    this.draw()
    this.row.children[Math.min(place, this.pictures.length - 1)].querySelector(".remove").focus()
  }

  move(path, place) {
    const moved = this.pictures.find(each => each.path === path)
    if (!moved || this.pictures[place]?.path === path) return
    const others = this.pictures.filter(each => each !== moved)
    this.pictures = [...others.slice(0, place), moved, ...others.slice(place)]
    this.change()
    this.draw()
    this.row.children[place].querySelector(".earlier, .remove").focus()
  }

  // Showing

  say(sentence) {
    const line = element("li", sentence)
    line.dataset.at = Date.now()
    this.says.append(line)
    return line
  }

  // What was said a while ago goes at the next act; what has just been said of another file stays to be read.
  forget() {
    for (const line of [...this.says.children]) if (Date.now() - line.dataset.at > READ_MS) line.remove()
  }

  draw() {
    if (!this.data) return
    const full = this.pictures.length + this.coming.length
    this.given.classList.toggle("some", full > 0)
    const begin = touch.matches ? "Choose pictures, or take one." : "Drop pictures here, or paste them."
    const more = touch.matches ? "More of them" : "Drop or paste more: they"
    this.ask.textContent = full
      ? `${full} of ${this.data.most}. ${more} make one prompt.`
      : `${begin} Up to ${this.data.most}, of ${this.data.bytes_max / 2 ** 20} MB each, make one prompt.`
    this.choose.textContent = full ? "Add pictures" : "Choose pictures"
    for (const button of [this.choose, this.take, this.paste]) button.classList.toggle("off", full >= this.data.most)
    this.ask.hidden = full >= this.data.most
    // tiles are kept as they are: a picture that moves is not loaded anew
    const known = new Map([...this.row.children].map(tile => [tile.dataset.path, tile]))
    const tiles = this.pictures.map((each, place) => this.tile(known.get(each.path), each, place))
    this.row.replaceChildren(...tiles, ...this.coming.map(each => comingTile(each)))
  }

  tile(tile, { path, src }, place) {
    if (!tile) {
      tile = element("li", "", "tile")
      tile.dataset.path = path
      tile.draggable = true
      const image = element("img")
      image.src = src
      image.draggable = false
      tile.append(image, element("span", "", "main"), button("earlier", "‹"), button("remove", "×"))
      tile.ondragstart = event => {
        event.dataTransfer.effectAllowed = "move"
        event.dataTransfer.setData("text/x-given", path)
      }
      tile.ondragover = event => {
        if (event.dataTransfer.types.includes("text/x-given")) event.preventDefault()
      }
      tile.ondrop = event => {
        const from = event.dataTransfer.getData("text/x-given")
        if (!from) return
        event.preventDefault()
        this.move(from, [...this.row.children].indexOf(tile))
      }
      tile.querySelector(".remove").onclick = () => this.remove(path)
    }
    const several = this.pictures.length > 1
    tile.querySelector("img").alt = `Picture ${place + 1} to begin with`
    tile.querySelector(".main").textContent = several && place === 0 ? "main" : ""
    const earlier = tile.querySelector(".earlier")
    earlier.hidden = place === 0
    earlier.onclick = () => this.move(path, place - 1)
    name(earlier, place === 1 ? "Make picture 2 the main one" : `Move picture ${place + 1} forward`)
    name(tile.querySelector(".remove"), `Remove picture ${place + 1}`)
    return tile
  }
}

async function sent(file, bytesMax) {
  if (file.size > bytesMax) {
    throw new Error(`The file has ${Math.round(file.size / 2 ** 20)} MB, and at most ${bytesMax / 2 ** 20} are read. Save it smaller.`)
  }
  let answer
  try {
    answer = await fetch("/inputs", { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } })
  } catch {
    throw new Error("It could not be sent: the studio did not answer. Give it again.")
  }
  if (answer.status === 401) throw new Error("It was not sent: the login is over. Reload this page to log in again.")
  const said = await answer.json().catch(() => ({}))
  if (!answer.ok) throw new Error(said.detail ?? `It could not be sent (${answer.status}). Give it again.`)
  return said
}

function picture_address(path) {
  return `/inputs/small/${path.replace(/^.*\//, "").replace(".png", ".webp")}`
}

function comingTile({ src }) {
  const tile = element("li", "", "tile coming")
  const image = element("img")
  image.src = src
  image.alt = "A picture that is being read"
  image.onerror = () => image.remove()
  tile.append(image, element("span", "reading", "main"))
  return tile
}

function button(kind, sign) {
  const made = element("button", sign, kind)
  made.type = "button"
  return made
}

function name(made, label) {
  made.title = label
  made.setAttribute("aria-label", label)
}

function element(tag, content = "", kind = "") {
  const made = document.createElement(tag)
  made.textContent = content
  if (kind) made.className = kind
  return made
}
