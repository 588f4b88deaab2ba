import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { EventBus, NotificationService } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient, listenTo, openGateway, upTo } from '../support/gateway.ts'
import { RedisServer } from '../support/redis-server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const FILE = join(root, 'deploy/redis-acl.txt')
const USER = 'tidings-gateway'

let dir: string
let redis: RedisServer
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tidings-acl-'))
  copyFileSync(FILE, join(dir, 'users.acl'))
  // As an administrator would: the file as it is, and default for the test's own looking on.
  redis = await RedisServer.start({ config: { aclfile: join(dir, 'users.acl') } })
})
afterAll(async () => {
  await redis.stopWithoutLeaks()
  await rm(dir, { recursive: true })
})

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

const gatewayUser = () => ({
  redis: { host: '127.0.0.1', port: redis.port, username: USER, password: 'change-me', connectionName: 'node' },
})

/** Redis's verdict on one command of the user; `OK` where it may. */
async function verdict(command: string): Promise<string> {
  return String(await redis.admin.call('ACL', 'DRYRUN', USER, ...command.split(' ')))
}

test('a gateway whose user may just what the file says does all that it does', async () => {
  const reported: unknown[] = []
  const onError = (error: unknown) => reported.push(error)
  const nodes = [
    await openGateway({ connection: gatewayUser(), channelPrefix: 'notifications:', onError }),
    await openGateway({ connection: gatewayUser(), channelPrefix: 'notifications:', onError }),
  ] as const
  for (const { close } of nodes) ending.push(close)
  // Programs have users of their own.
  const bus = new EventBus({ redis: redis.url, channelPrefix: '' })
  const notifications = new NotificationService({ redis: bus.connection })
  ending.push(
    () => bus.close(),
    () => notifications.close(),
  )
  await bus.policies.apply({ 'events:kept.*': { history: { maxCount: 10_000 } } })
  for (const node of nodes) await node.bus.connection.pubSub.readPolicies()

  const [ada, bob] = nodes.map(({ url }, index) => connectClient(url, { token: `user:${['ada', 'bob'][index]}` }))
  for (const client of [ada!, bob!]) ending.push(() => client.disconnect())
  const told: { kind: string; change?: { counts: { unread: number } } }[] = []
  ada!.on('publication', ({ channel, data }) => channel === '#inbox' && told.push(data))
  const kept = listenTo(ada!, 'events:kept.a')
  const plain = listenTo(ada!, 'events:plain')
  await Promise.all([kept.subscription.ready(), plain.subscription.ready(), bob!.ready()])

  // Messages both ways, in one tick and one by one; history, and what was missed.
  await Promise.all(upTo(20).map((n) => bus.publisher.publish('events:plain', n)))
  for (const n of upTo(5, 1)) await bob!.publish('events:kept.a', n)
  await bob!.publish('events:plain', 21)
  await eventually(() => expect([plain.got, kept.got]).toEqual([upTo(21), upTo(5)]))
  ada!.disconnect()
  await Promise.all(upTo(2_000, 6).map((n) => nodes[1].bus.publisher.publish('events:kept.a', n)))
  ada!.connect()
  await eventually(() => expect(kept.got).toEqual(upTo(2_000)))
  expect((await kept.subscription.history({ limit: 2, reverse: true })).publications).toHaveLength(2)

  // Who is there.
  await bob!.newSubscription('events:plain').subscribe()
  await eventually(async () => expect(await plain.subscription.presenceStats()).toMatchObject({ numUsers: 2 }))
  expect(Object.keys((await plain.subscription.presence()).clients)).toHaveLength(2)

  // Inboxes, with all that their users do.
  const type = 'info' as const
  for (const n of upTo(5)) {
    await notifications.sendToUser('ada', {
      type,
      title: `${n}`,
      message: '',
      topic: 'tea',
      actions: [{ label: 'ok' }],
    })
  }
  await notifications.sendToUser('ada', {
    type,
    title: 'soon over',
    message: '',
    expiresAt: new Date(Date.now() + 5e3),
  })
  await notifications.broadcast({ type, title: 'to all', message: '' })
  await eventually(() => expect(told.at(-1)?.change?.counts.unread).toBe(7))
  const rpc = async (method: string, data: unknown) => (await ada!.rpc(`inbox.${method}`, data)).data
  const page = (await rpc('list', { limit: 50 })) as { notifications: { id: string }[]; state: string }
  const ids = page.notifications.map(({ id }) => id)
  const until = new Date(Date.now() + 1_000).toISOString()
  await rpc('read', { ids: ids.slice(0, 1) })
  await rpc('unread', { ids: ids.slice(0, 1) })
  await rpc('archive', { ids: [ids[1]] })
  await rpc('delete', { ids: [ids[2]] })
  await rpc('snooze', { id: ids[3], until })
  await rpc('act', { id: ids[4], action: 'ok' })
  await rpc('mute', { types: ['error'], topics: ['noise'] })
  await rpc('follow', { topic: 'tea' })
  await rpc('preferences', {})
  await rpc('seen', {})
  await rpc('sync', { state: page.state })
  await rpc('read-all', {})
  await rpc('unfollow', { topic: 'tea' })
  // Also of programs whose user is the gateway's.
  const own = nodes[0].notifications
  await own.follow('bob', 'tea')
  await own.notifyTopic('tea', { type, title: 'tea is there', message: '' })
  await own.sendToUser('bob', { type, title: 'grouped', message: '' }, { groupKey: 'g' })
  await own.sendToUser('bob', { type, title: 'grouped', message: '' }, { groupKey: 'g', dedupeKey: 'once' })
  await own.exportUser('bob')
  await own.eraseUser('bob')

  // Nodes among themselves.
  const { connection, control } = nodes[0].gateway.node
  expect(await connection.nodes.list()).toHaveLength(2)
  const sent = new Promise((resolve) => bob!.once('disconnected', ({ code }) => resolve(code)))
  await control.send({ kind: 'revoke', userId: 'bob', beforeMs: Date.now() + 1_000 })
  expect(await sent).toBe(3500)
  expect((await fetch(`http://127.0.0.1:${nodes[0].port}/health/ready`)).status).toBe(200)

  // Somebody else wrote into a log's stream: it is set right by one more append.
  const [key] = await redis.admin.keys('tidings:*}:log:events:kept.a')
  await redis.admin.xadd(key!, '*', 'foreign', 'x')
  await nodes[1].bus.publisher.publish('events:kept.a', 2_001)
  await eventually(() => expect(kept.got.at(-1)).toBe(2_001))

  expect(await redis.admin.call('ACL', 'LOG')).toEqual([])
  const codes = reported.map((error) => (error as { code: string }).code)
  expect(codes.filter((code) => code !== 'FOREIGN_ENTRIES')).toEqual([])
})

