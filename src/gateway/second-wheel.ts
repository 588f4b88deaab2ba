const TICK_MS = 1_000

/**
 * Calls back at about a given time, to the second: one timer for however many wait, and each tick costs only what is due.
 */
export class SecondWheel {
  readonly #slots = new Map<number, Set<() => void>>()
  #last: number
  #timer: NodeJS.Timeout | undefined

  constructor() {
    this.#last = this.#now()
  }

  /** Never early. Returns what takes it back. */
  at(ms: number, act: () => void): () => void {
    const second = Math.max(this.#now() + Math.ceil(ms / TICK_MS), this.#last + 1)
    let slot = this.#slots.get(second)
    if (slot === undefined) {
      slot = new Set()
      this.#slots.set(second, slot)
    }
    // One function may wait more than once.
    const entry = () => act()
    slot.add(entry)
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref()
    return () => {
      slot.delete(entry)
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#slots.clear()
  }

  #tick(): void {
    const now = this.#now()
    for (let second = this.#last + 1; second <= now; second += 1) {
      const slot = this.#slots.get(second)
      this.#last = second
      if (slot === undefined) continue
      this.#slots.delete(second)
      for (const act of slot) act()
    }
    if (this.#slots.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#last = now
  }

  #now(): number {
    return Math.floor(performance.now() / TICK_MS)
  }
}
