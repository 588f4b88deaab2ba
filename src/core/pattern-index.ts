import { compileGlob, type Glob } from './glob.ts'

interface Entry<T> {
  readonly glob: Glob
  readonly order: number
  value: T
}

/** Values by a string key, in one map for each length that a key has. */
type ByLength<V> = Map<number, Map<string, V>>

/**
 * Values by pattern, and the quick answer to which patterns match a name. They are looked up by the literal bytes
 * they start with, then by those they end with, one look-up for each length that occurs. So the cost follows the
 * patterns that have both in common with the name, not those that there are: 8,192 of `user:<n>:*`, `*:evt<n>` or
 * `user:*:evt<n>` cost what 8 do.
 */
export class PatternIndex<T> implements Iterable<[pattern: string, value: T]> {
  readonly #entries = new Map<string, Entry<T>>()
  readonly #byPrefix: ByLength<ByLength<Set<Entry<T>>>> = new Map()
  #lastOrder = 0

  get size(): number {
    return this.#entries.size
  }

  get(pattern: string): T | undefined {
    return this.#entries.get(pattern)?.value
  }

  /** A pattern that is there already keeps its place in the order and gets the new value. */
  add(pattern: string, value: T): void {
    const known = this.#entries.get(pattern)
    if (known !== undefined) {
      known.value = value
      return
    }
    this.#lastOrder += 1
    const entry = { glob: compileGlob(pattern), order: this.#lastOrder, value }
    this.#entries.set(pattern, entry)
    const bySuffix = getOrSet(this.#byPrefix, entry.glob.prefix, () => new Map())
    getOrSet(bySuffix, entry.glob.suffix, () => new Set()).add(entry)
  }

  /** Tells whether the pattern was there. */
  delete(pattern: string): boolean {
    const entry = this.#entries.get(pattern)
    if (entry === undefined) return false
    this.#entries.delete(pattern)
    const { prefix, suffix } = entry.glob
    const bySuffix = get(this.#byPrefix, prefix)!
    const entries = get(bySuffix, suffix)!
    entries.delete(entry)
    if (entries.size === 0) remove(bySuffix, suffix)
    if (bySuffix.size === 0) remove(this.#byPrefix, prefix)
    return true
  }

  /** The values of the patterns that match a byte string, in the order in which the patterns were added. */
  match(bytes: string): T[] {
    const found: Entry<T>[] = []
    // What is longer than the name is not found: the slice is shorter than every key of its map.
    for (const [prefixLength, prefixes] of this.#byPrefix) {
      const bySuffix = prefixes.get(bytes.slice(0, prefixLength))
      if (bySuffix === undefined) continue
      for (const [suffixLength, suffixes] of bySuffix) {
        for (const entry of suffixes.get(bytes.slice(bytes.length - suffixLength)) ?? []) {
          const { simple, minLength } = entry.glob
          if (simple ? bytes.length >= minLength : entry.glob.matches(bytes)) found.push(entry)
        }
      }
    }
    if (found.length > 1) found.sort((one, other) => one.order - other.order)
    return found.map((entry) => entry.value)
  }

  *[Symbol.iterator](): IterableIterator<[pattern: string, value: T]> {
    for (const [pattern, entry] of this.#entries) yield [pattern, entry.value]
  }
}

function get<V>(map: ByLength<V>, key: string): V | undefined {
  return map.get(key.length)?.get(key)
}

function getOrSet<V extends object>(map: ByLength<V>, key: string, create: () => V): V {
  const sameLength = map.get(key.length) ?? new Map<string, V>()
  map.set(key.length, sameLength)
  const value = sameLength.get(key) ?? create()
  sameLength.set(key, value)
  return value
}

function remove<V>(map: ByLength<V>, key: string): void {
  const sameLength = map.get(key.length)
  sameLength?.delete(key)
  if (sameLength?.size === 0) map.delete(key.length)
}
