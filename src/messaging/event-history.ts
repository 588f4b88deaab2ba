import { TidingsError } from '../core/errors.ts'
import type { EventLog } from '../core/event-log.ts'
import type { GapListener } from '../core/gap.ts'
import type { LogId } from '../core/log-id.ts'
import { Message } from '../core/message.ts'
import { type HistoryQuery as LogQuery, readHistory } from '../log/history.ts'
import { onePosition } from '../log/log-plan.ts'
import { formatPosition } from '../protocol/position.ts'
import { decodeEvent, type Event } from './event.ts'
import type { EventPlace } from './event-catalog.ts'
import { checkReceived } from './schema.ts'
import { readPlace, readSince } from './since-options.ts'

export interface HistoryOptions {
  /** Where to begin: `'start'` (default), a time, or right after the position of an event. */
  readonly since?: 'start' | Date | string | undefined
  /** Where to end, that event included: a time or a position. Default: what is the last event when reading begins. */
  readonly until?: Date | string | undefined
  /** The most events. Default: all. */
  readonly limit?: number | undefined
  /** From the newest to the oldest. Default: false. */
  readonly reverse?: boolean | undefined
  /** Takes holes, and reading goes on behind them. Without it a hole ends the loop with `GAP`. */
  readonly onGap?: GapListener | undefined
}

/** An event from a log. */
export type StoredEvent<E extends Event = Event> = E & {
  /** Where it is: to resume right after it. */
  readonly position: string
}

export interface HistorySource {
  readonly eventLog: EventLog
  /** The logs to read, found when reading begins. */
  logs(): Promise<readonly LogId[]>
  accepts(channel: string): boolean
  placeOf(channel: string): EventPlace
  /** Takes what is no valid event; it is left out. */
  invalid(error: TidingsError): void
}

/**
 * Events from logs, oldest first; several channels are merged by the time of their appending.
 * @throws TidingsError `GAP`, `INVALID_OPTION`, and what reading rejects with
 */
export async function* readEvents<E extends Event>(
  source: HistorySource,
  options: HistoryOptions,
): AsyncGenerator<StoredEvent<E>, void, undefined> {
  const query = readOptions(options)
  const logs = await source.logs()
  if (logs.length > 1) assertNoPosition(options)
  for await (const { channel, payload, position } of readHistory(source.eventLog, logs, {
    ...query,
    accepts: (name) => source.accepts(name),
  })) {
    try {
      const place = source.placeOf(channel)
      const event = decodeEvent(new Message(channel, payload).value, channel)
      const checked = place.schema === undefined ? undefined : await checkReceived(place.schema, place, event.data)
      if (checked?.error !== undefined) throw checked.error
      const data = checked === undefined ? event.data : checked.value
      yield { ...event, data, position: formatPosition(position) } as StoredEvent<E>
    } catch (error) {
      if (!(error instanceof TidingsError)) throw error
      source.invalid(error)
    }
  }
}

function readOptions({ since = 'start', until, limit, reverse, onGap, ...rest }: HistoryOptions): LogQuery {
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) {
    throw new TidingsError('UNKNOWN_OPTION', `history has no option "${unknown}".`, {
      hint: 'It takes since, until, limit, reverse and onGap.',
    })
  }
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1)) {
    throw new TidingsError('INVALID_OPTION', 'The option "limit" must be a whole number of at least 1.')
  }
  return {
    since: readSince(since),
    until: until === undefined ? undefined : readPlace('until', until),
    limit,
    reverse,
    onGap,
  }
}

function assertNoPosition({ since, until }: HistoryOptions): void {
  if ((typeof since !== 'string' || since === 'start') && typeof until !== 'string') return
  throw onePosition()
}
