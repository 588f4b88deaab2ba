import { setTimeout as delay } from 'node:timers/promises'
import { describeThrown } from '../core/describe.ts'
import { ERRORS, TidingsError } from '../core/errors.ts'
import type { LogId } from '../core/log-id.ts'
import { countEntries } from '../log/entry-count.ts'
import { parsePosition } from '../protocol/position.ts'
import type { Event } from './event.ts'
import { type HistoryOptions, type HistorySource, readEvents, type StoredEvent } from './event-history.ts'
import { Pace } from './pace.ts'

export interface ReplayProgress {
  /** Events that the handler has done. */
  readonly done: number
  /** Events that there were to do when the replay began. An upper estimate: holes, and others' events in a shared log, count. */
  readonly total: number
  /** Where the last one that is done was. */
  readonly position: string
}

export interface ReplayOptions extends Omit<HistoryOptions, 'reverse'> {
  /** The most events in a second; may be less than 1. Default: as fast as the handler is. */
  readonly ratePerSecond?: number | undefined
  /** Ends it with `ABORTED`, when the event that is being handled is done. */
  readonly signal?: AbortSignal | undefined
  /** Told after each event. */
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined
}

export interface ReplayResult {
  /** Events that the handler has done. */
  readonly events: number
  /** Where the last one was. */
  readonly lastPosition: string | undefined
}

/**
 * Gives kept events to a handler, one after the other: each is waited for before the next. It ends with what was the
 * last event when it began.
 *
 * Whatever stops it early, the error's context says what is done and how to go on: `events`, `position` (the last that
 * is done) and `since`, the option to go on with. With several logs that is a time, and events of that very
 * millisecond come again.
 * @throws TidingsError `HANDLER_FAILED`, `ABORTED`, `GAP`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_HANDLER`, and
 * what reading rejects with
 */
export async function replayEvents<E extends Event>(
  source: HistorySource,
  handler: (event: StoredEvent<E>) => unknown,
  options: ReplayOptions = {},
): Promise<ReplayResult> {
  const { pace, signal, onProgress, query } = readOptions(options, handler)
  let found: Promise<readonly LogId[]> | undefined
  const logs = () => {
    found ??= source.logs()
    return found
  }
  const { eventLog } = source
  const reading = readEvents<E>(
    {
      eventLog,
      logs,
      accepts: (channel) => source.accepts(channel),
      placeOf: (channel) => source.placeOf(channel),
      invalid: (error) => source.invalid(error),
    },
    query,
  )
  let [events, lastPosition]: [number, string | undefined] = [0, undefined]
  let total = 0
  try {
    for (;;) {
      const { value: event, done } = await unlessAborted(reading.next(), signal)
      if (done) return { events, lastPosition }
      if (events === 0 && onProgress !== undefined) total = await countTotal(source, await logs(), query)
      const waitMs = pace?.take(performance.now()) ?? 0
      if (waitMs > 0) await delay(waitMs, undefined, { signal })
      signal?.throwIfAborted()
      await handle(handler, event)
      events += 1
      lastPosition = event.position
      onProgress?.({ done: events, total: Math.max(total, events), position: lastPosition })
    }
  } catch (cause) {
    // While a page is being read this waits for it: nobody waits here.
    void reading.return().catch(() => {})
    const since = await whereToGoOn(source, found, lastPosition, query.since)
    throw stopped(cause, { events, position: lastPosition, since }, signal)
  }
}

async function handle<E extends Event>(
  handler: (event: StoredEvent<E>) => unknown,
  event: StoredEvent<E>,
): Promise<void> {
  try {
    await handler(event)
  } catch (cause) {
    const { type, position } = event
    throw new TidingsError(
      'HANDLER_FAILED',
      `The handler failed at ${position}, "${type}": ${describeThrown(cause)}.`,
      {
        cause,
        context: { type, failedAt: position },
      },
    )
  }
}

