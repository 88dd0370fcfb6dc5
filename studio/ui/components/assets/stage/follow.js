// What becomes of one batch, until it has ended.
import { desk } from "./desk.js"

const QUICK_MS = 100, LOOK_MS = 300
const NEARLY = 0.8 // of a picture's steps: its file is close
const MISSES = 2 // in a row, until it is said

/** Follows one batch. `hear(batch)` has each answer, `amiss(why)` "login", "away" or "" when that is over. */
export class Follower {
  constructor(hear, amiss) {
    this.hear = hear
    this.amiss = amiss
    this.id = null
  }

  /** Begins with a batch; null for none. */
  follow(id) {
    if (this.id === id) return
    this.id = id
    this.near = false
    if (id !== null) return desk.join(this)
    desk.leave(this)
    this.amiss("")
  }

  wants() { return { batch: this.id, also: [], wait: this.near ? QUICK_MS : LOOK_MS } }

  answered({ batch }, asked) {
    if (asked !== this.id) return
    this.amiss("")
    if (batch === null || batch.ended) {
      this.id = null
      desk.leave(this)
    }
    if (batch === null) return
    this.near = batch.cells.some(cell => cell.fraction >= NEARLY)
    this.hear(batch)
  }

  missed(misses, status) {
    if (status === 401) this.amiss("login")
    else if (misses > MISSES) this.amiss("away")
  }

  end() { this.follow(null) }
}
