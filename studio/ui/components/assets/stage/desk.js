// Asks the studio what is being painted: once for the whole tab, however many parts of its page want to know.
const HIDDEN_MS = 3000, AWAY_MS = 3000
const MISSES = 2 // in a row, after which it is asked less often

class Desk {
  constructor() {
    this.parts = new Set()
    this.misses = 0
    this.asking = this.again = false
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.ask() })
  }

  /**
   * Tells a part of the page from now on. Its `wants()` are {batch: the id of the one it follows or null, also: ids of
   * batches whose end it waits for, wait: ms to the next look}; it hears `answered(answer, batch)` with the id that was
   * asked for, and `missed(misses in a row, status)`, 0 where there was no answer.
   */
  join(part) {
    this.parts.add(part)
    this.ask()
  }

  leave(part) {
    this.parts.delete(part)
    if (!this.parts.size) clearTimeout(this.timer)
  }

  /** Looks now. */
  async ask() {
    this.again = this.asking
    if (this.asking || !this.parts.size) return
    this.asking = true
    clearTimeout(this.timer)
    const wants = [...this.parts].map(part => part.wants())
    const batch = wants.map(each => each.batch).find(id => id !== null) ?? null
    const asked = new URLSearchParams(wants.flatMap(each => each.also).map(id => ["also", id]))
    if (batch !== null) asked.set("batch", batch)
    let answer = null, status = 0
    try {
      const response = await fetch(`/desk.json?${asked}`)
      status = response.status
      if (response.ok) answer = await response.json()
    } catch (error) {
      if (!(error instanceof TypeError)) throw error // no connection: it is asked again
    } finally {
      this.asking = false
    }
    this.misses = answer ? 0 : this.misses + 1
    try {
      for (const part of [...this.parts]) answer ? part.answered(answer, batch) : part.missed(this.misses, status)
    } finally {
      this.plan()
    }
  }

  plan() {
    if (this.asking || !this.parts.size) return // one of the parts has asked meanwhile
    if (this.again) return this.ask()
    const wait = Math.min(...[...this.parts].map(part => part.wants().wait))
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.ask(), this.misses > MISSES ? AWAY_MS : document.hidden ? HIDDEN_MS : wait)
  }
}

export const desk = new Desk()
