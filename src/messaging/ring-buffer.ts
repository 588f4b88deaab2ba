const LEAST_SLOTS = 16

/** A first-in, first-out queue; each operation costs the same however full it is. */
export class RingBuffer<T> {
  #slots: (T | undefined)[] = new Array(LEAST_SLOTS)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** What {@link shift} would give. */
  get first(): T | undefined {
    return this.#slots[this.#head]
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#grow()
    this.#slots[(this.#head + this.#size) % this.#slots.length] = item
    this.#size += 1
  }

  shift(): T | undefined {
    const item = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    if (this.#size > 0) {
      this.#size -= 1
      this.#head = (this.#head + 1) % this.#slots.length
    }
    return item
  }

  clear(): void {
    this.#slots = new Array(LEAST_SLOTS)
    this.#head = 0
    this.#size = 0
  }

  #grow(): void {
    const [tail, front] = [this.#slots.slice(this.#head), this.#slots.slice(0, this.#head)]
    this.#slots = [...tail, ...front]
    this.#slots.length *= 2
    this.#head = 0
  }
}
