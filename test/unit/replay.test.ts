import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { connect } from '../../src/connection/connect.ts'
import type { Connection } from '../../src/connection/connection.ts'
import { TidingsError } from '../../src/core/errors.ts'
import type { EventLog } from '../../src/core/event-log.ts'
import type { HistorySource, StoredEvent } from '../../src/messaging/event-history.ts'
import { Pace } from '../../src/messaging/pace.ts'
import { type ReplayOptions, type ReplayProgress, replayEvents } from '../../src/messaging/replay.ts'
import { formatPosition } from '../../src/protocol/position.ts'
import { memoryHub } from '../support/memory-hub.ts'

let connection: Connection
beforeEach(async () => {
  connection = await connect(memoryHub())
})
afterEach(() => connection.close())

const log = (name: string) => ({ kind: 'channel' as const, name })

async function append(data: unknown, name = 'a', maxCount = 1_000): Promise<string> {
  const payload = JSON.stringify({ type: name, timestamp: new Date().toISOString(), data })
  const message = { channel: name, payload, retention: { maxCount } }
  return formatPosition((await connection.eventLog.append(log(name), message)).position)
}

const source = (names: readonly string[] = ['a'], eventLog: EventLog = connection.eventLog): HistorySource => ({
  eventLog,
  logs: async () => names.map(log),
  accepts: () => true,
  placeOf: (channel) => ({ type: channel, channel, schema: undefined, declared: false }),
  invalid: () => {},
})

const failure = (replaying: Promise<unknown>): Promise<TidingsError> =>
  replaying.then(
    () => expect.fail('it did not fail'),
    (error) => {
      expect(error).toBeInstanceOf(TidingsError)
      return error
    },
  )

test('gives each event in order, one at a time, and says how many and where the last was', async () => {
  const positions = [await append(1), await append(2), await append(3)]
  const seen: [string, unknown][] = []
  let running = 0
  const result = await replayEvents(source(), async ({ position, data }: StoredEvent) => {
    running += 1
    expect(running).toBe(1)
    await new Promise((resolve) => setImmediate(resolve))
    seen.push([position, data])
    running -= 1
  })
  expect(seen).toEqual(positions.map((position, index) => [position, index + 1]))
  expect(result).toEqual({ events: 3, lastPosition: positions[2] })
})

test('of a log without events nothing is done', async () => {
  const handler = vi.fn()
  expect(await replayEvents(source(), handler)).toEqual({ events: 0, lastPosition: undefined })
  expect(handler).not.toHaveBeenCalled()
})

test.each<[string, (at: string[]) => ReplayOptions, number[], number]>([
  ['all', () => ({}), [1, 2, 3, 4], 4],
  ['since a position', (at) => ({ since: at[0] }), [2, 3, 4], 3],
  ['until a position', (at) => ({ until: at[1] }), [1, 2], 2],
  ['between two', (at) => ({ since: at[0], until: at[2] }), [2, 3], 2],
  ['a number of them', (at) => ({ since: at[0], limit: 2 }), [2, 3], 2],
  ['until a time', () => ({ until: new Date(0) }), [], 0],
  ['since a time', () => ({ since: new Date(0), until: new Date(8e15) }), [1, 2, 3, 4], 4],
])('replays %s, and counts before what there is to do', async (_name, options, expected, total) => {
  const at: string[] = []
  for (const data of [1, 2, 3, 4]) at.push(await append(data))
  const seen: unknown[] = []
  const progress: ReplayProgress[] = []
  await replayEvents(source(), ({ data }: StoredEvent) => seen.push(data), {
    ...options(at),
    onProgress: (one) => progress.push(one),
  })
  expect(seen).toEqual(expected)
  expect(progress).toEqual(
    expected.map((data, index) => ({ done: index + 1, total, position: at[(data as number) - 1] })),
  )
})

describe('a handler that fails', () => {
  test('stops it, and the error says where it failed and where to go on', async () => {
    const at = [await append(1), await append(2), await append(3)]
    const seen: unknown[] = []
    const cause = new Error('the disk is full')
    const error = await failure(
      replayEvents(source(), ({ data }: StoredEvent) => {
        if (data === 3) throw cause
        seen.push(data)
      }),
    )
    expect(error).toMatchObject({ code: 'HANDLER_FAILED', retryable: false, cause })
    expect(error.context).toEqual({ type: 'a', failedAt: at[2], events: 2, position: at[1], since: at[1] })
    expect(error.message).toBe(
      `The handler failed at ${at[2]}, "a": the disk is full. 2 events were done; to go on, replay since ${at[1]}.`,
    )
    const rest: unknown[] = []
    await replayEvents(source(), ({ data }: StoredEvent) => rest.push(data), { since: error.context.since as string })
    expect([...seen, ...rest]).toEqual([1, 2, 3])
  })

  test('at the first event, it is to begin where this began', async () => {
    const at = [await append(1), await append(2)]
    const error = await failure(replayEvents(source(), () => Promise.reject('no'), { since: at[0] }))
    expect(error.context).toEqual({ type: 'a', failedAt: at[1], events: 0, position: undefined, since: at[0] })
    expect(error.message).toContain('No event was done.')
  })

  test('over several logs, a time to go on from leaves nothing out', async () => {
    for (const data of [1, 2, 3, 4, 5, 6]) await append(data, data % 2 === 0 ? 'a' : 'b')
    const seen = new Set<unknown>()
    const error = await failure(
      replayEvents(source(['a', 'b']), ({ data }: StoredEvent) => {
        if (data === 5) throw new Error('no')
        seen.add(data)
      }),
    )
    expect(error.context.since).toBeInstanceOf(Date)
    const since = error.context.since as Date
    await replayEvents(source(['a', 'b']), ({ data }: StoredEvent) => seen.add(data), { since })
    expect(seen).toEqual(new Set([1, 2, 3, 4, 5, 6]))
  })

  test('as does one that fails with an error that could be retried: what is done would be done again', async () => {
    await append(1)
    const cause = new TidingsError('NOT_CONNECTED', 'away')
    const error = await failure(replayEvents(source(), () => Promise.reject(cause)))
    expect(error).toMatchObject({ code: 'HANDLER_FAILED', retryable: false, cause })
  })
})

