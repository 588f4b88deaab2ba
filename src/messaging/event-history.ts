import { toByteString } from '../core/byte-string.ts'
import { TidingsError } from '../core/errors.ts'
import type { EventLog } from '../core/event-log.ts'
import type { Gap } from '../core/gap.ts'
import { compileGlob } from '../core/glob.ts'
import type { LogId } from '../core/log-id.ts'
import { Message } from '../core/message.ts'
import { type HistoryQuery as LogQuery, readHistory } from '../log/history.ts'
import { formatPosition, parsePosition } from '../protocol/position.ts'
import { decodeEvent, type Event } from './event.ts'
import type { EventPlace } from './event-catalog.ts'
import { checkReceived } from './schema.ts'

/** A hole in a log, with positions as text. */
export interface HistoryGap extends Omit<Gap, 'from' | 'to'> {
  readonly from: string
  readonly to: string
}

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
  readonly onGap?: ((gap: HistoryGap) => void) | undefined
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

/** Every log that may hold entries of channels that match the pattern. */
export async function logsMatching(eventLog: EventLog, pattern: string): Promise<LogId[]> {
  const glob = compileGlob(pattern)
  const partitions = Array.from({ length: eventLog.partitions }, (_, partition) => eventLog.logs(partition))
  const all = (await Promise.all(partitions)).flat()
  return all.filter(({ kind, name }) => kind === 'shared' || glob.matches(toByteString(name)))
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
  const told = (gap: Gap) => onGap?.({ ...gap, from: formatPosition(gap.from), to: formatPosition(gap.to) })
  return {
    since: since === 'start' ? since : place('since', since),
    until: until === undefined ? undefined : place('until', until),
    limit,
    reverse,
    onGap: onGap === undefined ? undefined : told,
  }
}

function place(name: string, value: Date | string): Exclude<LogQuery['until'], undefined> {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value
  const position = typeof value === 'string' ? parsePosition(value) : undefined
  if (position !== undefined) return position
  throw new TidingsError('INVALID_OPTION', `The option "${name}" must be a valid Date or a position.`, {
    hint: 'A position is what an event or a receipt carries, such as "42-1@k3j9x2m4p8q1".',
  })
}

function assertNoPosition({ since, until }: HistoryOptions): void {
  if ((typeof since !== 'string' || since === 'start') && typeof until !== 'string') return
  throw new TidingsError('INVALID_OPTION', 'A position belongs to one log, and this reads several.', {
    hint: 'Give a Date, or read one event type.',
  })
}
