import { TidingsError } from '../core/errors.ts'
import type { GapListener } from '../core/gap.ts'
import type { Since } from '../log/since.ts'
import { parsePosition } from '../protocol/position.ts'

/** Where a reader of history begins: with the first kept entry, at a time, or right after a position. */
export type SinceOption = 'start' | Date | string

/** How a live reader of channels with history begins, and what it is told. */
export interface SinceOptions {
  /**
   * Where to begin, on channels with history: `'start'`, a time, or right after a position (of one channel). What was
   * kept since comes first, then what is live, each once and in order. Default: now.
   */
  readonly since?: SinceOption | undefined
  /** Takes what cannot be had any more. The status `gap` tells it too. */
  readonly onGap?: GapListener | undefined
}

/** @throws TidingsError `INVALID_OPTION` */
export function readSince(since: SinceOption | undefined): Since | undefined {
  return since === undefined || since === 'start' ? since : readPlace('since', since)
}

/** @throws TidingsError `INVALID_OPTION` */
export function readPlace(name: string, value: Date | string): Exclude<Since, 'start'> {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value
  const position = typeof value === 'string' ? parsePosition(value) : undefined
  if (position !== undefined) return position
  throw new TidingsError('INVALID_OPTION', `The option "${name}" must be a valid Date or a position.`, {
    hint: 'A position is what an event or a receipt carries, such as "42-1@k3j9x2m4p8q1".',
  })
}

/** @throws TidingsError `INVALID_OPTION` */
export function assertGapListener(onGap: unknown): asserts onGap is GapListener | undefined {
  if (onGap === undefined || typeof onGap === 'function') return
  throw new TidingsError('INVALID_OPTION', 'The option "onGap" must be a function.')
}
