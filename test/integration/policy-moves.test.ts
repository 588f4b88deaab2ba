import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BusStatus, EventBus, type EventStream, type Policies } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

const kept = { history: { maxCount: 100_000 } }
const upTo = (count: number, from = 1) => Array.from({ length: count - from + 1 }, (_, index) => from + index)

async function take(stream: EventStream, count: number): Promise<unknown[]> {
  const got: unknown[] = []
  while (got.length < count) got.push((await stream.next()).value!.data)
  return got
}

describe.each([
  ['memory', () => ({ redis: `memory:${randomUUID()}` })],
  ['Redis', () => ({ redis: server.url, namespace: randomUUID() })],
])('readers whose policies change, on %s', (_where, place) => {
  async function open(policies: Policies) {
    const options = place()
    const sender = new EventBus(options)
    const reader = new EventBus(options)
    await sender.policies.apply(policies)
    const statuses: BusStatus[] = []
    void (async () => {
      for await (const status of reader.status()) statuses.push(status)
    })()
    const ended = { [Symbol.asyncDispose]: async () => void (await Promise.all([sender.close(), reader.close()])) }
    const gaps = () => statuses.filter(({ kind }) => kind === 'gap' || kind === 'lost')
    return { sender, reader, gaps, ...ended }
  }

  /** Resolves when everybody goes by the new policies. */
  const seen = async (bus: EventBus, policies: Policies) => {
    await bus.policies.apply(policies)
    // Policies are read about every second.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
  }

  const append = (bus: EventBus, name: string, numbers: readonly number[]) =>
    Promise.all(numbers.map((n) => bus.append(name, n)))

  test.each([{}, { since: 'start' as const }])(
    'a pattern that is behind keeps its place when another policy is applied, with %j',
    async (since) => {
      await using arena = await open({ 'order.*': kept })
      const { sender, reader, gaps } = arena
      await using stream = await reader.subscribePattern('order.*', { buffer: 10, ...since })
      await append(sender, 'order.created', upTo(600))
      expect(await take(stream, 5)).toEqual(upTo(5))
      await seen(sender, { 'order.debug': { history: false }, 'order.audit': { ...kept, log: 'audit' } })
      await append(sender, 'order.audit', [601])
      expect((await take(stream, 596)).toSorted((one, other) => Number(one) - Number(other))).toEqual(upTo(601, 6))
      expect([stream.dropped, gaps()]).toEqual([0, []])
    },
  )

  test('a channel that is behind, and is moved to a log that others share, is read to its end, and goes on there', async () => {
    await using arena = await open({ 'order.*': kept })
    const { sender, reader, gaps } = arena
    await using stream = await reader.subscribe('order.created', { buffer: 10, since: 'start' })
    await append(sender, 'order.created', upTo(600))
    expect(await take(stream, 5)).toEqual(upTo(5))
    await seen(sender, { 'order.*': { ...kept, log: 'orders' } })
    await append(sender, 'order.created', upTo(650, 601))
    const rest = await take(stream, 645)
    expect(rest.filter((n) => Number(n) <= 600)).toEqual(upTo(600, 6))
    expect(rest.filter((n) => Number(n) > 600)).toEqual(upTo(650, 601))
    expect([stream.dropped, gaps()]).toEqual([0, []])
  })

  test('a handler that is reading what was kept gets all of it when the log is moved meanwhile', async () => {
    await using arena = await open({ 'order.*': kept })
    const { sender, reader, gaps } = arena
    for (let n = 0; n < 20; n += 1) await append(sender, 'order.created', upTo(1_000 * (n + 1), 1_000 * n + 1))
    const got: unknown[] = []
    await reader.on('order.created', ({ data }) => got.push(data), { since: 'start' })
    await sender.policies.apply({ 'order.*': { ...kept, log: 'orders' } })
    // To begin further back it reads the policies at once.
    await reader.on('order.other', () => {}, { since: 'start' })
    await eventually(() => expect(got.length).toBe(20_000), 10_000)
    expect([got, gaps()]).toEqual([upTo(20_000), []])
  })

  test('an iterator that is behind when its history is turned off gets what was kept, and then what is live', async () => {
    await using arena = await open({ 'order.*': kept })
    const { sender, reader, gaps } = arena
    await using stream = await reader.subscribe('order.created', { buffer: 10 })
    await using pattern = await reader.subscribePattern('order.*', { buffer: 10 })
    await append(sender, 'order.created', upTo(600))
    await seen(sender, { 'order.*': { history: false } })
    expect([await take(stream, 600), await take(pattern, 600)]).toEqual([upTo(600), upTo(600)])
    await eventually(async () => {
      await sender.emit('order.created', 601)
      expect(await Promise.all([take(stream, 1), take(pattern, 1)])).toEqual([[601], [601]])
    })
    expect([stream.dropped, pattern.dropped, gaps()]).toEqual([0, 0, []])
  })

  test('what is appended while a channel moves between logs comes exactly once', { timeout: 30_000 }, async () => {
    await using arena = await open({ 'order.*': kept, 'other.*': { ...kept, log: 'orders' } })
    const { sender, reader, gaps } = arena
    const got: Record<string, number[]> = { channel: [], pattern: [] }
    await append(sender, 'other.1', [0])
    await reader.on('order.created', ({ data }) => got.channel!.push(data as number))
    await reader.onPattern('order.*', (_type, { data }) => got.pattern!.push(data as number))
    let n = 0
    let ended = false
    const load = (async () => {
      while (!ended) {
        n += 1
        await sender.append('order.created', n)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    })()
    for (const policy of [{ ...kept, log: 'orders' }, kept, { ...kept, log: 'orders' }]) {
      await seen(sender, { 'order.*': policy })
    }
    ended = true
    await load
    await eventually(() => {
      for (const numbers of Object.values(got)) expect(numbers.toSorted((a, b) => a - b)).toEqual(upTo(n))
    })
    expect(gaps()).toEqual([])
  })

  test('what is kept from the moment in which history is turned on reaches who listened before', {
    timeout: 30_000,
  }, async () => {
    await using arena = await open({ 'order.*': { history: false } })
    const { sender, reader, gaps } = arena
    const got: Record<string, Set<unknown>> = { channel: new Set(), pattern: new Set(), all: new Set() }
    await reader.on('order.created', ({ data }) => got.channel!.add(data))
    await reader.onPattern('order.*', (_type, { data }) => got.pattern!.add(data))
    await reader.onPattern('*', (_type, { data }) => got.all!.add(data))
    let n = 0
    let ended = false
    const load = (async () => {
      while (!ended) {
        n += 1
        await sender.emit('order.created', n)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    })()
    const before = n
    await seen(sender, { 'order.*': kept })
    ended = true
    await load
    // What is published by who does not know of it yet is in no log.
    const expected = new Set<unknown>(upTo(before))
    for await (const { data } of sender.history('order.created')) expected.add(data)
    expect(expected.size).toBeGreaterThan(before)
    await eventually(() => {
      for (const numbers of Object.values(got)) expect([...expected].filter((each) => !numbers.has(each))).toEqual([])
    })
    expect(gaps()).toEqual([])
  })
})
