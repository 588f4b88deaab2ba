import { compileGlob, escapeGlob } from '../../core/glob.ts'
import { PatternIndex } from '../../core/pattern-index.ts'

/** What ends the first part of a name: `user:` of `user:42:*`. */
const SEPARATOR = /[:./]/

interface Route<T> {
  /** What stands for the server pattern itself, where somebody wants exactly what it brings. */
  alone: readonly T[]
  /** Patterns that are picked out of what it brings. */
  readonly covered: PatternIndex<T>
}

/**
 * Decides by which server pattern each local pattern gets its messages.
 *
 * Every PUBLISH that reaches a Redis, anybody's, is compared with every pattern subscribed there: about 0.03 µs
 * each, so ten thousand patterns slow it down tenfold. So only the first `limit` patterns are subscribed one by
 * one. Further ones share a subscription to the first part of their name (`user:*` for `user:42:*`) and are
 * picked out here, where the cost follows the matches. The price is that this process receives what the shared
 * one brings and nobody here wants. A pattern whose literal start has no separator always goes by itself.
 * A pattern keeps its route for its life, so a message reaches it once whatever comes and goes beside it.
 */
export class PatternRoutes<T> {
  readonly #limit: number
  /** By server pattern. */
  readonly #routes = new Map<string, Route<T>>()
  /** The server pattern of each local one. */
  readonly #serverPatterns = new Map<string, string>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /**
   * The server pattern to subscribe to for a new local pattern; `alone` insists on the pattern itself.
   * @param target what stands for the pattern in the answers of `match`
   */
  add(pattern: string, target: T, alone = false): string {
    const serverPattern = alone || this.#routes.size < this.#limit ? pattern : cover(pattern)
    this.#serverPatterns.set(pattern, serverPattern)
    let route = this.#routes.get(serverPattern)
    if (route === undefined) {
      route = { alone: [], covered: new PatternIndex() }
      this.#routes.set(serverPattern, route)
    }
    if (serverPattern === pattern) route.alone = [target]
    else route.covered.add(pattern, target)
    return serverPattern
  }

  /** The server pattern of a local one that was added. */
  get(pattern: string): string {
    return this.#serverPatterns.get(pattern)!
  }

  /** Forgets a local pattern; returns the server pattern that it used. */
  delete(pattern: string): string {
    const serverPattern = this.#serverPatterns.get(pattern)!
    this.#serverPatterns.delete(pattern)
    const route = this.#routes.get(serverPattern)!
    if (serverPattern === pattern) route.alone = []
    else route.covered.delete(pattern)
    if (route.alone.length === 0 && route.covered.size === 0) this.#routes.delete(serverPattern)
    return serverPattern
  }

  /** The targets that a message which came by a server pattern is for. The channel is a byte string. */
  match(serverPattern: string, channelBytes: string): readonly T[] {
    const route = this.#routes.get(serverPattern)
    if (route === undefined) return []
    if (route.covered.size === 0) return route.alone
    const matched = route.covered.match(channelBytes)
    return route.alone.length === 0 ? matched : [...route.alone, ...matched]
  }
}

function cover(pattern: string): string {
  // The literal start of a pattern, up to its first wildcard; none of its characters is cut in half, since a
  // separator is one byte.
  const { prefix } = compileGlob(pattern)
  const end = SEPARATOR.exec(prefix)?.index
  if (end === undefined) return pattern
  return `${escapeGlob(Buffer.from(prefix.slice(0, end + 1), 'latin1').toString())}*`
}