describe('reading that fails', () => {
  const breaking = (after: number): EventLog => {
    let reads = 0
    return new Proxy(connection.eventLog, {
      get: (target, name) => {
        const value = Reflect.get(target, name)
        if (name !== 'read') return typeof value === 'function' ? value.bind(target) : value
        return (...args: Parameters<EventLog['read']>) => {
          reads += 1
          return reads > after ? Promise.reject(new TidingsError('NOT_CONNECTED', 'Away.')) : target.read(...args)
        }
      },
    })
  }

  test('before anything is done may be retried; later it is not, and says where to go on', async () => {
    const at: string[] = []
    for (let data = 0; data < 600; data += 1) at.push(await append(data))
    const first = await failure(replayEvents(source(['a'], breaking(0)), () => {}))
    expect(first).toMatchObject({ code: 'NOT_CONNECTED', retryable: true, context: { events: 0 } })
    const later = await failure(replayEvents(source(['a'], breaking(2)), () => {}))
    expect(later).toMatchObject({ code: 'CONNECTION_LOST', retryable: false, cause: { code: 'NOT_CONNECTED' } })
    const { events } = later.context as { events: number }
    expect(events).toBeGreaterThan(0)
    expect(later.context).toMatchObject({ position: at[events - 1], since: at[events - 1] })
  })

  test('a hole ends it with GAP, and with onGap it goes on behind it', async () => {
    const at: string[] = []
    for (const data of [1, 2, 3, 4]) at.push(await append(data, 'a', 2))
    const seen: unknown[] = []
    const handler = ({ data }: StoredEvent) => seen.push(data)
    expect(await failure(replayEvents(source(), handler, { since: at[0] }))).toMatchObject({
      code: 'GAP',
      context: { reason: 'trimmed', events: 0, since: at[0] },
    })
    const gaps: unknown[] = []
    await replayEvents(source(), handler, { since: at[0], onGap: (gap) => gaps.push(gap) })
    expect(seen).toEqual([3, 4])
    expect(gaps).toEqual([{ log: 'a', reason: 'trimmed', from: at[0], to: at[1] }])
  })
})

describe('a signal', () => {
  test('ends it when the event that is being handled is done', async () => {
    const at = [await append(1), await append(2), await append(3)]
    const controller = new AbortController()
    const seen: unknown[] = []
    const error = await failure(
      replayEvents(
        source(),
        async ({ data }: StoredEvent) => {
          if (data === 2) controller.abort('enough')
          await new Promise((resolve) => setImmediate(resolve))
          seen.push(data)
        },
        { signal: controller.signal },
      ),
    )
    expect(seen).toEqual([1, 2])
    expect(error).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    expect(error.context).toEqual({ events: 2, position: at[1], since: at[1] })
  })

  test('that is aborted already lets nothing begin', async () => {
    await append(1)
    const handler = vi.fn()
    const error = await failure(replayEvents(source(), handler, { signal: AbortSignal.abort() }))
    expect(error.code).toBe('ABORTED')
    expect(handler).not.toHaveBeenCalled()
  })

  test('ends the pause between two events', async () => {
    await append(1)
    await append(2)
    const controller = new AbortController()
    const error = await failure(
      replayEvents(source(), () => setImmediate(() => controller.abort()), {
        ratePerSecond: 0.001,
        signal: controller.signal,
      }),
    )
    expect(error).toMatchObject({ code: 'ABORTED', context: { events: 1 } })
  })
})

describe('ratePerSecond', () => {
  test('is not exceeded', async () => {
    for (let data = 0; data < 11; data += 1) await append(data)
    const startedAt = performance.now()
    await replayEvents(source(), () => {}, { ratePerSecond: 100 })
    expect(performance.now() - startedAt).toBeGreaterThan(45)
  })

  test('spreads turns evenly; of the time that a slow one takes, a moment is made up for', () => {
    const pace = new Pace(100)
    expect([0, 0, 15, 28].map((now) => pace.take(now))).toEqual([0, 10, 5, 2])
    expect([10_000, 10_000, 10_000].map((now) => pace.take(now))).toEqual([0, 0, 0])
    expect([10_000, 10_000, 10_000, 10_000].map((now) => pace.take(now))).toEqual([0, 0, 0, 10])
  })
})

describe('options that cannot be', () => {
  test.each<[object, string]>([
    [{ ratePerSecond: 0 }, 'INVALID_OPTION'],
    [{ ratePerSecond: Number.NaN }, 'INVALID_OPTION'],
    [{ ratePerSecond: '5' }, 'INVALID_OPTION'],
    [{ onProgress: 1 }, 'INVALID_OPTION'],
    [{ limit: 0 }, 'INVALID_OPTION'],
    [{ since: 'yesterday' }, 'INVALID_OPTION'],
    [{ reverse: true }, 'UNKNOWN_OPTION'],
  ])('%j is refused with %s', async (options, code) => {
    expect(await failure(replayEvents(source(), () => {}, options as ReplayOptions))).toMatchObject({ code })
  })

  test('a handler must be a function', async () => {
    expect(await failure(replayEvents(source(), 1 as never))).toMatchObject({ code: 'INVALID_HANDLER' })
  })
})
