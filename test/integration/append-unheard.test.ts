import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { RedisEventLog } from '../../src/backends/redis/event-log.ts'
import { decodeFrame } from '../../src/core/live-frame.ts'
import { channelLog, keysOf, openEventLog, texts } from '../support/event-log.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

const COUNT = 100
const payloads = Array.from({ length: COUNT }, (_, n) => `message ${n}`)

let server: RedisServer
let eventLog: RedisEventLog
const ending: (() => unknown)[] = []

beforeAll(async () => {
  server = await RedisServer.start()
  eventLog = openEventLog(server.port)
})
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})
afterAll(async () => {
  await eventLog.close()
  await server.stopWithoutLeaks()
})

/** So many that the script asks who listens, in one call. */
async function appendMany(log: RedisEventLog, name: string): Promise<number[]> {
  const message = { channel: name, retention: { maxCount: 1_000 } }
  const appended = await Promise.all(payloads.map((payload) => log.append(channelLog(name), { ...message, payload })))
  expect((await texts(log, channelLog(name))).slice(-COUNT)).toEqual(payloads)
  return [...new Set(appended.map(({ receivers }) => receivers))]
}

async function listen(port: number, kind: 'subscribe' | 'psubscribe', name: string): Promise<Buffer[]> {
  const client = new Redis({ port, host: '127.0.0.1' })
  ending.push(() => client.quit())
  const received: Buffer[] = []
  client.on('messageBuffer', (_channel, payload) => received.push(payload))
  client.on('pmessageBuffer', (_pattern, _channel, payload) => received.push(payload))
  await client[kind](name)
  return received
}

const liveOf = (name: string) => keysOf(channelLog(name)).stream.replace(':log:', ':live:log:')
const inFrames = (frames: readonly Buffer[]) =>
  frames.flatMap((frame) => decodeFrame(frame, '')?.entries.map(({ payload }) => String(payload)))

test('many messages that nobody listens to are kept, and none is published', async () => {
  const before = await published()
  expect(await appendMany(eventLog, 'silent')).toEqual([0])
  expect((await published()) - before).toBe(0)

  async function published(): Promise<number> {
    const stats = await server.admin.info('commandstats')
    return Number(/cmdstat_publish:calls=(\d+)/.exec(stats)?.[1] ?? 0)
  }
})

test.each([
  ['the channel', 'subscribe', 'own'],
  ['a pattern', 'psubscribe', 'patt*rn'],
] as const)("who listens to %s's own name gets each of many messages", async (_who, kind, name) => {
  const received = await listen(server.port, kind, name)
  expect(await appendMany(eventLog, name.replace('*', 'e'))).toEqual([1])
  await eventually(() => expect(received.map(String)).toEqual(payloads))
})

test('who follows the log live gets each of many messages', async () => {
  const frames = await listen(server.port, 'subscribe', liveOf('followed'))
  expect(await appendMany(eventLog, 'followed')).toEqual([1])
  await eventually(() => expect(inFrames(frames)).toEqual(payloads))
})

test('messages of many logs at once each reach whoever listens to them, by whatever name', async () => {
  const names = Array.from({ length: 40 }, (_, n) => `mixed:${n}`)
  const own = await Promise.all(names.map((name, n) => (n % 2 ? listen(server.port, 'subscribe', name) : [])))
  const live = await Promise.all(
    names.map((name, n) => (n % 4 > 1 ? listen(server.port, 'subscribe', liveOf(name)) : [])),
  )
  const receivers = await Promise.all(names.map((name) => appendMany(eventLog, name)))
  expect(receivers.flat()).toEqual(names.map((_, n) => (n % 2) + (n % 4 > 1 ? 1 : 0)))
  const all = (listened: boolean) => (listened ? payloads : [])
  await eventually(() => {
    expect(own.map((messages) => messages.map(String))).toEqual(names.map((_, n) => all(n % 2 === 1)))
    expect(live.map(inFrames)).toEqual(names.map((_, n) => all(n % 4 > 1)))
  })
})

test('who listens to a replica gets each of many messages', async () => {
  const replica = await RedisServer.start({
    config: { 'repl-diskless-sync-delay': '0', replicaof: `127.0.0.1 ${server.port}` },
  })
  ending.push(() => replica.stop())
  await eventually(
    async () => expect(await replica.admin.info('replication')).toContain('master_link_status:up'),
    20_000,
  )
  const received = await listen(replica.port, 'subscribe', 'copied')
  const frames = await listen(replica.port, 'subscribe', liveOf('copied'))
  expect(await appendMany(eventLog, 'copied')).toEqual([0])
  await eventually(() => expect(received.map(String)).toEqual(payloads))
  await eventually(() => expect(inFrames(frames)).toEqual(payloads))
})

test('a user who may not ask who listens reaches all the same', async () => {
  const { admin } = server
  await admin.acl('SETUSER', 'unasking', 'on', '>secret', '~*', '&*', '+@all', '-pubsub')
  const asked = openEventLog(server.port, 5_000, 'unasking')
  ending.push(() => asked.close())
  const received = await listen(server.port, 'subscribe', 'unasked')
  expect(await appendMany(asked, 'unasked')).toEqual([1])
  await eventually(() => expect(received.map(String)).toEqual(payloads))
})
