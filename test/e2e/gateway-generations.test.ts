import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { joinHub } from '../../src/backends/memory/hub.ts'
import { ListenerTable } from '../../src/core/listener-table.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient, listenTo, openGateway, upTo } from '../support/gateway.ts'
import { RedisServer } from '../support/redis-server.ts'

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

interface Subscribed {
  readonly wasRecovering: boolean
  readonly recovered: boolean
  readonly streamPosition?: { readonly offset: number; readonly epoch: string }
}

test('a restart that loses nothing opens a new generation under connected clients: they go on without a hole', async () => {
  const redis = await RedisServer.start({ config: { appendonly: 'yes', appendfsync: 'always' } })
  ending.push(() => redis.stop())
  const opened = await openGateway({ connection: { redis: redis.url } })
  ending.push(opened.close)
  const { bus, url, gatekeeper } = opened
  await bus.policies.apply({ 'log*': { history: { maxCount: 1_000 } } })
  gatekeeper.channels = ['log-of-server']
  const client = connectClient(url, { token: 'user:ada' })
  ending.push(() => client.disconnect())
  const { subscription, got, publications } = listenTo(client, 'log')
  const server: unknown[] = []
  client.on('publication', ({ channel, data }) => channel === 'log-of-server' && server.push(data))
  const joined: Subscribed[] = []
  subscription.on('subscribed', (context) => joined.push(context as Subscribed))
  await subscription.ready()
  const publish = (n: number) => Promise.all(['log', 'log-of-server'].map((log) => bus.publisher.append(log, n)))
  for (const n of upTo(5)) await publish(n)
  await eventually(() => expect([got, server]).toEqual([upTo(5), upTo(5)]))
  await redis.kill()
  await redis.restart()
  for (const n of upTo(10, 6)) {
    // While Redis is away, an append says so; nothing of it is in the log.
    await eventually(() => publish(n), 20_000)
  }
  await eventually(() => expect([got, server]).toEqual([upTo(10), upTo(10)]), 15_000)
  expect(publications.map(({ offset }) => offset)).toEqual(upTo(10))
  expect(joined.at(-1)).toMatchObject({ wasRecovering: true, recovered: true })
  const epochs = joined.map(({ streamPosition }) => streamPosition?.epoch)
  expect(new Set(epochs).size).toBe(epochs.length)
})

test('a failover that lost entries which clients have: they are told that they cannot recover, and miss nothing new', async () => {
  const name = randomUUID()
  const member = new ListenerTable()
  const hub = joinHub(name, member)
  ending.push(() => hub.leave(member))
  const opened = await openGateway({ connection: { redis: `memory:${name}` } })
  ending.push(opened.close)
  const { bus, url } = opened
  await bus.policies.apply({ 'log*': { history: { maxCount: 1_000 } } })
  const client = connectClient(url, { token: 'user:ada' })
  ending.push(() => client.disconnect())
  const { subscription, got } = listenTo(client, 'log')
  const joined: Subscribed[] = []
  subscription.on('subscribed', (context) => joined.push(context as Subscribed))
  await subscription.ready()
  for (const n of upTo(5)) await bus.publisher.publish('log', `kept ${n}`)
  const saved = hub.logs('tidings').snapshot()
  for (const n of upTo(5)) await bus.publisher.publish('log', `lost ${n}`)
  await eventually(() => expect(got).toHaveLength(10))
  hub.logs('tidings').failOver(saved)
  await bus.publisher.publish('log', 'new 1')
  await eventually(() => expect(joined).toHaveLength(2))
  expect(joined[1]).toMatchObject({ wasRecovering: true, recovered: false })
  await bus.publisher.publish('log', 'new 2')
  await eventually(() => expect(got.at(-1)).toBe('new 2'))
  const history = await subscription.history({ limit: 100 })
  expect(history.publications.map(({ data }) => data)).toEqual([...upTo(5).map((n) => `kept ${n}`), 'new 1', 'new 2'])
})
