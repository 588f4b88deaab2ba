import type { InboxState, InboxVersion } from '../core/inbox.ts'
import { formatPosition, type Position, parsePosition } from '../protocol/position.ts'
import { invalidOption } from './notification-options.ts'

/** What a reader of an inbox has: up to which change, which notification, and which broadcast. */
export interface SeenState {
  readonly version: InboxVersion
  /** The number of the newest notification of its own. */
  readonly head: number
  readonly broadcasts: Position
  /** The store's clock then: what expires leaves no other trace. */
  readonly atMs: number
}

export function seenState(state: InboxState, broadcasts: Position): SeenState {
  const { epoch, gen, rev, head, nowMs } = state
  return { version: { epoch, gen, rev }, head, broadcasts, atMs: nowMs }
}

/** The text that is handed out: version, head, position of the broadcasts, and time. Opaque to who gets it. */
export function formatState({ version: { rev, gen, epoch }, head, broadcasts, atMs }: SeenState): string {
  return `${formatPosition({ seq: rev, gen, epoch })}.${head}.${formatPosition(broadcasts)}.${atMs}`
}

/** Undefined for what is no state. */
export function parseState(text: unknown): SeenState | undefined {
  const [version, head, broadcasts, at, ...rest] = typeof text === 'string' ? text.split('.') : []
  const [own, shared] = [parsePosition(version ?? ''), parsePosition(broadcasts ?? '')]
  if (own === undefined || shared === undefined || rest.length > 0) return undefined
  if (!/^\d{1,16}$/.test(head ?? '') || !/^\d{1,16}$/.test(at ?? '')) return undefined
  return {
    version: { epoch: own.epoch, gen: own.gen, rev: own.seq },
    head: Number(head),
    broadcasts: shared,
    atMs: Number(at),
  }
}

/** As {@link parseState}. @throws TidingsError `INVALID_OPTION` */
export function readState(option: string, text: unknown): SeenState {
  const seen = parseState(text)
  if (seen === undefined) throw invalidOption(option, 'a "state" that an answer of this service had')
  return seen
}
