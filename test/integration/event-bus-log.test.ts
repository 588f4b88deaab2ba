import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { EventBus, type Policy, Publisher, type StoredEvent, Subscriber } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

const kept: Policy = { history: { maxCount: 100 } }

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const event of events) all.push(event)
  return all
}

const data = (events: readonly StoredEvent[]) => events.map((event) => event.data)

describe.each([
  ['memory', () => ({ redis: `memory:${randomUUID()}` })],
  ['Redis', () => ({ redis: server.url, namespace: randomUUID() })],
])('event buses with history, on %s', (_name, place) => {
  // Buses of one test share a namespace; channels would meet those of other tests, so types are named anew as well.
  const type = () => `order-${randomUUID()}.created`

  test('append keeps an event, its receipt says where, and handlers get it live', async () => {
    const options = place()
    const [name, bus, other] = [type(), new EventBus(options), new EventBus(options)]
    await bus.policies.apply({ 'order-*': kept })
    const live: unknown[] = []
    await other.on(name, (event) => live.push(event.data))
    const first = await bus.append(name, { n: 1 })
    expect(first).toEqual({ position: expect.stringMatching(/^1-1@[0-9a-z]{12}$/), receivers: 1, duplicate: false })
    expect((await bus.append(name, { n: 2 })).position).toMatch(/^2-1@/)
    await eventually(() => expect(live).toEqual([{ n: 1 }, { n: 2 }]))
    const events = await collect(other.history(name))
    expect(events).toMatchObject([
      { type: name, data: { n: 1 }, position: first.position },
      { type: name, data: { n: 2 } },
    ])
    expect(data(await collect(bus.history(name, { since: first.position })))).toEqual([{ n: 2 }])
    expect(data(await collect(bus.history(name, { reverse: true, limit: 1 })))).toEqual([{ n: 2 }])
    await Promise.all([bus.close(), other.close()])
  })

  test('a program that knows no policy publishes to a channel with history: it is in the log', async () => {
    const options = place()
    const [name, bus] = [type(), new EventBus(options)]
    await bus.policies.apply({ 'order-*': kept })
    await using stranger = new EventBus(options)
    await using publisher = new Publisher(options)
    await stranger.emit(name, 'emitted')
    await publisher.publishEvent(`events:${name}`, name, 'published')
    expect(data(await collect(bus.history(name)))).toEqual(['emitted', 'published'])
    await bus.close()
  })

  test('a policy that is applied is followed by those who are connected already', async () => {
    const options = place()
    const [name, bus, early] = [type(), new EventBus(options), new EventBus(options)]
    const live: unknown[] = []
    await early.on(name, (event) => live.push(event.data))
    await early.emit(name, 'before')
    await bus.policies.apply({ 'order-*': kept })
    expect(await bus.policies.get()).toEqual({ 'order-*': kept })
    await early.append(name, 'appended')
    await eventually(() => expect(live).toEqual(['before', 'appended']))
    expect(data(await collect(bus.history(name)))).toEqual(['appended'])
    await bus.policies.apply({ 'order-*': null })
    expect(await bus.policies.get()).toEqual({})
    await expect(bus.append(name, 'x')).rejects.toMatchObject({ code: 'NO_HISTORY' })
    await Promise.all([bus.close(), early.close()])
  })

  test('types with logs of their own, and types that share one, are read together by a pattern', async () => {
    const options = place()
    const [mark, bus] = [randomUUID(), new EventBus(options)]
    await bus.policies.apply({ [`${mark}.*`]: kept, [`${mark}.shared.*`]: { ...kept, log: mark } })
    const seen: unknown[] = []
    await bus.onPattern(`${mark}.*`, (_type, event) => seen.push(event.data))
    const types = [`${mark}.a`, `${mark}.shared.b`, `${mark}.c`, `${mark}.shared.d`]
    const sent: string[] = []
    for (let i = 0; i < 20; i += 1) {
      await bus.append(types[i % 4]!, String(i))
      sent.push(String(i))
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await eventually(() => expect(seen).toHaveLength(20))
    expect(data(await collect(bus.history(`${mark}.*`)))).toEqual(sent)
    expect(data(await collect(bus.history(`${mark}.shared.*`)))).toEqual(sent.filter((text) => Number(text) % 2 === 1))
    expect(data(await collect(bus.history(`${mark}.shared.b`)))).toEqual(sent.filter((text) => Number(text) % 4 === 1))
    const { position } = await bus.append(types[0]!, 'x')
    await expect(collect(bus.history(`${mark}.*`, { since: position }))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    })
    await bus.close()
  })

  test('a repeated dedupeKey gives the first receipt, marked', async () => {
    const [name, bus] = [type(), new EventBus(place())]
    await bus.policies.apply({ 'order-*': kept })
    const first = await bus.append(name, 1, { dedupeKey: 'once' })
    expect(await bus.append(name, 2, { dedupeKey: 'once' })).toEqual({
      position: first.position,
      receivers: 0,
      duplicate: true,
    })
    expect(data(await collect(bus.history(name)))).toEqual([1])
    await bus.close()
  })

  test('what the schema refuses is not appended, and what is in the log and does not fit is reported', async () => {
    const options = place()
    const name = type()
    const problems: string[] = []
    const bus = new EventBus({
      ...options,
      events: { [name]: z.object({ n: z.number() }) },
      onError: (error) => problems.push(error.code),
    })
    await bus.policies.apply({ 'order-*': kept })
    await expect(bus.append(name, { n: 'one' } as never)).rejects.toMatchObject({ code: 'INVALID_EVENT' })
    await using publisher = new Publisher(options)
    await publisher.append(`events:${name}`, 'no event')
    await bus.append(name, { n: 1 })
    expect(data(await collect(bus.history(name)))).toEqual([{ n: 1 }])
    expect(problems).toEqual(['INVALID_EVENT'])
    await bus.close()
  })

  test('a policy may allow fewer bytes than the publisher', async () => {
    const [name, bus] = [type(), new EventBus(place())]
    await bus.policies.apply({ 'order-*': { ...kept, maxBytes: 200 } })
    await expect(bus.append(name, 'x'.repeat(200))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    await expect(bus.emit(name, 'x'.repeat(200))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    await bus.close()
  })

  test.each([
    [{ 'order-*': { history: {} } }, 'INVALID_OPTION'],
    [{ 'order-*': { history: { maxCount: 0 } } }, 'INVALID_OPTION'],
    [{ 'order-*': { retention: 1 } }, 'UNKNOWN_OPTION'],
    [{ '': kept }, 'INVALID_OPTION'],
    [{ 'a*': { ...kept, log: 'one' }, 'b*': { history: { maxCount: 7 }, log: 'one' } }, 'INVALID_OPTION'],
  ])('policies that cannot be are refused: %j', async (policies, code) => {
    const bus = new EventBus(place())
    await expect(bus.policies.apply(policies as never)).rejects.toMatchObject({ code })
    expect(await bus.policies.get()).toEqual({})
    await bus.close()
  })

  test('a bus that declares other policies than Redis holds is told each difference, until they agree', async () => {
    const options = place()
    const [name, bus] = [type(), new EventBus(options)]
    await using strict = new EventBus({ ...options, policies: { 'order-*': kept, other: kept } })
    await bus.policies.apply({ 'order-*': { history: { maxCount: 5 } }, foreign: kept })
    const mismatch = {
      code: 'POLICY_MISMATCH',
      context: {
        differences: ['"order-*": history.maxCount is 100 here and 5 in Redis.', '"other" has no policy in Redis.'],
      },
    }
    await expect(strict.emit(name, 1)).rejects.toMatchObject(mismatch)
    await expect(strict.append(name, 1)).rejects.toMatchObject(mismatch)
    await expect(strict.on(name, () => {})).rejects.toMatchObject(mismatch)
    await expect(strict.onPattern('*', () => {})).rejects.toMatchObject(mismatch)
    await expect(strict.subscribe(name)).rejects.toMatchObject(mismatch)
    await expect(collect(strict.history(name))).rejects.toMatchObject(mismatch)
    await strict.policies.apply({ 'order-*': kept, other: kept })
    await Promise.all([1, 2, 3].map((n) => strict.append(name, n)))
    expect(data(await collect(strict.history(name)))).toEqual([1, 2, 3])
    expect(() => new EventBus({ ...options, policies: { x: { history: {} } } })).toThrow(/"maxCount" or "maxAgeMs"/)
    await bus.close()
  })

  test('options that cannot be are refused', async () => {
    const [name, bus] = [type(), new EventBus(place())]
    await bus.policies.apply({ 'order-*': kept })
    for (const options of [{ dedupeKey: '' }, { dedupeWindowMs: 0 }, { durability: { replicas: 0, timeoutMs: 1 } }]) {
      await expect(bus.append(name, 1, options)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    }
    await expect(bus.append(name, 1, { key: 'x' } as never)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' })
    for (const options of [{ since: 'yesterday' }, { until: new Date('x') }, { limit: 0 }]) {
      await expect(collect(bus.history(name, options))).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    }
    await expect(collect(bus.history(name, { from: 1 } as never))).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' })
    await bus.close()
  })

  test('plain subscribers on the channel and by pattern get what is appended once', async () => {
    const options = place()
    const [mark, bus] = [randomUUID(), new EventBus({ ...options, channelPrefix: '' })]
    await bus.policies.apply({ [`${mark}*`]: kept })
    await using subscriber = new Subscriber(options)
    const got: string[] = []
    await subscriber.subscribe(mark, (_channel, message) => got.push(`channel ${(message as { data: number }).data}`))
    await subscriber.psubscribe(`${mark}*`, (_pattern, channel) => got.push(`pattern ${channel === mark}`))
    await bus.append(mark, 1)
    await eventually(() => expect(got.toSorted()).toEqual(['channel 1', 'pattern true']))
    await bus.close()
  })
})

test('FLUSHALL under buses: the policies are set again, and who listens is told that the log is lost', async () => {
  const own = await RedisServer.start()
  const buses = [new EventBus({ redis: own.url }), new EventBus({ redis: own.url })] as const
  const [bus, other] = buses
  await bus.policies.apply({ 'order.*': kept })
  const seen: unknown[] = []
  await other.on('order.created', (event) => seen.push(event.data), { onGap: ({ reason }) => seen.push(reason) })
  await bus.append('order.created', 1)
  await eventually(() => expect(seen).toEqual([1]))
  await own.admin.flushall()
  await eventually(async () => expect(await bus.policies.get()).toEqual({ 'order.*': kept }), 5_000)
  expect((await bus.append('order.created', 2)).position).toMatch(/^1-1@/)
  await eventually(() => expect(seen).toEqual([1, 'lost', 2]))
  await Promise.all(buses.map((each) => each.close()))
  await own.stopWithoutLeaks()
})
