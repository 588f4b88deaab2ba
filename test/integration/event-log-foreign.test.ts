import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connect } from '../../src/connection/connect.ts'
import type { Connection } from '../../src/connection/connection.ts'
import type { Policies } from '../../src/core/policy.ts'
import { EventBus } from '../../src/messaging/event-bus.ts'
import type { ForeignMessages } from '../../src/monitor/foreign-watch.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { createMetrics } from '../../src/monitor/prometheus.ts'
import { eventually } from '../support/eventually.ts'
import { memoryHub } from '../support/memory-hub.ts'
import { byChannel, parsePrometheusText } from '../support/prometheus-text.ts'
import { RedisServer } from '../support/redis-server.ts'

const history = { maxCount: 100_000 }
const POLICIES: Policies = { 'order.*': { history }, 'audit.*': { history, log: 'audit' } }
const FOREIGN = 'tidings_foreign_messages_total'

let server: RedisServer
const opened: { close(): Promise<unknown> }[] = []
const open = <T extends { close(): Promise<unknown> }>(object: T): T => {
  opened.push(object)
  return object
}

beforeAll(async () => {
  server = await RedisServer.start()
})
beforeEach(async () => {
  await server.admin.flushall()
})
afterEach(async () => {
  for (const object of opened.splice(0).reverse()) await object.close()
})
afterAll(() => server.stopWithoutLeaks())

async function publisher(redis: string = server.url): Promise<Connection> {
  const connection = open(await connect(redis))
  const { version } = await connection.eventLog.policies()
  if (version === 0) await connection.eventLog.replacePolicies(0, POLICIES)
  return connection
}

/** Everything that was published before has been seen by the watch, and everything foreign has been counted. */
async function settled(counts: () => Map<string, number>, channel: string, publish: () => unknown): Promise<void> {
  const before = counts().get(channel)!
  await publish()
  await eventually(() => expect(counts().get(channel)).toBeGreaterThan(before))
}

test("another program's message on a channel with history reaches no handler and no log, and is counted", async () => {
  await publisher()
  const bus = open(new EventBus({ redis: server.url, channelPrefix: '' }))
  const events: unknown[] = []
  await bus.on('order.created', ({ data }) => events.push(data))
  const monitor = open(new Monitor({ redis: server.url }))
  const reports: ForeignMessages[] = []
  const watch = await monitor.watchForeign(['order.created', 'order.paid'], {
    onForeign: (messages) => reports.push(messages),
  })
  expect(watch.counts()).toEqual(
    new Map([
      ['order.created', 0],
      ['order.paid', 0],
    ]),
  )
  await server.admin.publish('order.created', JSON.stringify({ data: 'foreign' }))
  await eventually(() => expect(reports).toEqual([{ channel: 'order.created', count: 1 }]))
  await bus.emit('order.created', 'ours')
  await eventually(() => expect(events).toEqual(['ours']))
  const kept: unknown[] = []
  for await (const { data } of bus.history('order.created')) kept.push(data)
  expect(kept).toEqual(['ours'])
  expect([...watch.counts().values()]).toEqual([1, 0])
})

test.each([
  ['small messages', 10, 4_000],
  ['messages that come in pieces', 50_000, 300],
])('%s from four programs, among them foreign ones: these are counted exactly', async (_name, bytes, rounds) => {
  const senders = await Promise.all(Array.from({ length: 4 }, () => publisher()))
  const monitor = open(new Monitor({ redis: server.url }))
  const channels = ['order.1', 'audit.1', 'audit.2']
  const watch = await monitor.watchForeign(channels)
  const foreign = new Map(channels.map((channel) => [channel, 0]))
  const payload = 'x'.repeat(bytes)
  const sent: Promise<unknown>[] = []
  for (let round = 0; round < rounds; round += 1) {
    const channel = channels[(round * round + round) % 3]!
    sent.push(senders[round % 4]!.pubSub.append(channel, payload))
    // Of a shared log, a channel that nobody watches.
    if (round % 7 === 0) sent.push(senders[0]!.pubSub.append('audit.3', payload))
    if (round % 5 === 0) {
      const other = channels[round % 3]!
      foreign.set(other, foreign.get(other)! + 1)
      sent.push(server.admin.publish(other, payload))
    }
    // A few at a time, so that what is appended together is now little and now much.
    if (round % 23 === 0) await sent.at(-1)
  }
  await Promise.all(sent)
  for (const channel of channels) {
    foreign.set(channel, foreign.get(channel)! + 1)
    await settled(watch.counts, channel, () => server.admin.publish(channel, 'end'))
  }
  await eventually(() => expect(watch.counts()).toEqual(foreign))
})

test('broken connections: what is appended is never taken for foreign, and later foreign messages are counted', async () => {
  const sender = await publisher()
  const connection = open(await connect(server.url))
  const monitor = open(new Monitor({ redis: connection }))
  const watch = await monitor.watchForeign(['order.1'])
  let interruptions = 0
  connection.pubSub.onStatus(({ kind }) => {
    if (kind === 'interruption') interruptions += 1
  })
  const sent: Promise<unknown>[] = []
  const load = setInterval(() => {
    for (let i = 0; i < 20; i += 1) sent.push(sender.pubSub.append('order.1', `${i}`))
  }, 2)
  for (let round = 1; round <= 10; round += 1) {
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually(() => expect(interruptions).toBe(round))
  }
  clearInterval(load)
  await Promise.all(sent)
  // The last one is counted, and so all that came before it has been.
  await settled(watch.counts, 'order.1', () => server.admin.publish('order.1', 'foreign'))
  expect(watch.counts().get('order.1')).toBe(1)
})

