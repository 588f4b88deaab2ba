const TICK_MS = 1_000

/** Something that is to happen at a time. */
export interface Due {
  due(): void
}

/**
 * Calls back at about a given time, to the second: one timer for however many wait, and each tick costs only what is due.
 */
export class SecondWheel {
  readonly #slots = new Map<number, Set<Due>>()
  #last: number
  #timer: NodeJS.Timeout | undefined

  constructor() {
    this.#last = this.#now()
  }

  /** Never early, and less than a second late. Returns what takes it back. */
  at(ms: number, act: () => void): () => void {
    // One function may wait more than once.
    const entry = { due: act }
    const slot = this.wait(ms, entry)
    return () => {
      slot.delete(entry)
    }
  }

  /** The same without anything made for it: whoever deletes itself from what is returned does not wait any more. */
  wait(ms: number, due: Due): Set<Due> {
    const second = Math.max(Math.ceil((performance.now() + ms) / TICK_MS), this.#last + 1)
    let slot = this.#slots.get(second)
    if (slot === undefined) {
      slot = new Set()
      this.#slots.set(second, slot)
    }
    slot.add(due)
    if (this.#timer === undefined) this.#arm()
    return slot
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#slots.clear()
  }

  /** Ticks when a second begins. */
  #arm(): void {
    const left = TICK_MS - (performance.now() % TICK_MS)
    this.#timer = setTimeout(() => this.#tick(), left).unref()
  }

  #tick(): void {
    this.#timer = undefined
    const now = this.#now()
    for (let second = this.#last + 1; second <= now; second += 1) {
      const slot = this.#slots.get(second)
      this.#last = second
      if (slot === undefined) continue
      this.#slots.delete(second)
      for (const each of slot) each.due()
    }
    if (this.#slots.size > 0) {
      // What was due may have waited anew.
      if (this.#timer === undefined) this.#arm()
    } else this.#last = now
  }

  #now(): number {
    return Math.floor(performance.now() / TICK_MS)
  }
}
