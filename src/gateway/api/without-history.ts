/** Milliseconds for which it is taken as said: about as long as a new policy needs to be known everywhere. */
const FRESH_MS = 1_000
const MAX_NAMES = 10_000

/**
 * Channels that were just found to keep nothing, so that not every message costs a look at the policies. What is
 * published on one that keeps something since is kept all the same; only its position is not told.
 */
export class WithoutHistory {
  readonly #until = new Map<string, number>()

  has(name: string): boolean {
    return (this.#until.get(name) ?? 0) > performance.now()
  }

  add(name: string): void {
    if (this.#until.size >= MAX_NAMES) this.#until.clear()
    this.#until.set(name, performance.now() + FRESH_MS)
  }
}
