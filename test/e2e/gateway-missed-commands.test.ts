import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { connectClient, listenTo, openGateway } from '../support/gateway.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

test('a node that lost commands for users looks anew at these, and leaves the others alone', async () => {
  const redis = await RedisServer.start()
  ending.push(() => redis.stopWithoutLeaks())
  const proxy = await TcpProxy.to(redis.port)
  ending.push(() => proxy.close())
  const away = await openGateway({ connection: { redis: proxy.url }, onError: () => {} })
  const there = await openGateway({ connection: { redis: redis.url }, onError: () => {} })
  ending.push(away.close, there.close)
  const tokens = ['user:ada', 'user:bob', undefined]
  const [ada, bob, nobody] = tokens.map((token) => connectClient(away.url, token === undefined ? {} : { token }))
  for (const client of [ada!, bob!, nobody!]) ending.push(() => client.disconnect())
  const told: string[] = []
  for (const [index, client] of [ada!, bob!, nobody!].entries()) {
    client.on('connecting', ({ code }) => told.push(`${index} connecting ${code}`))
    client.on('disconnected', ({ code }) => told.push(`${index} disconnected ${code}`))
  }
  const { got } = listenTo(nobody!, 'news')
  await Promise.all([ada!, bob!, nobody!].map((client) => client.ready()))
  await there.gateway.node.control.send({ kind: 'disconnect', userId: 'somebody' })
  // It has heard of the log: what Redis forgets before that, nobody can know of.
  const heard: unknown[] = []
  away.gateway.node.control.on((command) => heard.push(command))
  await there.gateway.node.control.send({ kind: 'disconnect', userId: 'somebody else' })
  await eventually(() => expect(heard).toContainEqual({ kind: 'disconnect', userId: 'somebody else' }))
  told.length = 0
  await proxy.down()
  await redis.admin.flushall()
  // The mark that a command to revoke leaves, though the command itself is gone.
  await there.bus.connection.revocations.revoke('bob', Date.now() + 60_000, 600_000)
  await there.gateway.node.control.send({ kind: 'disconnect', userId: 'somebody' })
  await proxy.up()
  await eventually(() => expect(told).toContain('0 connecting 3011'), 15_000)
  // Whoever was revoked meanwhile does not come back.
  await eventually(() => expect(told.some((line) => line.startsWith('1 disconnected'))).toBe(true), 15_000)
  await ada!.ready()
  await there.bus.publisher.publish('news', 1)
  await eventually(() => expect(got).toEqual([1]))
  expect(told.filter((line) => line.startsWith('2'))).toEqual([])
}, 60_000)
