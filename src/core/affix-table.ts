/** Slots that an empty table has. A power of two, and so is every later size. */
const LEAST_SLOTS = 8

/**
 * Values by the hash of how a byte string starts or ends, and the lengths that these affixes have. Whoever asks
 * hashes a name once, from its outer end inwards, and looks up each length on the way.
 *
 * Most look-ups find nothing. So hashes lie open in one array of integers, at most half full: a look-up is one
 * step into memory, which for thousands of affixes stays in the processor's cache where a Map's would not.
 */
export class AffixTable<V> {
  /** Ascending. */
  readonly lengths: number[] = []
  readonly #uses = new Map<number, number>()
  /** For each slot a key and the place of its value, from 1; 0 marks a free slot. */
  #slots = new Int32Array(2 * LEAST_SLOTS)
  #mask = LEAST_SLOTS - 1
  #count = 0
  /** From place 1 on. */
  readonly #values: (V | undefined)[] = [undefined]
  readonly #freePlaces: number[] = []

  /** One more affix has this length. */
  use(length: number): void {
    const uses = this.#uses.get(length) ?? 0
    this.#uses.set(length, uses + 1)
    if (uses > 0) return
    this.lengths.push(length)
    this.lengths.sort((one, other) => one - other)
  }

  /** One affix less has this length. */
  unuse(length: number): void {
    const uses = this.#uses.get(length)! - 1
    if (uses > 0) this.#uses.set(length, uses)
    else {
      this.#uses.delete(length)
      this.lengths.splice(this.lengths.indexOf(length), 1)
    }
  }

  get(key: number): V | undefined {
    return this.#values[this.#slots[2 * this.#find(key) + 1]!]
  }

  set(key: number, value: V): void {
    const slot = this.#find(key)
    const known = this.#slots[2 * slot + 1]!
    if (known > 0) {
      this.#values[known] = value
      return
    }
    const place = this.#freePlaces.pop() ?? this.#values.length
    this.#values[place] = value
    this.#slots[2 * slot] = key
    this.#slots[2 * slot + 1] = place
    this.#count += 1
    if (2 * this.#count > this.#mask) this.#grow()
  }

  delete(key: number): void {
    let free = this.#find(key)
    const place = this.#slots[2 * free + 1]!
    if (place === 0) return
    this.#values[place] = undefined
    this.#freePlaces.push(place)
    this.#count -= 1
    // What stands behind moves up, where the gap is on the way from its own slot: a look-up ends at the first gap.
    const slots = this.#slots
    for (let at = (free + 1) & this.#mask; slots[2 * at + 1]! > 0; at = (at + 1) & this.#mask) {
      const own = slots[2 * at]! & this.#mask
      if (((at - own) & this.#mask) < ((at - free) & this.#mask)) continue
      slots[2 * free] = slots[2 * at]!
      slots[2 * free + 1] = slots[2 * at + 1]!
      free = at
    }
    slots[2 * free + 1] = 0
  }

  /** The slot that the key has, or would get. */
  #find(key: number): number {
    const slots = this.#slots
    let at = key & this.#mask
    while (slots[2 * at] !== key && slots[2 * at + 1] !== 0) at = (at + 1) & this.#mask
    return at
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Int32Array(2 * old.length)
    this.#mask = old.length - 1
    for (let from = 0; from < old.length; from += 2) {
      if (old[from + 1] === 0) continue
      const at = this.#find(old[from]!)
      this.#slots[2 * at] = old[from]!
      this.#slots[2 * at + 1] = old[from + 1]!
    }
  }
}
