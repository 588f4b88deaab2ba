import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Said by every test that uses it: `TIDINGS_SEED` makes the same inputs again. */
export const SEED: number = Number(process.env.TIDINGS_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** How many inputs a test tries: `TIDINGS_FUZZ`, or what fits among other tests. */
export function inputs(few: number): number {
  return Number(process.env.TIDINGS_FUZZ ?? few)
}

/** Milliseconds that so many inputs may take at the very most, on a busy machine. */
export function enough(count: number): number {
  return 60_000 + count * 10
}

/** Numbers that follow from a seed. Source: mulberry32, by Tommy Ettinger. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number from 0 to before `below`. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }

  one<T>(list: ArrayLike<T>): T {
    return list[this.below(list.length)]!
  }

  text(alphabet: ArrayLike<string>, longest: number): string {
    return Array.from({ length: this.below(longest + 1) }, () => this.one(alphabet)).join('')
  }

  /** A text with something changed, left out, put in, or turned round, or with another one's start. */
  mutant(text: string, alphabet: ArrayLike<string>, others: readonly string[]): string {
    const at = this.below(text.length + 1)
    switch (this.below(6)) {
      case 0:
        return text.slice(0, at) + this.one(alphabet) + text.slice(at + 1)
      case 1:
        return text.slice(0, at) + text.slice(at + 1 + this.below(9))
      case 2:
        return text.slice(0, at) + this.one(alphabet) + text.slice(at)
      case 3:
        return text.slice(0, at)
      case 4:
        return text.slice(at) + text.slice(0, at)
      default:
        return this.one(others).slice(0, at) + text.slice(at)
    }
  }

  /** JSON of objects with these names and values, in one another. */
  json(names: readonly string[], values: readonly string[], depth: number): string {
    const value = () => (depth === 0 || this.below(3) > 0 ? this.one(values) : this.json(names, values, depth - 1))
    const members = Array.from({ length: this.below(5) }, () => `${JSON.stringify(this.one(names))}:${value()}`)
    return `{${members.join(',')}}`
  }
}

/** JSON that is seldom thought of: what has no primitive form, no place in Unicode, no end, or another's prototype. */
export const ODD_JSON: readonly string[] = [
  ...['null', 'true', '0', '-1', '0.5', '1e999', '-1e999', '1e308', '9007199254740993', '""', '" "', '[]', '{}'],
  ...['"\\ud800"', '"\\u0000"', '"\\u2028"', '"__proto__"', '"constructor"', '"toString"', '"*"', '[[[[]]]]', '[null]'],
  ...['{"toString":1,"valueOf":1}', '{"toJSON":1}', '{"then":1}', '{"length":-1}', '{"__proto__":{"polluted":1}}'],
  ...['{"constructor":{"prototype":{"polluted":1}}}', `"${'x'.repeat(2_000)}"`, '"2026-01-01T00:00:00Z"'],
  ...['"2026-13-45T99:99:99Z"', '"+275760-09-13T00:00:00.001Z"'],
]

let collect: (() => void) | undefined

/** Bytes of the heap that are really in use. */
export async function heapInUse(): Promise<number> {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  for (let time = 0; time < 3; time += 1) {
    collect()
    await new Promise(setImmediate)
  }
  return process.memoryUsage().heapUsed
}
