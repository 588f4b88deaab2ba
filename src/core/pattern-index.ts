import { compileGlob, type Glob } from './glob.ts'

/** A group of more patterns than this is divided by how they end. Fewer are tried one by one faster. */
const SMALL_GROUP = 4

/** The glob's parts lie open here: following it to them would be a step more into cold memory for each match. */
interface Entry<T> {
  readonly simple: boolean
  readonly minLength: number
  readonly prefix: string
  readonly suffix: string
  readonly glob: Glob
  readonly order: number
  value: T
}

function matches<T>(entry: Entry<T>, bytes: string): boolean {
  return entry.simple
    ? bytes.length >= entry.minLength && bytes.startsWith(entry.prefix) && bytes.endsWith(entry.suffix)
    : entry.glob.matches(bytes)
}

/**
 * Values by pattern, and the quick answer to which patterns match a name. Patterns are found by the literal bytes
 * they start with and, where many share these, by those they end with: one look-up for each length that occurs. So
 * the cost follows the patterns that have both in common with the name, not those that there are: 8,192 of
 * `user:<n>:*`, `*:evt<n>` or `user:*:evt<n>` cost what 8 do.
 *
 * Look-ups go by a hash of the bytes, which makes no strings; what is found is then matched as a whole, so two
 * starts with one hash do no harm.
 */
export class PatternIndex<T> implements Iterable<[pattern: string, value: T]> {
  readonly #entries = new Map<string, Entry<T>>()
  readonly #groups = new Affixes<Group<T>>()
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
    const glob = compileGlob(pattern)
    const { simple, minLength, prefix, suffix } = glob
    const entry = { simple, minLength, prefix, suffix, glob, order: this.#lastOrder, value }
    this.#entries.set(pattern, entry)
    this.#groups.take(prefix.length, hash(prefix, 0, prefix.length), () => new Group()).add(entry)
  }

  /** Tells whether the pattern was there. */
  delete(pattern: string): boolean {
    const entry = this.#entries.get(pattern)
    if (entry === undefined) return false
    this.#entries.delete(pattern)
    const { prefix } = entry
    const key = hash(prefix, 0, prefix.length)
    const group = this.#groups.get(key)!
    group.delete(entry)
    this.#groups.release(prefix.length, key, group.size === 0)
    return true
  }

  /** The values of the patterns that match a byte string, in the order in which the patterns were added. */
  match(bytes: string): T[] {
    const found: Entry<T>[] = []
    for (const length of this.#groups.lengths) {
      if (length <= bytes.length) this.#groups.get(hash(bytes, 0, length))?.match(bytes, found)
    }
    if (found.length === 1) return [found[0]!.value]
    return found.sort((one, other) => one.order - other.order).map((entry) => entry.value)
  }

  *[Symbol.iterator](): IterableIterator<[pattern: string, value: T]> {
    for (const [pattern, entry] of this.#entries) yield [pattern, entry.value]
  }
}

/** Patterns that start with the same literal bytes. */
class Group<T> {
  readonly #entries = new Set<Entry<T>>()
  /** The only one, which most groups have. */
  #single: Entry<T> | undefined
  #bySuffix: Affixes<Set<Entry<T>>> | undefined

  get size(): number {
    return this.#entries.size
  }

  add(entry: Entry<T>): void {
    this.#entries.add(entry)
    this.#single = this.#entries.size === 1 ? entry : undefined
    if (this.#bySuffix !== undefined) addBySuffix(this.#bySuffix, entry)
    else if (this.#entries.size > SMALL_GROUP) {
      this.#bySuffix = new Affixes()
      for (const each of this.#entries) addBySuffix(this.#bySuffix, each)
    }
  }

  delete(entry: Entry<T>): void {
    this.#entries.delete(entry)
    this.#single = this.#entries.size === 1 ? [...this.#entries][0] : undefined
    if (this.#bySuffix === undefined) return
    const { suffix } = entry
    const key = hash(suffix, 0, suffix.length)
    const entries = this.#bySuffix.get(key)!
    entries.delete(entry)
    this.#bySuffix.release(suffix.length, key, entries.size === 0)
  }

  match(bytes: string, found: Entry<T>[]): void {
    if (this.#single !== undefined) {
      if (matches(this.#single, bytes)) found.push(this.#single)
    } else if (this.#bySuffix === undefined) {
      addMatching(this.#entries, bytes, found)
    } else {
      for (const length of this.#bySuffix.lengths) {
        const entries =
          length <= bytes.length ? this.#bySuffix.get(hash(bytes, bytes.length - length, bytes.length)) : undefined
        if (entries !== undefined) addMatching(entries, bytes, found)
      }
    }
  }
}

function addBySuffix<T>(bySuffix: Affixes<Set<Entry<T>>>, entry: Entry<T>): void {
  const { suffix } = entry
  bySuffix.take(suffix.length, hash(suffix, 0, suffix.length), () => new Set()).add(entry)
}

function addMatching<T>(entries: Iterable<Entry<T>>, bytes: string, found: Entry<T>[]): void {
  for (const entry of entries) if (matches(entry, bytes)) found.push(entry)
}

/** Values by the hash of a start or an end, and the lengths that these have. */
class Affixes<V> {
  readonly lengths: number[] = []
  readonly #uses = new Map<number, number>()
  readonly #values = new Map<number, V>()

  get(key: number): V | undefined {
    return this.#values.get(key)
  }

  /** The value of a key, made where there is none. Each call is one use of the length. */
  take(length: number, key: number, create: () => V): V {
    const uses = this.#uses.get(length) ?? 0
    if (uses === 0) this.lengths.push(length)
    this.#uses.set(length, uses + 1)
    const value = this.#values.get(key) ?? create()
    this.#values.set(key, value)
    return value
  }

  /** Ends one use of the length, and forgets the value too if it is empty. */
  release(length: number, key: number, empty: boolean): void {
    const uses = this.#uses.get(length)! - 1
    if (uses > 0) this.#uses.set(length, uses)
    else {
      this.#uses.delete(length)
      this.lengths.splice(this.lengths.indexOf(length), 1)
    }
    if (empty) this.#values.delete(key)
  }
}

/** A hash of part of a byte string, of its length too. Within 30 bits, so that it stays a small integer in V8. */
function hash(bytes: string, start: number, end: number): number {
  let value = end - start
  for (let at = start; at < end; at += 1) value = (Math.imul(value, 31) + bytes.charCodeAt(at)) | 0
  return value & 0x3fffffff
}
