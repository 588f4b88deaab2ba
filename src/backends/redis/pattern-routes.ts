import { toByteString } from '../../core/byte-string.ts'
import { compileGlob, escapeGlob } from '../../core/glob.ts'
import { PatternIndex } from '../../core/pattern-index.ts'

/** What ends the first part of a name: `user:` of `user:42:*`. */
const SEPARATOR = /[:./]/

interface Route {
  /** Somebody wants exactly what this server pattern brings. */
  exact: boolean
  /** Patterns (as byte strings) that are picked out of what it brings. */
  readonly covered: PatternIndex<string>
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
export class PatternRoutes {
  readonly #limit: number
  /** By server pattern, as a byte string. */
  readonly #routes = new Map<string, Route>()
  /** The server pattern of each local one. */
  readonly #serverPatterns = new Map<string, string>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The server pattern to subscribe to for a new local pattern; `alone` insists on the pattern itself. */
  add(pattern: string, alone = false): string {
    const serverPattern = alone || this.#routes.size < this.#limit ? pattern : cover(pattern)
    this.#serverPatterns.set(pattern, serverPattern)
    const key = toByteString(serverPattern)
    let route = this.#routes.get(key)
    if (route === undefined) {
      route = { exact: false, covered: new PatternIndex() }
      this.#routes.set(key, route)
    }
    if (serverPattern === pattern) route.exact = true
    else route.covered.add(pattern, toByteString(pattern))
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
    const key = toByteString(serverPattern)
    const route = this.#routes.get(key)!
    if (serverPattern === pattern) route.exact = false
    else route.covered.delete(pattern)
    if (!route.exact && route.covered.size === 0) this.#routes.delete(key)
    return serverPattern
  }

  /** The local patterns that a message which came by a server pattern is for. All are byte strings. */
  match(serverPattern: string, channel: string): readonly string[] {
    const route = this.#routes.get(serverPattern)
    if (route === undefined) return []
    if (route.covered.size === 0) return [serverPattern]
    const matched = route.covered.match(channel)
    return route.exact ? [serverPattern, ...matched] : matched
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
