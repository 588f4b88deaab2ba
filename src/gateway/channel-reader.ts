import type { EventLog } from '../core/event-log.ts'
import type { LogId } from '../core/log-id.ts'
import { positionIn } from '../log/fork.ts'
import { LogCursor } from '../log/log-cursor.ts'
import type { Position } from '../protocol/position.ts'
import { type Kept, kept } from './publication.ts'

/** How much is read at once: no more entries than that, and no more bytes but for the last entry. */
export interface Most {
  readonly count: number
  readonly bytes: number
}

/**
 * What a log has of a channel after a position, how far it was read, and whether there may be more; undefined where
 * something of it is missing.
 */
export async function readOn(
  eventLog: EventLog,
  log: LogId,
  channel: string,
  since: Position,
  most: Most,
): Promise<
  { readonly publications: readonly Kept[]; readonly position: Position; readonly more: boolean } | undefined
> {
  let bytes = 0
  const isFull = () => publications.length >= most.count || bytes >= most.bytes
  const cursor = new LogCursor(eventLog, log, since)
  const publications: Kept[] = []
  let isBroken = false
  await cursor.readOn(
    {
      onEntry: (entry, position) => {
        // Of a shared log there are others' entries, too.
        if (entry.channel !== channel) return
        publications.push(kept(channel, entry.payload, position))
        bytes += entry.payload.length
      },
      onGap: () => {
        isBroken = true
      },
      isDone: () => isBroken || isFull(),
    },
    most.count,
  )
  return isBroken ? undefined : { publications, position: cursor.position, more: isFull() }
}

/** The last entries of a channel's own log, from behind `base` to `end`; undefined where there is no log yet. */
export async function readLast(
  eventLog: EventLog,
  log: LogId,
  channel: string,
  count: number,
): Promise<{ readonly base: Position; readonly publications: readonly Kept[]; readonly end: Position } | undefined> {
  const { head, entries } = await eventLog.read(log, { limit: count, reverse: true })
  if (head === undefined) return undefined
  const read = [...entries].reverse()
  return {
    base: positionIn(head, (read[0]?.seq ?? head.seq + 1) - 1),
    publications: read.map((entry) =>
      kept(channel, entry.payload, { epoch: head.epoch, gen: entry.gen, seq: entry.seq }),
    ),
    end: positionIn(head, head.seq),
  }
}
