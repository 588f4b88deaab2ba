/**
 * A map that forgets what has not been used for long: it keeps at least the last `size` keys used and never more
 * than twice as many. A hit costs one look-up.
 *
 * Two generations instead of a list in order of use: when the young one is full it becomes the old one, and what
 * was in the old one and has not been asked for since is dropped.
 */
export class RecentMap<V extends object> {
  readonly #size: number
  #young: Map<string, V> = new Map()
  #old: Map<string, V> = new Map()

  constructor(size: number) {
    this.#size = size
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: string, value: V): void {
    if (this.#young.size >= this.#size) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }
}
