import type { Position } from '../protocol/position.ts'
import type { Kept } from './publication.ts'
import { isSamePosition, isWithin } from './stream-position.ts'

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

  readonly #isDense: () => boolean

  /** @param isDense whether each position follows right on the one before: not where others' entries are between */
  constructor(maxCount: number, maxBytes: number, isDense: () => boolean) {
    this.#maxCount = maxCount
    this.#maxBytes = maxBytes
    this.#isDense = isDense
  }

  /** All that it has, oldest first. */
  get kept(): readonly Kept[] {
    return this.#kept
  }

  /** The last position that it knows; undefined where it knows none. */
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

  /** What it has is not taken again. Where this does not follow the last, it begins anew with it. */
  push(kept: Kept): void {
    const { end } = this
    const { position } = kept
    // Nor is what an older generation had beyond it, and lost.
    if (end?.epoch === position.epoch && (position.gen < end.gen || isWithin(position, end))) return
    if (end === undefined || !this.#follows(end, position)) this.begin({ ...position, seq: position.seq - 1 })
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

  #follows(end: Position, { epoch, seq }: Position): boolean {
    // Before its first entry a log has no epoch.
    if (end.epoch === '') return true
    return epoch === end.epoch && (this.#isDense() ? seq === end.seq + 1 : seq > end.seq)
  }
}