test('a message whose frame a broken connection may have taken away is not counted', async () => {
  await publisher()
  const connection = open(await connect(server.url))
  const monitor = open(new Monitor({ redis: connection }))
  const watch = await monitor.watchForeign(['order.1'])
  let interruptions = 0
  connection.pubSub.onStatus(({ kind }) => {
    if (kind === 'interruption') interruptions += 1
  })
  let received = 0
  await connection.pubSub.plain.subscribe('channel', 'order.1', () => {
    received += 1
  })
  for (let round = 1; round <= 3; round += 1) {
    await server.admin.publish('order.1', 'whose frame never comes')
    await eventually(() => expect(received).toBe(round))
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually(() => expect(interruptions).toBe(round))
  }
  await settled(watch.counts, 'order.1', () => server.admin.publish('order.1', 'foreign'))
  expect(watch.counts().get('order.1')).toBe(1)
})

test('policies that change: a channel is followed to its new log, and without history nothing is counted', async () => {
  const sender = await publisher()
  const monitor = open(new Monitor({ redis: server.url }))
  const watch = await monitor.watchForeign(['order.1'])
  const change = async (version: number, policies: Policies) => {
    await sender.eventLog.replacePolicies(version, policies)
    await sender.pubSub.readPolicies()
  }
  // Sends for longer than it takes to count.
  const send = async () => {
    for (const until = performance.now() + 1_600; performance.now() < until; )
      await sender.pubSub.publish('order.1', '')
  }
  await change(1, { 'order.*': { history, log: 'all' } })
  await send()
  await change(2, { 'order.*': { history: false } })
  await send()
  expect(watch.counts().get('order.1')).toBe(0)
  await change(3, POLICIES)
  await send()
  await settled(watch.counts, 'order.1', () => server.admin.publish('order.1', 'foreign'))
  expect(watch.counts().get('order.1')).toBe(1)
})

test('a watch that cannot be had, or is closed, leaves no subscription', async () => {
  await publisher()
  const connection = open(await connect(server.url))
  const monitor = open(new Monitor({ redis: connection }))
  await expect(monitor.watchForeign(['order.1', 'news'])).rejects.toMatchObject({ code: 'NO_HISTORY' })
  await expect(monitor.watchForeign([''])).rejects.toMatchObject({ code: 'INVALID_CHANNEL' })
  await expect(monitor.watchForeign('order.1' as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  await expect(monitor.watchForeign([], { onForeign: 1 as never })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  await expect(monitor.watchForeign([], { every: 1 } as never)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' })
  const watch = await monitor.watchForeign(['order.1'])
  await settled(watch.counts, 'order.1', () => server.admin.publish('order.1', 'foreign'))
  await watch.close()
  const other = await monitor.watchForeign(['order.1'])
  await monitor.close()
  await eventually(async () => expect(await server.admin.call('PUBSUB', 'CHANNELS')).toEqual([]))
  await server.admin.publish('order.1', 'foreign')
  expect(watch.counts().get('order.1')).toBe(1)
  expect(other.counts().get('order.1')).toBe(0)
  await expect(monitor.watchForeign(['order.1'])).rejects.toMatchObject({ code: 'CLOSED' })
})

test('a callback that throws is logged, and counting goes on', async () => {
  await publisher()
  const logged: unknown[] = []
  const silent = () => {}
  const logger = { debug: silent, info: silent, warn: silent, error: (fields: object) => logged.push(fields) }
  const monitor = open(new Monitor({ redis: server.url, logger }))
  const failure = new Error('mine')
  const onForeign = () => {
    throw failure
  }
  const { counts } = await monitor.watchForeign(['order.1'], { onForeign })
  for (let i = 0; i < 2; i += 1) await settled(counts, 'order.1', () => server.admin.publish('order.1', 'foreign'))
  expect(logged).toEqual([{ err: failure }, { err: failure }])
})

test('in memory it counts the same', async () => {
  const sender = await publisher(memoryHub())
  const monitor = open(new Monitor({ redis: sender }))
  const { counts } = await monitor.watchForeign(['order.1', 'audit.1'])
  for (let i = 0; i < 200; i += 1) {
    const appended = [sender.pubSub.append('order.1', 'ours'), sender.pubSub.append('audit.1', 'ours')]
    if (i % 2 === 0) await sender.pubSub.plain.publish('audit.1', 'foreign')
    await Promise.all(appended)
  }
  await settled(counts, 'order.1', () => sender.pubSub.plain.publish('order.1', 'foreign'))
  expect([...counts()]).toEqual([
    ['order.1', 1],
    ['audit.1', 100],
  ])
})

test('Prometheus: every watched channel has its count from the start, by the rules for labels', async () => {
  await publisher()
  const monitor = open(new Monitor({ redis: server.url }))
  const foreign = await monitor.watchForeign(['order.1', 'order.2', 'audit.1', 'audit.2'])
  const scrape = async (metrics: { metrics(): Promise<string> }) =>
    byChannel(parsePrometheusText(await metrics.metrics()), FOREIGN)
  const metrics = open(createMetrics({ foreign, channelLabel: ['order.*'], maxChannels: 1 }))
  expect(await scrape(metrics)).toEqual(new Map(Object.entries({ 'order.*': 0, 'audit.1': 0, other: 0 })))
  for (const channel of foreign.counts().keys()) {
    await settled(foreign.counts, channel, () => server.admin.publish(channel, 'foreign'))
  }
  expect(await scrape(metrics)).toEqual(new Map(Object.entries({ 'order.*': 2, 'audit.1': 1, other: 1 })))
  const { registry } = metrics
  await metrics.close()
  expect(registry.getSingleMetric(FOREIGN)).toBeUndefined()
})
