/** Something that must settle by a time, as `performance.now()` counts it. */
export interface Due {
  readonly deadline: number
}

/**
 * Watches many deadlines with one timer: a sweep at most every quarter of a second, so an item expires within
 * 250 ms of its time (within a quarter of `timeoutMs`, where that is less) and adding one costs a set entry.
 */
export class Deadlines<T extends Due> {
  readonly #items = new Set<T>()
  readonly #intervalMs: number
  readonly #expire: (item: T) => void
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number, expire: (item: T) => void) {
    this.#intervalMs = Math.max(1, Math.min(250, timeoutMs / 4))
    this.#expire = expire
  }

  get size(): number {
    return this.#items.size
  }

  add(item: T): void {
    this.#items.add(item)
    this.#timer ??= setTimeout(() => this.#sweep(), this.#intervalMs)
  }

  /** True if the item was still waiting. */
  delete(item: T): boolean {
    return this.#items.delete(item)
  }

  /** Takes out everything that waits. */
  drain(): T[] {
    const items = [...this.#items]
    this.#items.clear()
    clearTimeout(this.#timer)
    this.#timer = undefined
    return items
  }

  #sweep(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const item of this.#items) {
      if (item.deadline > now) continue
      this.#items.delete(item)
      this.#expire(item)
    }
    if (this.#items.size > 0) this.#timer ??= setTimeout(() => this.#sweep(), this.#intervalMs)
  }
}
