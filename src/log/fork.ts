import type { LogHead } from '../core/event-log.ts'
import type { GapReason } from '../core/gap.ts'
import { type Generation, generationAt } from '../core/generation.ts'
import { BEFORE_BIRTH, type Position } from '../protocol/position.ts'

/** Where a reader goes on: right behind what it has, or, as what is between cannot be had, elsewhere. */
export type Resumption =
  | { readonly kind: 'recovered'; readonly fromSeq: number }
  | {
      readonly kind: 'reset'
      readonly reason: GapReason
      readonly fromSeq: number
      /** The entry before `fromSeq`. */
      readonly to: Position
    }

/**
 * Where a reader that has had everything up to `from` goes on in the log as it is now. `recovered` is said only where
 * nothing is missing, and nothing that the reader has had is gone from the log.
 * @param knownChain the generations as the reader knew them: tells more exactly where the two histories part
 */
export function resume(from: Position, head: LogHead | undefined, knownChain?: readonly Generation[]): Resumption {
  if (head === undefined) {
    if (from.seq === 0) return { kind: 'recovered', fromSeq: 1 }
    return { kind: 'reset', reason: 'lost', fromSeq: 1, to: BEFORE_BIRTH }
  }
  const { chain, firstSeq } = head
  const next = from.seq + 1
  const recoverOrTrimmed = (): Resumption =>
    next < firstSeq ? reset('trimmed', firstSeq, head) : { kind: 'recovered', fromSeq: next }
  if (from.epoch === BEFORE_BIRTH.epoch && from.seq === 0) return recoverOrTrimmed()
  if (from.epoch !== head.epoch) return reset('lost', firstSeq, head)
  const oldest = chain[0]!
  if (from.gen < oldest.gen) {
    return from.seq >= oldest.firstSeq
      ? reset('diverged', oldest.firstSeq, head)
      : reset('trimmed', Math.max(next, firstSeq), head)
  }
  const end = endOf(chain, from.gen, head.seq)
  if (end === undefined) return reset('diverged', forkOf(from, head, knownChain) + 1, head)
  return from.seq > end ? reset('diverged', end + 1, head) : recoverOrTrimmed()
}

function reset(reason: GapReason, wanted: number, head: LogHead): Resumption {
  const fromSeq = Math.max(wanted, head.firstSeq)
  return { kind: 'reset', reason, fromSeq, to: positionIn(head, fromSeq - 1) }
}

/** The position of an entry in a log as it is now. */
export function positionIn({ epoch, chain }: LogHead, seq: number): Position {
  return { epoch, gen: generationAt(chain, seq) ?? chain[0]!.gen, seq }
}

/** The last entry of a generation; undefined where the chain has none such. */
function endOf(chain: readonly Generation[], gen: number, lastSeq: number): number | undefined {
  const index = chain.findIndex((generation) => generation.gen === gen)
  if (index < 0) return undefined
  const next = chain[index + 1]
  return next === undefined ? lastSeq : next.firstSeq - 1
}

/** The last entry that is the same in the log and in what the reader has had, of a generation that the log lacks. */
function forkOf(from: Position, head: LogHead, knownChain: readonly Generation[] | undefined): number {
  const below = head.chain.filter(({ gen }) => gen < from.gen)
  // Generations that end before the reader's own say nothing of where it came from.
  const isOwn = knownChain?.some(({ gen }) => gen === from.gen)
  const known = isOwn ? knownChain!.filter(({ gen }) => gen <= from.gen) : []
  const common = below.findLast(({ gen }) => known.some((generation) => generation.gen === gen))
  // Without a common generation the reader's own first one is the earliest that can differ.
  const knownEnd = common === undefined ? (known[0]?.firstSeq ?? Infinity) - 1 : endOf(known, common.gen, from.seq)!
  return Math.min(from.seq, knownEnd, endOf(head.chain, (common ?? below.at(-1)!).gen, head.seq)!)
}
