/** So many in a second on average, and twice as many at once. */
export class TokenBucket {
  readonly #perSecond: number
  #tokens: number
  #at: number = performance.now()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
    this.#tokens = perSecond * 2
  }

  /** False where that is one too many. */
  take(): boolean {
    const now = performance.now()
    this.#tokens = Math.min(this.#perSecond * 2, this.#tokens + ((now - this.#at) / 1_000) * this.#perSecond)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
