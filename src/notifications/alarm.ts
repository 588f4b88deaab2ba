/** The longest time that a timer of Node can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Rings once, for the time that was set last. It may ring early where that is weeks away. Keeps no process alive. */
export class Alarm {
  readonly #ring: () => void
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(ring: () => void) {
    this.#ring = ring
  }

  /** @param ms from now; undefined for never */
  set(ms: number | undefined): void {
    clearTimeout(this.#timer)
    if (ms === undefined || this.#closed) return
    this.#timer = setTimeout(this.#ring, Math.min(Math.max(0, ms) + 1, MAX_TIMER_MS)).unref()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }
}
