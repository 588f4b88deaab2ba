import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type BusStatus, EventBus, type EventStream, type Gap, type Policy, Subscriber } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

const kept: Policy = { history: { maxCount: 10_000 } }
const upTo = (count: number, from = 1) => Array.from({ length: count - from + 1 }, (_, index) => from + index)

async function take(stream: EventStream, count: number, pauseMs = 0): Promise<unknown[]> {
  const got: unknown[] = []
  while (got.length < count) {
    got.push((await stream.next()).value!.data)
    if (pauseMs > 0 && got.length % 100 === 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return got
}

describe.each([
  ['memory', () => ({ redis: `memory:${randomUUID()}` })],
  ['Redis', () => ({ redis: server.url, namespace: randomUUID() })],
])('live readers that begin further back, on %s', (_where, place) => {
  const type = () => `order-${randomUUID()}.created`

  async function open(policy: Policy = kept): Promise<EventBus> {
    const bus = new EventBus(place())
    await bus.policies.apply({ 'order-*': policy })
    return bus
  }

  /** Appends numbers; resolves to their positions. */
  const append = async (bus: EventBus, name: string, numbers: readonly number[]) =>
    (await Promise.all(numbers.map((n) => bus.append(name, n)))).map(({ position }) => position)

  test('a handler goes on right after a position, with what was kept and then live, and says so', async () => {
    await using bus = await open()
    const name = type()
    const positions = await append(bus, name, upTo(10))
    const got: [unknown, string | undefined][] = []
    const subscription = await bus.on(name, ({ data, position }) => got.push([data, position]), { since: positions[2] })
    expect(subscription.resumed).toEqual({ kind: 'recovered' })
    positions.push(...(await append(bus, name, [11, 12])))
    await eventually(() => expect(got).toEqual(upTo(12, 4).map((n) => [n, positions[n - 1]])))
    await subscription.unsubscribe()
  })

  test('a position that retention has passed is a reset: the handler gets what is there, and its onGap the hole', async () => {
    await using bus = await open({ history: { maxCount: 5 } })
    const name = type()
    const positions = await append(bus, name, upTo(10))
    const got: unknown[] = []
    const gaps: Gap[] = []
    const statuses: BusStatus[] = []
    const status = bus.status()
    void (async () => {
      for await (const each of status) statuses.push(each)
    })()
    const { resumed } = await bus.on(name, ({ data }) => got.push(data), {
      since: positions[1],
      onGap: (gap) => gaps.push(gap),
    })
    const gap = { reason: 'trimmed', from: positions[1], to: positions[4] }
    expect(resumed).toEqual({ kind: 'reset', ...gap })
    await eventually(() => expect(got).toEqual(upTo(10, 6)))
    expect(gaps).toEqual([{ log: `events:${name}`, ...gap }])
    expect(statuses).toContainEqual({ kind: 'gap', gap: gaps[0] })
  })

  test('a position of a log that is no more is lost', async () => {
    await using bus = await open()
    const name = type()
    await append(bus, name, [1, 2])
    const { resumed } = await bus.on(name, () => {}, { since: '1-1@anotherepoch' })
    expect(resumed).toMatchObject({ kind: 'reset', reason: 'lost', from: '1-1@anotherepoch' })
  })

  test('the start, a time, and a log that does not exist yet', async () => {
    await using bus = await open()
    const [name, later] = [type(), type()]
    const got: Record<string, unknown[]> = { start: [], past: [], future: [], unborn: [] }
    await append(bus, name, [1, 2, 3])
    const take = (list: string) => (event: { data: unknown }) => got[list]!.push(event.data)
    const { resumed } = await bus.on(name, take('start'), { since: 'start' })
    expect(resumed).toBeUndefined()
    await bus.on(name, take('past'), { since: new Date(Date.now() - 60_000) })
    await bus.on(name, take('future'), { since: new Date(Date.now() + 60_000) })
    await bus.on(later, take('unborn'), { since: 'start' })
    await append(bus, name, [4])
    await append(bus, later, [1])
    await eventually(() => expect(got).toEqual({ start: upTo(4), past: upTo(4), future: [4], unborn: [1] }))
  })

  test('begun in the middle of a flood it gets every event once and in order', async () => {
    await using bus = await open()
    const name = type()
    await append(bus, name, upTo(500))
    const flood = append(bus, name, upTo(5_000, 501))
    const readers: unknown[][] = []
    for (let reader = 0; reader < 4; reader += 1) {
      const got: unknown[] = []
      readers.push(got)
      await bus.on(name, ({ data }) => got.push(data), { since: 'start' })
    }
    await flood
    await append(bus, name, [5_001])
    await eventually(() => {
      for (const got of readers) expect(got).toEqual(upTo(5_001))
    })
  })

  test('what keeps nothing, a position for a pattern, and a text that is no position are refused', async () => {
    await using bus = await open()
    const refused = (code: string) => expect.objectContaining({ code })
    await expect(bus.on('plain', () => {}, { since: 'start' })).rejects.toEqual(refused('NO_HISTORY'))
    await expect(bus.onPattern('plain*', () => {}, { since: 'start' })).rejects.toEqual(refused('NO_HISTORY'))
    await expect(bus.onPattern('order-*', () => {}, { since: '1-1@a' })).rejects.toEqual(refused('INVALID_OPTION'))
    await expect(bus.on(type(), () => {}, { since: 'yesterday' })).rejects.toEqual(refused('INVALID_OPTION'))
    await expect(bus.subscribe(type(), { since: new Date(Number.NaN) })).rejects.toEqual(refused('INVALID_OPTION'))
    await expect(bus.on(type(), () => {}, { onGap: 1 as never })).rejects.toEqual(refused('INVALID_OPTION'))
  })

  test('a pattern gets what was kept of its channels merged by time, then what is live, each once', async () => {
    await using bus = await open()
    await bus.policies.apply({ 'order-shared*': { ...kept, log: 'shared' } })
    const group = `order-${randomUUID()}`
    const shared = `order-shared-${randomUUID()}`
    const types = [`${group}.a`, `${group}.b`, `${group}.c`, `${shared}.a`, `${shared}.b`]
    let n = 0
    const some = async (count: number) => {
      for (let i = 0; i < count; i += 1) await bus.append(types[n % types.length]!, n++)
    }
    await some(50)
    const flood = (async () => {
      for (let round = 0; round < 40; round += 1) await some(10)
    })()
    const got: { type: string; data: number }[] = []
    const listening = [
      await bus.onPattern(`${group}.*`, (name, { data }) => got.push({ type: name, data: data as number }), {
        since: 'start',
      }),
      await bus.onPattern(`${shared}.*`, (name, { data }) => got.push({ type: name, data: data as number }), {
        since: new Date(0),
      }),
    ]
    await flood
    await bus.append(`${group}.d`, n++)
    const sorted = () => got.map(({ data }) => data).sort((a, b) => a - b)
    await eventually(() => expect(sorted()).toEqual(upTo(n - 1, 0)))
    for (const name of types) {
      const each = got.filter((event) => event.type === name).map(({ data }) => data)
      expect(each).toEqual([...each].sort((a, b) => a - b))
    }
    for (const subscription of listening) await subscription.unsubscribe()
  })

  test('of what was kept before, a pattern keeps the order between channels', async () => {
    await using bus = await open()
    const group = `order-${randomUUID()}`
    for (const n of upTo(60)) {
      await bus.append(`${group}.${n % 7}`, n)
      // Entries of one millisecond have no order between channels.
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await using stream = await bus.subscribePattern(`${group}.*`, { since: 'start', buffer: 5 })
    expect(await take(stream, 60)).toEqual(upTo(60))
    await bus.append(`${group}.8`, 61)
    expect(await take(stream, 1)).toEqual([61])
    expect(stream.dropped).toBe(0)
  })

  test('an iterator that is far too slow is given everything, from a buffer that stays small', async () => {
    await using bus = await open()
    const name = type()
    const statuses: BusStatus[] = []
    void (async () => {
      for await (const each of bus.status()) statuses.push(each)
    })()
    await using stream = await bus.subscribe(name, { buffer: 10, overflow: 'fail' })
    const flood = append(bus, name, upTo(3_000))
    expect(await take(stream, 1_000, 2)).toEqual(upTo(1_000))
    await flood
    expect(await take(stream, 2_000)).toEqual(upTo(3_000, 1_001))
    await append(bus, name, [3_001])
    expect(await take(stream, 1)).toEqual([3_001])
    expect(stream.dropped).toBe(0)
    expect(statuses.filter(({ kind }) => kind === 'lost' || kind === 'gap')).toEqual([])
  })

  test('so is one whose schema takes its time', async () => {
    const name = type()
    const slow = z.number().refine(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return true
    })
    await using bus = new EventBus({ ...place(), events: { [name]: slow } })
    await bus.policies.apply({ 'order-*': kept })
    await using stream = await bus.subscribe(name, { buffer: 7 })
    await Promise.all(upTo(200).map((n) => bus.append(name, n)))
    expect(await take(stream as unknown as EventStream, 200)).toEqual(upTo(200))
  })

  test('an iterator that came to nothing for so long that retention passed it is told of the hole', async () => {
    await using bus = await open({ history: { maxCount: 20 } })
    const name = type()
    const gaps: Gap[] = []
    await using stream = await bus.subscribe(name, { buffer: 4, onGap: (gap) => gaps.push(gap) })
    const live: unknown[] = []
    await bus.on(name, ({ data }) => live.push(data))
    const positions = await append(bus, name, upTo(4))
    await eventually(() => expect(live).toEqual(upTo(4)))
    expect(await take(stream, 1)).toEqual([1])
    positions.push(...(await append(bus, name, upTo(100, 5))))
    await eventually(() => expect(live).toEqual(upTo(100)))
    expect(await take(stream, 23)).toEqual([2, 3, 4, ...upTo(100, 81)])
    expect(gaps).toEqual([{ log: `events:${name}`, reason: 'trimmed', from: positions[3], to: positions[79] }])
  })

  test('several kinds of readers of one channel do not disturb each other, and leave nothing behind', async () => {
    await using bus = await open()
    const name = type()
    const live: unknown[] = []
    await bus.on(name, ({ data }) => live.push(data))
    const stream = await bus.subscribe(name, { buffer: 2 })
    const again: unknown[] = []
    await append(bus, name, upTo(50))
    const late = await bus.on(name, ({ data }) => again.push(data), { since: 'start' })
    await append(bus, name, upTo(60, 51))
    await eventually(() => expect([live, again]).toEqual([upTo(60), upTo(60)]))
    await late.unsubscribe()
    await stream.return()
    await append(bus, name, [61])
    await eventually(() => expect(live).toEqual(upTo(61)))
    expect(again).toEqual(upTo(60))
  })

  test('a subscriber without a bus begins further back too, and its handlers get positions', async () => {
    const options = place()
    await using bus = new EventBus(options)
    await bus.policies.apply({ 'order-*': kept })
    await using subscriber = new Subscriber(options)
    const name = type()
    const positions = await append(bus, name, [1, 2])
    const got: unknown[] = []
    const { resumed } = await subscriber.subscribe(
      `events:${name}`,
      (_channel, message, position) => got.push([(message as { data: unknown }).data, position]),
      { since: positions[0] },
    )
    await subscriber.psubscribe(`events:${name}*`, (_pattern, _channel, _message, position) => got.push(position), {
      since: 'start',
    })
    await eventually(() => expect(got).toHaveLength(3))
    expect(got).toEqual(expect.arrayContaining([[2, positions[1]], positions[0], positions[1]]))
    expect(resumed).toEqual({ kind: 'recovered' })
  })
})
