import type { EventLog } from '../core/event-log.ts'
import type { LogId } from '../core/log-id.ts'
import { resume } from './fork.ts'
import type { HistoryQuery } from './history.ts'

/**
 * How many entries reading would go through, from the numbers of the first and the last of each log: a few short
 * commands a log, however long it is. Never less than is read; more where a log has holes, or is shared with
 * channels that are not wanted.
 */
export async function countEntries(
  eventLog: EventLog,
  logs: readonly LogId[],
  query: Pick<HistoryQuery, 'since' | 'until'>,
): Promise<number> {
  const counts = await Promise.all(logs.map((log) => countLog(eventLog, log, query)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function countLog(
  eventLog: EventLog,
  log: LogId,
  { since = 'start', until }: Pick<HistoryQuery, 'since' | 'until'>,
): Promise<number> {
  const { head } = await eventLog.read(log, { limit: 1 })
  if (head === undefined) return 0
  let from = head.firstSeq
  if (since instanceof Date) from = Math.max(from, await eventLog.seek(log, 'time', since.getTime()))
  else if (since !== 'start') from = resume(since, head).fromSeq
  let to = head.seq
  if (until instanceof Date) to = (await eventLog.seek(log, 'time', until.getTime() + 1)) - 1
  else if (until !== undefined) to = resume(until, head).fromSeq - 1
  return Math.max(0, Math.min(to, head.seq) - from + 1)
}
