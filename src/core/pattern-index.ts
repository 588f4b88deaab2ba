import { AffixTable } from './affix-table.ts'
import { compileGlob, type Glob } from './glob.ts'

/** A group of more patterns than this is divided by how they end. Fewer are tried one by one faster. */
const SMALL_GROUP = 4

const NONE: readonly never[] = []

/**
 * One pattern. What matching needs comes first and lies open: thousands of patterns do not stay in the processor's
 * cache, and each step to another object would be one more into cold memory.
 */
class Entry<T> {
  readonly prefix: string
  readonly suffix: string
  readonly minLength: number
  value: T
  /** Where the pattern is more than `prefix*suffix`. */
  readonly glob: Glob | undefined
  readonly order: number

  constructor(glob: Glob, value: T, order: number) {
    this.prefix = glob.prefix
    this.suffix = glob.suffix
    this.minLength = glob.minLength
    this.value = value
    this.glob = glob.simple ? undefined : glob
    this.order = order
  }

  match(bytes: string): readonly Entry<T>[] {
    return this.matches(bytes) ? [this] : NONE
  }

  matches(bytes: string): boolean {
    if (this.glob !== undefined) return this.glob.matches(bytes)
    const { minLength, prefix, suffix } = this
    return bytes.length >= minLength && bytes.startsWith(prefix) && (suffix === '' || bytes.endsWith(suffix))
  }
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
  /** By start. Most starts have one pattern, which stands for itself. */
  readonly #byPrefix = new AffixTable<Entry<T> | Group<T>>()
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
    const entry = new Entry(compileGlob(pattern), value, this.#lastOrder)
    this.#entries.set(pattern, entry)
    const key = prefixKey(entry.prefix)
    const group = this.#byPrefix.get(key)
    if (group instanceof Group) group.add(entry)
    else this.#byPrefix.set(key, group === undefined ? entry : new Group(group, entry))
    this.#byPrefix.use(entry.prefix.length)
  }

  /** Tells whether the pattern was there. */
  delete(pattern: string): boolean {
    const entry = this.#entries.get(pattern)
    if (entry === undefined) return false
    this.#entries.delete(pattern)
    const key = prefixKey(entry.prefix)
    const group = this.#byPrefix.get(key)!
    if (group instanceof Group) {
      group.delete(entry)
      const [left] = group.entries
      if (group.entries.size === 1) this.#byPrefix.set(key, left!)
    } else this.#byPrefix.delete(key)
    this.#byPrefix.unuse(entry.prefix.length)
    return true
  }

  /** The values of the patterns that match a byte string, in the order in which the patterns were added. */
  match(bytes: string): T[] {
    let found: readonly Entry<T>[] = NONE
    let hash = 0
    let at = 0
    for (const length of this.#byPrefix.lengths) {
      if (length > bytes.length) break
      for (; at < length; at += 1) hash = hashed(hash, bytes.charCodeAt(at))
      const group = this.#byPrefix.get(keyOf(hash, length))
      if (group === undefined) continue
      const more = group.match(bytes)
      found = found.length === 0 ? more : [...found, ...more]
    }
    if (found.length === 1) return [found[0]!.value]
    return found.toSorted((one, other) => one.order - other.order).map((entry) => entry.value)
  }

  *[Symbol.iterator](): IterableIterator<[pattern: string, value: T]> {
    for (const [pattern, entry] of this.#entries) yield [pattern, entry.value]
  }
}

/** Two or more patterns that start with the same literal bytes. */
class Group<T> {
  readonly entries = new Set<Entry<T>>()
  #bySuffix: AffixTable<Set<Entry<T>>> | undefined

  constructor(...entries: readonly Entry<T>[]) {
    for (const entry of entries) this.add(entry)
  }

  add(entry: Entry<T>): void {
    this.entries.add(entry)
    if (this.#bySuffix !== undefined) addBySuffix(this.#bySuffix, entry)
    else if (this.entries.size > SMALL_GROUP) {
      this.#bySuffix = new AffixTable()
      for (const each of this.entries) addBySuffix(this.#bySuffix, each)
    }
  }

  delete(entry: Entry<T>): void {
    this.entries.delete(entry)
    if (this.#bySuffix === undefined) return
    const { suffix } = entry
    const key = suffixKey(suffix)
    const entries = this.#bySuffix.get(key)!
    entries.delete(entry)
    if (entries.size === 0) this.#bySuffix.delete(key)
    this.#bySuffix.unuse(suffix.length)
  }

  match(bytes: string): readonly Entry<T>[] {
    const found: Entry<T>[] = []
    if (this.#bySuffix === undefined) {
      addMatching(this.entries, bytes, found)
      return found
    }
    let hash = 0
    let taken = 0
    for (const length of this.#bySuffix.lengths) {
      if (length > bytes.length) break
      for (; taken < length; taken += 1) hash = hashed(hash, bytes.charCodeAt(bytes.length - 1 - taken))
      const entries = this.#bySuffix.get(keyOf(hash, length))
      if (entries !== undefined) addMatching(entries, bytes, found)
    }
    return found
  }
}

function addBySuffix<T>(bySuffix: AffixTable<Set<Entry<T>>>, entry: Entry<T>): void {
  const key = suffixKey(entry.suffix)
  const entries = bySuffix.get(key)
  if (entries === undefined) bySuffix.set(key, new Set([entry]))
  else entries.add(entry)
  bySuffix.use(entry.suffix.length)
}

function addMatching<T>(entries: Iterable<Entry<T>>, bytes: string, found: Entry<T>[]): void {
  for (const entry of entries) if (entry.matches(bytes)) found.push(entry)
}

function hashed(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0
}

/** Spreads a hash over all bits, of which a table uses the lowest. */
function keyOf(hash: number, length: number): number {
  const mixed = Math.imul(hash ^ length, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

/** Bytes are taken from the start on. */
function prefixKey(prefix: string): number {
  let hash = 0
  for (let at = 0; at < prefix.length; at += 1) hash = hashed(hash, prefix.charCodeAt(at))
  return keyOf(hash, prefix.length)
}

/** Bytes are taken from the end on. */
function suffixKey(suffix: string): number {
  let hash = 0
  for (let at = suffix.length - 1; at >= 0; at -= 1) hash = hashed(hash, suffix.charCodeAt(at))
  return keyOf(hash, suffix.length)
}
