// Asks the studio how a batch stands, until it has ended.
const QUICK_MS = 100, LOOK_MS = 300, HIDDEN_MS = 3000, AWAY_MS = 3000
const NEARLY = 0.8 // of a picture's steps: its file is close

/** Follows one batch. `told(batch)` hears each answer, `amiss(why)` "login", "away" or "" when that is over. */
export class Follower {
  constructor(told, amiss) {
    this.told = told
    this.amiss = amiss
    this.id = null
    this.seen = () => { if (!document.hidden && this.id !== null) this.look() }
    document.addEventListener("visibilitychange", this.seen)
  }

  /** Begins with a batch; null for none. */
  follow(id) {
    if (this.id === id) return
    this.id = id
    this.misses = 0
    if (id !== null) return this.look()
    clearTimeout(this.timer)
    this.amiss("")
  }

  async look() {
    const id = this.id
    clearTimeout(this.timer)
    let wait = LOOK_MS
    try {
      const answer = await fetch(`/desk.json?batch=${encodeURIComponent(id)}`)
      if (id !== this.id) return
      if (answer.status === 401) {
        this.amiss("login")
        wait = AWAY_MS
      } else if (!answer.ok) {
        throw new Error(String(answer.status))
      } else {
        const { batch } = await answer.json()
        if (id !== this.id) return
        this.misses = 0
        this.amiss("")
        if (batch === null || batch.ended) this.id = null
        if (batch === null) return
        if (batch.cells.some(cell => cell.fraction >= NEARLY)) wait = QUICK_MS
        this.told(batch)
      }
    } catch (error) {
      if (id !== this.id) return
      this.misses += 1
      if (this.misses > 2) this.amiss("away")
      wait = this.misses > 2 ? AWAY_MS : LOOK_MS
    }
    if (this.id === id) {
      clearTimeout(this.timer)
      this.timer = setTimeout(() => this.look(), document.hidden ? HIDDEN_MS : wait)
    }
  }

  end() {
    this.follow(null)
    document.removeEventListener("visibilitychange", this.seen)
  }
}
