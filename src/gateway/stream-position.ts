import type { StreamPosition } from '../protocol/client-protocol.ts'
import { BEFORE_BIRTH, type Position } from '../protocol/position.ts'

const EPOCH = /^([0-9a-z]{1,32})\.(\d{1,16})$/

/** A position as clients know it: `offset` and `epoch`, which holds the generation too. */
export function toStream({ epoch, gen, seq }: Position): { readonly offset: number; readonly epoch: string } {
  return { offset: seq, epoch: epoch === '' ? '' : `${epoch}.${gen}` }
}

/** Undefined for what is none of ours. Without an epoch it is before the first entry of a log that is not there yet. */
export function fromStream({ offset = 0, epoch = '' }: StreamPosition): Position | undefined {
  if (!Number.isSafeInteger(offset) || offset < 0 || typeof epoch !== 'string') return undefined
  if (epoch === '') return offset === 0 ? BEFORE_BIRTH : undefined
  const match = EPOCH.exec(epoch)
  return match === null ? undefined : { epoch: match[1]!, gen: Number(match[2]), seq: offset }
}

export function isSamePosition(a: Position, b: Position): boolean {
  return a.seq === b.seq && a.gen === b.gen && a.epoch === b.epoch
}

/** Whether who has had everything up to `end` has had what is at a position, for as long as the log loses nothing. */
export function isWithin(position: Position, end: Position): boolean {
  return position.epoch === end.epoch && position.gen <= end.gen && position.seq <= end.seq
}
