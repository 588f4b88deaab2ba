import type { EventLog, LogHead } from '../core/event-log.ts'
import type { Resumed } from '../core/gap.ts'
import type { LogId } from '../core/log-id.ts'
import { BEFORE_BIRTH, formatPosition, type Position } from '../protocol/position.ts'
import { positionIn, resume } from './fork.ts'

/** Where to begin in a log: with its first entry, at a time, or right after a position. */
export type Since = 'start' | Date | Position

/** Where a reader begins, and whether that is where it was to. */
export interface Start {
  /** It has, or is to be given nothing of, what is up to here. */
  readonly position: Position
  /** Undefined where there was no position to go on from. */
  readonly resumed: Resumed | undefined
}

/** The head, and the first entry since a time, of one and the same log: another may take its place between two calls. */
export async function headAt(
  eventLog: Pick<EventLog, 'read' | 'seek'>,
  log: LogId,
  since: Since,
): Promise<{ head: LogHead | undefined; seq: number | undefined }> {
  let { head } = await eventLog.read(log, { limit: 1 })
  if (!(since instanceof Date)) return { head, seq: undefined }
  for (;;) {
    const seq = await eventLog.seek(log, 'time', since.getTime())
    const before = head
    ;({ head } = await eventLog.read(log, { limit: 1 }))
    if (head?.epoch === before?.epoch) return { head, seq }
  }
}

/** Finds where a reader begins in a log as it is now. */
export async function startOf(eventLog: EventLog, log: LogId, since: Since): Promise<Start> {
  const { head, seq } = await headAt(eventLog, log, since)
  if (since === 'start' || since instanceof Date) {
    if (head === undefined) return { position: BEFORE_BIRTH, resumed: undefined }
    const first = Math.min(Math.max(seq ?? head.firstSeq, head.firstSeq), head.seq + 1)
    return { position: positionIn(head, first - 1), resumed: undefined }
  }
  const next = resume(since, head)
  if (next.kind === 'recovered') return { position: since, resumed: { kind: 'recovered' } }
  const [from, to] = [formatPosition(since), formatPosition(next.to)]
  return { position: since, resumed: { kind: 'reset', reason: next.reason, from, to } }
}
