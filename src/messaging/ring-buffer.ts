/** A first-in, first-out queue of at most `capacity` items; each operation costs the same however full it is. */
export class RingBuffer<T> {
  readonly #capacity: number
  readonly #slots: (T | undefined)[] = []
  #head = 0
  #size = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#size
  }

  get full(): boolean {
    return this.#size === this.#capacity
  }

  /** Must not be called when full. */
  push(item: T): void {
    this.#slots[(this.#head + this.#size) % this.#capacity] = item
    this.#size += 1
  }

  shift(): T | undefined {
    const item = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    if (this.#size > 0) {
      this.#size -= 1
      // Starting over when empty keeps a queue that is mostly empty in its first slots.
      this.#head = this.#size === 0 ? 0 : (this.#head + 1) % this.#capacity
    }
    return item
  }

  clear(): void {
    this.#slots.length = 0
    this.#head = 0
    this.#size = 0
  }
}
