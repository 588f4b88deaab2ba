import type { Position } from '../protocol/position.ts'
import type { Kept } from './publication.ts'
import { isSamePosition } from './stream-position.ts'

/**
 * The last publications of one channel, in memory, without a hole between them: so that a thousand clients that come back
 * cost Redis one read. Bounded in number and size.
 */
export class ChannelTail {
  readonly #maxCount: number
  readonly #maxBytes: number
  /** The position before the first of them. */
  #base: Position | undefined
  #kept: Kept[] = []
  #bytes = 0

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount
    this.#maxBytes = maxBytes
  }

  /** The last position that it knows; undefined before {@link begin}. */
  get end(): Position | undefined {
    return this.#kept.at(-1)?.position ?? this.#base
  }

  /** Begins anew behind a position. */
  begin(base: Position, kept: readonly Kept[] = []): void {
    this.#base = base
    this.#kept = []
    this.#bytes = 0
    for (const each of kept) this.push(each)
  }

  /** Must be the one that follows the last. */
  push(kept: Kept): void {
    this.#kept.push(kept)
    this.#bytes += kept.json.length
    if (this.#kept.length <= this.#maxCount && this.#bytes <= this.#maxBytes) return
    // A quarter at once, so that not every push moves the others.
    const count = Math.max(1, this.#kept.length >> 2)
    for (const { position, json } of this.#kept.splice(0, count)) {
      this.#base = position
      this.#bytes -= json.length
    }
  }

  clear(): void {
    this.#base = undefined
    this.#kept = []
    this.#bytes = 0
  }

  /** What came after a position; undefined where that is not known here. */
  since(position: Position): readonly Kept[] | undefined {
    if (this.#base === undefined) return undefined
    if (isSamePosition(position, this.#base)) return this.#kept
    const first = this.#kept[0]
    if (first === undefined) return undefined
    const at = position.seq - first.position.seq
    const found = this.#kept[at]
    return found !== undefined && isSamePosition(found.position, position) ? this.#kept.slice(at + 1) : undefined
  }
}