function countTotal(
  { eventLog }: HistorySource,
  logs: readonly LogId[],
  { since, until, limit = Infinity }: HistoryOptions,
): Promise<number> {
  const place = (value: Date | string | undefined) => (typeof value === 'string' ? parsePosition(value) : value)
  const counting = countEntries(eventLog, logs, { since: place(since), until: place(until) })
  return counting.then((count) => Math.min(count, limit))
}

interface Done {
  readonly events: number
  readonly position: string | undefined
  readonly since: HistoryOptions['since']
}

/** The error that says why it stopped, and how to go on. */
function stopped(cause: unknown, done: Done, signal: AbortSignal | undefined): TidingsError {
  const { events, since } = done
  const from = since instanceof Date ? since.toISOString() : since
  const hint = `${events === 0 ? 'No event was' : events === 1 ? 'One event was' : `${events} events were`} done${
    events === 0 || from === undefined ? '' : `; to go on, replay since ${from}`
  }.`
  if (signal?.aborted && !(cause instanceof TidingsError)) {
    return new TidingsError('ABORTED', 'The replay was aborted.', { cause: signal.reason, context: { ...done }, hint })
  }
  if (!(cause instanceof TidingsError)) {
    const message = `The replay failed: ${describeThrown(cause)}.`
    return new TidingsError('HANDLER_FAILED', message, { cause, context: { ...done }, hint })
  }
  // To make the same call again would do again what is done.
  const code = ERRORS[cause.code].retryable && events > 0 ? 'CONNECTION_LOST' : cause.code
  const context = { ...cause.context, ...done }
  return new TidingsError(code, cause.message, {
    cause: cause.code === 'HANDLER_FAILED' ? cause.cause : cause,
    context,
    hint,
  })
}

/** A position belongs to one log. For several, it is the time of the last entry that is done. */
async function whereToGoOn(
  { eventLog }: HistorySource,
  found: Promise<readonly LogId[]> | undefined,
  position: string | undefined,
  begun: HistoryOptions['since'],
): Promise<HistoryOptions['since']> {
  if (position === undefined || found === undefined) return begun
  const logs = await found
  if (logs.length === 1) return position
  const { epoch, gen, seq } = parsePosition(position)!
  const entries = logs.map(async (log) => {
    const { head, entries } = await eventLog.read(log, { fromSeq: seq, toSeq: seq, limit: 1 })
    return head?.epoch === epoch ? entries.find((entry) => entry.gen === gen)?.timeMs : undefined
  })
  // Where Redis is away, or the entry is gone, nobody knows.
  const times = await Promise.all(entries).catch(() => [])
  const timeMs = times.find((time) => time !== undefined)
  return timeMs === undefined ? undefined : new Date(timeMs)
}

/** The promise's result, or the signal's reason as soon as that is aborted. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    const end = () => signal.removeEventListener('abort', abort)
    signal.addEventListener('abort', abort)
    work.then(resolve, reject).finally(end)
    if (signal.aborted) abort()
  })
}

function readOptions(
  { since, until, limit, onGap, ratePerSecond, signal, onProgress, ...rest }: ReplayOptions,
  handler: unknown,
): {
  readonly pace: Pace | undefined
  readonly signal: AbortSignal | undefined
  readonly onProgress: ReplayOptions['onProgress']
  readonly query: HistoryOptions
} {
  if (typeof handler !== 'function') throw new TidingsError('INVALID_HANDLER', 'A handler must be a function.')
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) {
    throw new TidingsError('UNKNOWN_OPTION', `replay has no option "${unknown}".`, {
      hint: 'It takes since, until, limit, ratePerSecond, signal, onGap and onProgress.',
    })
  }
  if (ratePerSecond !== undefined && !(Number.isFinite(ratePerSecond) && ratePerSecond > 0)) {
    throw new TidingsError('INVALID_OPTION', 'The option "ratePerSecond" must be a number above 0.')
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TidingsError('INVALID_OPTION', 'The option "onProgress" must be a function.')
  }
  const pace = ratePerSecond === undefined ? undefined : new Pace(ratePerSecond)
  return { pace, signal, onProgress, query: { since, until, limit, onGap } }
}
