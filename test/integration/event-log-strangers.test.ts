import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { RedisEventLog } from '../../src/backends/redis/event-log.ts'
import type { TidingsError } from '../../src/core/errors.ts'
import { channelLog, keysOf, openEventLog, texts } from '../support/event-log.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'
import { SlotGuard } from '../support/slot-guard.ts'

const retention = { maxCount: 1_000 }
const log = channelLog('orders')
const { stream, head } = keysOf(log)

let server: RedisServer
let guard: SlotGuard
let eventLog: RedisEventLog
let warnings: TidingsError[]

beforeAll(async () => {
  server = await RedisServer.start()
  guard = await SlotGuard.on(server)
  eventLog = openEventLog(server.port)
  eventLog.onWarning((error) => warnings.push(error))
})
afterAll(async () => {
  guard.end()
  await eventLog.close()
  await server.stopWithoutLeaks()
})
beforeEach(async () => {
  warnings = []
  await server.admin.flushall()
})

const append = (payload: string, name = 'orders') =>
  eventLog.append(channelLog(name), { channel: name, payload, retention })

test.each([
  ['a clock ID', '*'],
  ['the highest ID there is', '18446744073709551615-18446744073709551615'],
  ["the number of the log's next entry", '3-0'],
  ["the very ID of the log's next entry", '3-1'],
])('an entry that a stranger adds under %s is moved away, and numbering goes on', async (_name, id) => {
  const first = await append('one')
  await append('two')
  await server.admin.xadd(stream, id, 'field', 'foreign')
  expect(await texts(eventLog, log)).toEqual(['one', 'two'])
  expect((await append('three')).position).toEqual({ ...first.position, seq: 3 })
  expect((await append('four')).position.seq).toBe(4)
  expect(await texts(eventLog, log)).toEqual(['one', 'two', 'three', 'four'])
  expect(warnings.map(({ code, context }) => [code, context])).toEqual([
    ['FOREIGN_ENTRIES', { log: 'orders', count: 1 }],
  ])
  const quarantine = stream.replace(':log:', ':quarantine:log:')
  expect(JSON.stringify(await server.admin.xrange(quarantine, '-', '+'))).toContain('"field","foreign"')
})

test('2,500 foreign entries are moved in one call', async () => {
  await append('one')
  const pipeline = server.admin.pipeline()
  for (let i = 0; i < 2_500; i += 1) pipeline.xadd(stream, '*', 'n', i)
  await pipeline.exec()
  expect((await append('two')).position.seq).toBe(2)
  expect(await texts(eventLog, log)).toEqual(['one', 'two'])
  expect(warnings[0]?.context).toEqual({ log: 'orders', count: 2_500 })
})

test('a key of another type fails the messages of its log alone', async () => {
  await server.admin.set(keysOf(channelLog('broken')).stream, 'text')
  // Both logs in one partition, so that their messages leave in one call.
  const results = await Promise.allSettled([append('a'), append('x', 'broken'), append('b'), append('y', 'broken')])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected'])
  expect(results[1]).toMatchObject({ reason: { code: 'REDIS_ERROR', message: expect.stringContaining('WRONGTYPE') } })
  expect(await texts(eventLog, log)).toEqual(['a', 'b'])
})

test('a head of another type fails the messages of its log', async () => {
  await server.admin.set(head, 'text')
  await expect(append('a')).rejects.toMatchObject({ code: 'REDIS_ERROR' })
})

test('when the stream is gone, a new log begins: another epoch, numbers from 1', async () => {
  const before = await append('one')
  await server.admin.del(stream)
  expect((await eventLog.read(log, { limit: 1 })).head).toBeUndefined()
  const after = await append('two')
  expect(after.position).toMatchObject({ seq: 1, gen: 1 })
  expect(after.position.epoch).not.toBe(before.position.epoch)
})

test('when the head is gone, a new log begins and readers see nothing of the old one', async () => {
  const before = await append('one')
  await append('two')
  await server.admin.del(head)
  const after = await append('three')
  expect(after.position.seq).toBe(1)
  expect(after.position.epoch).not.toBe(before.position.epoch)
  expect(await texts(eventLog, log)).toEqual(['three'])
})