test('and nothing else: no foreign keys and channels, no looking around, no harm', async () => {
  expect(await verdict('GET tidings:x')).toBe('OK')
  expect(await verdict('PUBLISH events:x 1')).toBe('OK')
  const forbidden = ['GET session:1', 'SET user:1:notifications x', 'XADD orders * a b', 'PUBLISH chat:lobby x']
  const dangerous = ['FLUSHALL', 'FLUSHDB', 'CONFIG GET *', 'KEYS *', 'SCAN 0', 'SHUTDOWN', 'DEBUG SLEEP 0']
  const curious = ['MONITOR', 'CLIENT LIST', 'ACL LIST', 'PSUBSCRIBE *', 'SCRIPT FLUSH', 'RANDOMKEY', 'DUMP tidings:x']
  for (const command of [...forbidden, ...dangerous, ...curious, 'EVAL x 1 foreign']) {
    expect(await verdict(command), command).toMatch(/no permissions/)
  }
  // Neither from within a script.
  const client = new Redis({ ...gatewayUser().redis, maxRetriesPerRequest: 0 })
  ending.push(() => client.disconnect())
  expect(await client.eval("return redis.call('EXISTS', 'tidings:x')", 0)).toBe(0)
  await expect(client.eval("return redis.call('EXISTS', 'session:1')", 0)).rejects.toThrow(/No permissions|can't/i)
  await expect(client.eval("return redis.call('FLUSHALL')", 0)).rejects.toThrow(/ACL failure|can't run/i)
})

test('the file names every command that the scripts run, and no other that touches data', async () => {
  const words = readFileSync(FILE, 'utf8').trim().split(/\s+/)
  const granted = words.filter((word) => word.startsWith('+')).map((word) => word.slice(1))
  const folder = join(root, 'src/backends/redis/lua')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.lua'))
  const text = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n')
  const literals = [...new Set([...text.matchAll(/'([A-Z]{3,})'/g)].map(([, word]) => word!.toLowerCase()))]
  const known = (await redis.admin.call('COMMAND', 'INFO', ...literals)) as (unknown[] | null)[]
  // Of a command that has subcommands, those are granted one by one.
  const subcommands = (name: string) =>
    [...text.matchAll(new RegExp(`'${name.toUpperCase()}', '([A-Z]+)'`, 'g'))].map(
      ([, word]) => `${name}|${word!.toLowerCase()}`,
    )
  const inScripts = literals
    .filter((_, index) => known[index] !== null)
    .flatMap((name) => (name === 'pubsub' ? subcommands(name) : name))
  expect(inScripts.length).toBeGreaterThan(30)
  expect(inScripts.filter((name) => !granted.includes(name))).toEqual([])
  // What is sent without a script.
  const alone = ['ping', 'client|setname', 'subscribe', 'unsubscribe', 'eval', 'evalsha', 'script|load', 'zrangebylex']
  const asked = ['pubsub|channels', 'pubsub|numsub', 'pubsub|numpat']
  expect(granted.filter((name) => ![...inScripts, ...alone, ...asked].includes(name))).toEqual([])
})
