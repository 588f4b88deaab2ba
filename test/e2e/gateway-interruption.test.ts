import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { eventSourceRoutes } from '../../src/gateway/streams/event-source-routes.ts'
import { FetchEventSource } from '../support/event-source.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient, listenTo, openGateway } from '../support/gateway.ts'
import { RedisServer } from '../support/redis-server.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(() => redis.stopWithoutLeaks())

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function open() {
  const gateway = await openGateway({
    connection: { redis: redis.url, namespace: randomUUID() },
    routes: (node) => eventSourceRoutes(node, { secret: 'a secret of thirty-two bytes at the least' }),
  })
  ending.push(gateway.close)
  await gateway.bus.policies.apply({ 'log*': { history: { maxCount: 100 } } })
  return gateway
}

/** As a network does that forgets connections. */
const cutSubscribers = () => redis.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')

test('a node that may have missed something says so on channels without history, and stays quiet on others', async () => {
  const { url, bus, gatekeeper } = await open()
  gatekeeper.channels = ['live-of-server', 'log-of-server']
  const client = connectClient(url, { token: 'user:ada' })
  ending.push(() => client.disconnect())
  const told: string[] = []
  const live = listenTo(client, 'live')
  const log = listenTo(client, 'log')
  for (const { subscription } of [live, log]) {
    subscription.on('subscribing', ({ channel, code }) => told.push(`${channel} ${code}`))
    await subscription.ready()
  }
  await client.ready()
  client.on('subscribed', ({ channel }) => told.push(`server ${channel}`))
  client.on('connecting', ({ code }) => told.push(`connecting ${code}`))
  told.length = 0
  await cutSubscribers()
  await eventually(() => expect([...told].sort()).toEqual(['live 2500', 'server live-of-server']), 15_000)
  await live.subscription.ready()
  for (const channel of ['live', 'log']) await bus.publisher.publish(channel, channel)
  await eventually(() => expect([live.got, log.got]).toEqual([['live'], ['log']]))
  expect(told).toHaveLength(2)
}, 30_000)

test('to an EventSource it is a gap without ends', async () => {
  const { port, gatekeeper, bus } = await open()
  gatekeeper.expiresAtMs = Date.now() + 600_000
  const asked = await fetch(`http://127.0.0.1:${port}/v1/sse-tickets`, {
    method: 'POST',
    body: JSON.stringify({ channels: ['live', 'log'] }),
    headers: { authorization: 'Bearer user:ada' },
  })
  const { url } = (await asked.json()) as { url: string }
  const source = new FetchEventSource(`http://127.0.0.1:${port}${url}`)
  ending.push(() => source.close())
  const gaps: string[] = []
  const got: string[] = []
  source.addEventListener('gap', ({ data }) => gaps.push(data))
  source.addEventListener('message', ({ data }) => got.push(JSON.parse(data).data))
  await eventually(() => expect(source.opened).toBe(1))
  await cutSubscribers()
  await eventually(() => expect(gaps).toEqual(['{"channel":"live"}']), 15_000)
  for (const channel of ['live', 'log']) await bus.publisher.publish(channel, channel)
  await eventually(() => expect(got.sort()).toEqual(['live', 'log']))
  expect(gaps).toHaveLength(1)
}, 30_000)
