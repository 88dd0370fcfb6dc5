// What is marked on a picture: the steps that it was made by, replayed where one is taken back, on a canvas of the
// picture's own pixels.
const OPAQUE = 128 // of 255, from which on a pixel is marked: a mark knows no half

export class Mark {
  constructor(canvas) {
    this.canvas = canvas
    this.pen = canvas.getContext("2d", { willReadFrequently: true })
    this.done = []
    this.undone = []
    this.stroke = null
  }

  /** Nothing is marked, on a picture of this size. */
  begin(width, height) {
    Object.assign(this.canvas, { width, height }) // which clears it
    this.color = getComputedStyle(this.canvas).color
    this.done = []
    this.undone = []
    this.stroke = null
    this.picture = null
  }

  get canUndo() { return this.done.length > 0 }
  get canRedo() { return this.undone.length > 0 }

  /** Whether nothing can be marked: a stroke of the eraser may leave a mark without a pixel all the same. */
  get isEmpty() {
    const cleared = this.done.findLastIndex(op => op.kind === "clear")
    return !this.done.slice(cleared + 1).some(op => op.kind !== "stroke" || !op.erase)
  }

  add(op) {
    this.done.push(op)
    this.undone = []
    this.paint(op)
  }

  undo() { return this.shift(this.done, this.undone) }
  redo() { return this.shift(this.undone, this.done) }

  shift(from, to) {
    if (!from.length || this.stroke) return false
    to.push(from.pop())
    this.replay()
    return true
  }

  replay() {
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height)
    for (const op of this.done) this.paint(op)
  }

  // One stroke

  beginStroke(erase, width, point) {
    this.stroke = { kind: "stroke", erase, width, points: [point] }
    this.line(this.stroke, point, point)
  }

  moveTo(point) {
    if (!this.stroke) return
    this.line(this.stroke, this.stroke.points.at(-1), point)
    this.stroke.points.push(point)
  }

  /** Whether there was a stroke. */
  endStroke() {
    if (!this.stroke) return false
    this.done.push(this.stroke)
    this.undone = []
    this.stroke = null
    return true
  }

  dropStroke() {
    if (!this.stroke) return
    this.stroke = null
    this.replay()
  }

  // Drawing

  paint(op) {
    const { pen, canvas } = this
    pen.fillStyle = this.color
    if (op.kind === "stroke") op.points.forEach((point, at) => this.line(op, op.points[Math.max(0, at - 1)], point))
    else if (op.kind === "clear") pen.clearRect(0, 0, canvas.width, canvas.height)
    else if (op.kind === "picture") {
      pen.clearRect(0, 0, canvas.width, canvas.height)
      pen.drawImage(op.image, 0, 0)
      pen.globalCompositeOperation = "source-in"
      pen.fillRect(0, 0, canvas.width, canvas.height)
    } else if (op.kind === "invert") {
      pen.globalCompositeOperation = "xor"
      pen.fillRect(0, 0, canvas.width, canvas.height)
    } else if (op.kind === "outline") {
      for (const [x, y, across, down] of op.shapes) {
        pen.beginPath()
        pen.ellipse(x * canvas.width, y * canvas.height, (across * canvas.width) / 2, (down * canvas.height) / 2, 0, 0, 2 * Math.PI)
        pen.fill()
      }
    }
    pen.globalCompositeOperation = "source-over"
  }

  line({ erase, width }, from, to) {
    const { pen } = this
    pen.globalCompositeOperation = erase ? "destination-out" : "source-over"
    Object.assign(pen, { strokeStyle: this.color, lineWidth: width, lineCap: "round", lineJoin: "round" })
    pen.beginPath()
    pen.moveTo(...from)
    pen.lineTo(...to)
    pen.stroke()
    pen.globalCompositeOperation = "source-over"
  }

  /** Begins with a mark that the studio keeps, where `wanted` still says so once it is here; whether it is. */
  async load(address, wanted) {
    const image = new Image()
    image.src = address
    try {
      await image.decode()
    } catch {
      return false // it is not there any more
    }
    if (!wanted()) return false
    const holder = document.createElement("canvas")
    Object.assign(holder, { width: this.canvas.width, height: this.canvas.height })
    const pen = holder.getContext("2d", { willReadFrequently: true })
    pen.imageSmoothingEnabled = false
    pen.drawImage(image, 0, 0, holder.width, holder.height)
    const pixels = pen.getImageData(0, 0, holder.width, holder.height)
    for (let at = 0; at < pixels.data.length; at += 4) pixels.data[at + 3] = pixels.data[at] >= OPAQUE ? 255 : 0
    pen.putImageData(pixels, 0, 0)
    this.add({ kind: "picture", image: holder })
    return true
  }
}

/** The mark as a PNG, white where it is marked; null where nothing is. */
export async function pngOf({ canvas, pen }) {
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height)
  const { data } = pixels
  let any = false
  for (let at = 0; at < data.length; at += 4) {
    const marked = data[at + 3] >= OPAQUE
    any ||= marked
    data[at] = data[at + 1] = data[at + 2] = marked ? 255 : 0
    data[at + 3] = 255
  }
  if (!any) return null
  const holder = document.createElement("canvas")
  Object.assign(holder, { width: canvas.width, height: canvas.height })
  holder.getContext("2d").putImageData(pixels, 0, 0)
  return new Promise((done, failed) => {
    holder.toBlob(blob => (blob ? done(blob) : failed(new Error("The browser could not draw the mark."))), "image/png")
  })
}