test("a stranger's XTRIM leaves a hole at the start, and numbering goes on", async () => {
  for (const payload of ['one', 'two', 'three']) await append(payload)
  await server.admin.xtrim(stream, 'MAXLEN', 1)
  expect(await texts(eventLog, log)).toEqual(['three'])
  expect((await append('four')).position.seq).toBe(4)
  await server.admin.xtrim(stream, 'MAXLEN', 0)
  expect((await append('five')).position.seq).toBe(5)
  expect(await texts(eventLog, log)).toEqual(['five'])
})

test('SCRIPT FLUSH between and during appends is not noticed', async () => {
  await append('0')
  const sent: Promise<unknown>[] = []
  for (let i = 1; i <= 500; i += 1) {
    sent.push(append(String(i)))
    if (i % 100 === 0) {
      await server.admin.script('FLUSH')
      await null
    }
  }
  await Promise.all(sent)
  await server.admin.script('FLUSH')
  await append('501')
  expect(await texts(eventLog, log)).toEqual(Array.from({ length: 502 }, (_, i) => String(i)))
})

test('out of memory: the append is refused by name, nothing is stored or published, and later ones work', async () => {
  await append('one')
  const heard: string[] = []
  const reader = server.admin.duplicate()
  await reader.subscribe('orders')
  reader.on('message', (_channel, message) => heard.push(message))
  await server.admin.config('SET', 'maxmemory', '1mb')
  await expect(append('two')).rejects.toMatchObject({ code: 'WRITE_REFUSED', retryable: true })
  expect(await texts(eventLog, log)).toEqual(['one'])
  await server.admin.config('SET', 'maxmemory', '0')
  expect((await append('three')).position.seq).toBe(2)
  await expect.poll(() => heard).toEqual(['three'])
  reader.disconnect()
})

test('without enough replicas the append is refused by name', async () => {
  await append('one')
  await server.admin.config('SET', 'min-replicas-to-write', '1')
  try {
    await expect(append('two')).rejects.toMatchObject({ code: 'WRITE_REFUSED' })
  } finally {
    await server.admin.config('SET', 'min-replicas-to-write', '0')
  }
  expect((await append('three')).position.seq).toBe(2)
})

test('a user without permission for the keys is told so', async () => {
  await server.admin.call('ACL', 'SETUSER', 'limited', 'on', '>secret', '+@all', '~other:*', '&*')
  const limited = openEventLog(server.port, 5_000, 'limited')
  try {
    await expect(limited.append(log, { channel: 'orders', payload: 'x', retention })).rejects.toMatchObject({
      code: 'NO_PERMISSION',
    })
    await expect(limited.read(log, { limit: 1 })).rejects.toMatchObject({ code: 'NO_PERMISSION' })
  } finally {
    await limited.close()
  }
})

test('a deployment of another format, or of other partitions, is refused', async () => {
  await server.admin.hset('tidings:deployment', 'format', '2')
  const newer = openEventLog(server.port)
  await expect(newer.append(log, { channel: 'orders', payload: 'x', retention })).rejects.toMatchObject({
    code: 'DEPLOYMENT_MISMATCH',
    message: expect.stringContaining('format 2'),
  })
  await expect(newer.policies()).rejects.toMatchObject({ code: 'DEPLOYMENT_MISMATCH' })
  await newer.close()
  await server.admin.hset('tidings:deployment', { format: '1', partitions: '64' })
  const other = openEventLog(server.port)
  await expect(other.append(log, { channel: 'orders', payload: 'x', retention })).rejects.toMatchObject({
    code: 'DEPLOYMENT_MISMATCH',
    message: expect.stringContaining('64 partitions'),
  })
  await other.close()
})

test('logs whose time is up before their call ends leave nothing behind', async () => {
  const log = new RedisEventLog({
    client: { host: '127.0.0.1', port: server.port },
    commandTimeoutMs: 5_000,
    queue: { maxCount: 1_000, maxBytes: 1_000_000 },
    namespace: 'brief',
    partitions: 1,
  })
  const names = Array.from({ length: 250 }, (_, n) => `brief:${n}`)
  const message = { payload: 'x', retention: { maxAgeMs: 1 } }
  await Promise.all(names.map((name) => log.append(channelLog(name), { ...message, channel: name })))
  await log.close()
  await eventually(async () => expect(await server.admin.keys('brief:*:log:*')).toEqual([]))
})
