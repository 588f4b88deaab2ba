import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'
import { openGateway } from '../support/gateway.ts'
import { RedisServer } from '../support/redis-server.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(async () => {
  await redis.stop()
})

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

test('a client that is gone before its subscription is made leaves nothing behind', async () => {
  const { url, gateway, close } = await openGateway({ connection: { redis: redis.url } })
  ending.push(close)
  const { node } = gateway
  const socket = new WebSocket(url)
  socket.once('open', () => {
    socket.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"room"}}')
    socket.close()
  })
  await once(socket, 'close')
  await eventually(() => expect(node.clients).toBe(0))
  await eventually(() => expect(node.hub.size).toBe(0), 5_000)
  expect(await node.presence.list('room')).toEqual({})
})
