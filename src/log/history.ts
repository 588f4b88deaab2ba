import { TidingsError } from '../core/errors.ts'
import type { EventLog, LogEntry, LogHead, LogPage } from '../core/event-log.ts'
import type { Gap, GapListener, GapReason } from '../core/gap.ts'
import type { LogId } from '../core/log-id.ts'
import { BEFORE_BIRTH, formatPosition, type Position } from '../protocol/position.ts'
import { positionIn, resume } from './fork.ts'
import { mergeOrdered } from './merge.ts'
import { headAt } from './since.ts'

/** Entries in one page, where one log is read. */
const PAGE = 500
/** Entries that pages hold together, where many logs are read at once. */
const PAGES_TOGETHER = 4_000

export interface HistoryQuery {
  /** Where to begin: with the first retained entry (default), at a time, or right after a position. */
  readonly since?: 'start' | Date | Position | undefined
  /** Where to end: a time or a position, included. Default: what is the last entry when reading begins. */
  readonly until?: Date | Position | undefined
  /** Takes where the reading of a log, forwards, has come to, once it is done. Not called where there is no log. */
  readonly onEnd?: ((log: LogId, end: Position) => void) | undefined
  /** The most entries. */
  readonly limit?: number | undefined
  /** From the newest to the oldest. */
  readonly reverse?: boolean | undefined
  /** Takes holes; without it they are thrown as `GAP`. */
  readonly onGap?: GapListener | undefined
  /** Which channels' entries are wanted. */
  readonly accepts?: ((channel: string) => boolean) | undefined
}

/** An entry, and where it is. */
export interface StoredEntry extends LogEntry {
  readonly position: Position
}

/** What reading needs of a log. */
export type EntryReader = Pick<EventLog, 'read' | 'seek'>

/** Reads logs page by page, merged by time where there are several. It ends: what is appended later is not read. */
export async function* readHistory(
  eventLog: EntryReader,
  logs: readonly LogId[],
  query: HistoryQuery = {},
): AsyncGenerator<StoredEntry, void, undefined> {
  const { limit = Infinity, reverse = false, accepts = () => true } = query
  const page = Math.max(10, Math.min(PAGE, Math.ceil(PAGES_TOGETHER / Math.max(1, logs.length)), limit))
  const sources = logs.map((log) => readLog(eventLog, log, query, page))
  const order = (a: StoredEntry, b: StoredEntry) => (reverse ? b.timeMs - a.timeMs : a.timeMs - b.timeMs)
  let left = limit
  if (left <= 0) return
  for await (const entry of sources.length === 1 ? sources[0]! : mergeOrdered(sources, order)) {
    if (!accepts(entry.channel)) continue
    yield entry
    left -= 1
    if (left === 0) return
  }
}

async function* readLog(
  eventLog: EntryReader,
  log: LogId,
  { since = 'start', until, reverse = false, onGap, onEnd }: HistoryQuery,
  limit: number,
): AsyncGenerator<StoredEntry, void, undefined> {
  const first = await headAt(eventLog, log, since)
  const gap = (reason: GapReason, from: Position, to: Position) =>
    tell({ log: log.name, reason, from: formatPosition(from), to: formatPosition(to) }, onGap)
  let { head } = first
  let fromSeq = since === 'start' ? first.head?.firstSeq : undefined
  if (since instanceof Date) fromSeq = Math.max(first.seq!, first.head?.firstSeq ?? 1)
  else if (typeof since === 'object') fromSeq = goOn(since, first, gap)
  if (head === undefined) return
  let toSeq = head.seq
  if (until instanceof Date) toSeq = Math.min(toSeq, (await eventLog.seek(log, 'time', until.getTime() + 1)) - 1)
  else if (until !== undefined) toSeq = Math.min(toSeq, goOn(until, first, gap) - 1)

  let from = fromSeq ?? head.firstSeq
  let to = toSeq
  const begun = head
  // What is asked for is what is kept: what goes before the first entry is read is not missed.
  let isFirst = !(typeof since === 'object' && 'seq' in since) && !reverse
  let end = positionIn(begun, to)
  while (from <= to) {
    const { head: now, entries } = await eventLog.read(log, { fromSeq: from, toSeq: to, limit, reverse })
    head = assertSame(begun, now, reverse ? to : from - 1, gap)
    if (head === undefined) {
      // Another log has its name: none of that has been read.
      onEnd?.(log, now === undefined ? BEFORE_BIRTH : positionIn(now, now.firstSeq - 1))
      return
    }
    if (isFirst && from < head.firstSeq) {
      from = head.firstSeq
      end = positionIn(head, from - 1)
      if (from > to) break
    }
    let next = reverse ? to : from
    for (const entry of entries) {
      if (entry.seq !== next && reverse) gap('trimmed', positionIn(head, entry.seq), positionIn(head, next))
      else if (entry.seq !== next && !isFirst)
        gap('trimmed', positionIn(head, next - 1), positionIn(head, entry.seq - 1))
      isFirst = false
      end = { epoch: head.epoch, gen: entry.gen, seq: entry.seq }
      yield { ...entry, position: end }
      next = entry.seq + (reverse ? -1 : 1)
    }
    if (entries.length === 0) {
      if (!isFirst && (!reverse || to >= head.firstSeq))
        gap('trimmed', positionIn(head, from - 1), positionIn(head, to))
      end = positionIn(head, to)
      break
    }
    if (reverse) to = next
    else from = next
  }
  onEnd?.(log, end)
}

/** The number of the entry to go on with after a position. */
function goOn(
  position: Position,
  { head }: Pick<LogPage, 'head'>,
  gap: (reason: GapReason, from: Position, to: Position) => void,
): number {
  const next = resume(position, head)
  if (next.kind === 'reset') gap(next.reason, position, next.to)
  return next.fromSeq
}

/** The head of the same log with the same history; else what was read and what comes would not fit together. */
function assertSame(
  begun: LogHead,
  now: LogHead | undefined,
  seq: number,
  gap: (reason: GapReason, from: Position, to: Position) => void,
): LogHead | undefined {
  const from = positionIn(begun, seq)
  if (now?.epoch !== begun.epoch)
    gap('lost', from, now === undefined ? BEFORE_BIRTH : positionIn(now, now.firstSeq - 1))
  else if (now !== undefined) {
    const next = resume(positionIn(begun, begun.seq), now, begun.chain)
    if (next.kind === 'reset' && next.reason === 'diverged') gap('diverged', from, next.to)
    return now
  }
  return undefined
}

function tell(gap: Gap, onGap: GapListener | undefined): void {
  if (onGap !== undefined) {
    onGap(gap)
    return
  }
  const { log, reason, from, to } = gap
  throw new TidingsError('GAP', `The log "${log}" does not have what comes after ${from}: ${reason}.`, {
    hint: 'Begin elsewhere, or take what there is with onGap.',
    context: { log, reason, from, to },
  })
}
