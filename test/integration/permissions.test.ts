import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EventBus, Monitor, Publisher, Subscriber } from '../../src/index.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
  const { admin } = server
  await admin.acl(
    'SETUSER',
    'scripts',
    'on',
    '>p',
    '+eval',
    '+publish',
    '+subscribe',
    '+psubscribe',
    '+ping',
    '+info',
    'resetchannels',
    '&ok:*',
  )
  await admin.acl('SETUSER', 'plain', 'on', '>p', '+publish', '+ping', '+info', '&*')
})
afterAll(() => server.stopWithoutLeaks())

const as = (user: string) => `redis://${user}:p@127.0.0.1:${server.port}`

test('a channel that the ACL forbids fails its own message and no other of the same tick', async () => {
  await using publisher = new Publisher({ redis: as('scripts') })
  const results = await Promise.allSettled(
    ['ok:1', 'forbidden', 'ok:2', 'forbidden', 'ok:3'].map((channel) => publisher.publish(channel, 'x')),
  )
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'NO_PERMISSION', retryable: false })
  }
  await expect(publisher.publish('forbidden', 'alone')).rejects.toMatchObject({ code: 'NO_PERMISSION' })
  for (const alike of await Promise.allSettled(['1', '2'].map((text) => publisher.publish('forbidden', text)))) {
    expect(alike).toMatchObject({ status: 'rejected', reason: { code: 'NO_PERMISSION' } })
  }
})

test('a user that may not run scripts publishes all the same, in order', async () => {
  await using subscriber = new Subscriber({ redis: server.url })
  await using publisher = new Publisher({ redis: as('plain') })
  const received: unknown[] = []
  await subscriber.subscribe('plain', (_c, n) => received.push(n))
  const counts = await Promise.all(Array.from({ length: 1_000 }, (_, n) => publisher.publish('plain', n)))
  expect(new Set(counts)).toEqual(new Set([1]))
  await publisher.publish('plain', 'lone')
  await expect.poll(() => received.length).toBe(1_001)
  expect(received).toEqual([...Array.from({ length: 1_000 }, (_, n) => n), 'lone'])
})

test('a channel that may not be subscribed fails its own call, while others of the same tick succeed', async () => {
  await using subscriber = new Subscriber({ redis: as('scripts') })
  const results = await Promise.allSettled([
    subscriber.subscribe('ok:1', () => {}),
    subscriber.subscribe('forbidden', () => {}),
    subscriber.subscribe('ok:2', () => {}),
    subscriber.psubscribe('ok:*', () => {}),
    subscriber.psubscribe('*', () => {}),
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'rejected'])
  expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'NO_PERMISSION' })
})

test('patterns that an ACL names one by one are subscribed one by one where a shared one is refused', async () => {
  const patterns = Array.from({ length: 40 }, (_, n) => `user:${n}:*`)
  await server.admin.acl(
    'SETUSER',
    'narrow',
    'on',
    '>p',
    '+psubscribe',
    '+ping',
    '+info',
    'resetchannels',
    ...patterns.map((pattern) => `&${pattern}`),
  )
  await using subscriber = new Subscriber({ redis: as('narrow') })
  await using publisher = new Publisher({ redis: server.url })
  const received: string[] = []
  await Promise.all(patterns.map((pattern) => subscriber.psubscribe(pattern, (_p, channel) => received.push(channel))))
  expect(await publisher.getPatternCount()).toBe(40)
  for (const n of [0, 17, 39]) expect(await publisher.publish(`user:${n}:x`, 1)).toBe(1)
  await expect.poll(() => received).toEqual(['user:0:x', 'user:17:x', 'user:39:x'])
})

test('the user that docs/connections.md describes may do what Tidings does, and no more', async () => {
  const page = readFileSync(new URL('../../docs/connections.md', import.meta.url), 'utf8')
  const [, line = ''] = /```\nACL ([^`]+)```/.exec(page) ?? []
  await server.admin.call('ACL', line.replaceAll('\\\n', ' ').trim().split(/\s+/))
  const redis = `redis://tidings:password@127.0.0.1:${server.port}`
  await using bus = new EventBus({
    redis: { host: '127.0.0.1', port: server.port, username: 'tidings', password: 'password', connectionName: 'acl' },
  })
  await using monitor = new Monitor({ redis })
  const received: unknown[] = []
  await bus.on('order.created', (event) => received.push(event.data))
  await bus.onPattern('*', (type) => received.push(type))
  await bus.reply('sum', () => 42)
  expect(await Promise.all([bus.emit('order.created', 1), bus.emit('order.created', 2)])).toEqual([2, 2])
  expect(await bus.request('sum', {})).toBe(42)
  expect(await monitor.snapshot()).toMatchObject({ patterns: 1 })
  await expect.poll(() => received.toSorted()).toEqual([1, 2, 'order.created', 'order.created'])

  await using publisher = new Publisher({ redis })
  await expect(publisher.publish('elsewhere', 'x')).rejects.toMatchObject({ code: 'NO_PERMISSION' })
  for (const command of ['FLUSHALL', 'CONFIG GET a', 'KEYS a', 'SCAN 0', 'GET a', 'SET a b']) {
    const verdict = await server.admin.call('ACL', 'DRYRUN', 'tidings', ...command.split(' '))
    expect(String(verdict), command).toMatch(/no permissions/)
  }
})

test('a user with just what the docs name appends, reads and follows channels with history', async () => {
  const docs = readFileSync(new URL('../../docs/connections.md', import.meta.url), 'utf8')
  const recipes = Array.from(docs.matchAll(/```\n(ACL SETUSER tidings [^`]*)```/g), ([, recipe]) => recipe!)
  expect(recipes).toHaveLength(2)
  for (const recipe of recipes) {
    const words = recipe.replaceAll('\\\n', ' ').trim().split(/\s+/).slice(3)
    await server.admin.acl('SETUSER', 'historian', ...words.map((word) => (word === '>password' ? '>p' : word)))
  }
  await using bus = new EventBus({ redis: as('historian') })
  const problems: unknown[] = []
  bus.subscriber.on('error', (error) => problems.push(error))
  await bus.policies.apply({ 'kept.*': { history: { maxCount: 10, maxAgeMs: 60_000 } } })
  const live: unknown[] = []
  await bus.on('kept.a', (event) => live.push(event.data))
  await bus.append('kept.a', 1, { dedupeKey: 'one', durability: { replicas: 1, timeoutMs: 10 } })
  for (let i = 2; i <= 30; i += 1) await bus.append('kept.a', i)
  await expect.poll(() => live.length).toBe(30)
  const [key] = await server.admin.keys('tidings:*}:log:events:kept.a')
  await server.admin.xadd(key!, '*', 'foreign', 'x')
  await bus.append('kept.a', 31)
  const kept: unknown[] = []
  for await (const { data } of bus.history('kept.*')) kept.push(data)
  expect(kept).toEqual([22, 23, 24, 25, 26, 27, 28, 29, 30, 31])
  expect(problems.map((error) => (error as { code: string }).code)).toEqual(['FOREIGN_ENTRIES'])
})

test('a user who may not read the policies is told so, once, and goes on live', async () => {
  await using publisher = new Publisher({ redis: as('plain') })
  await using subscriber = new Subscriber({ redis: as('scripts') })
  const problems: string[] = []
  subscriber.on('error', ({ message }) => problems.push(message))
  await subscriber.subscribe('ok:1', () => {})
  await subscriber.subscribe('ok:2', () => {})
  await publisher.publish('ok:1', 'x')
  expect(problems).toEqual([expect.stringContaining('read the policies')])
})
