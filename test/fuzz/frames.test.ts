import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { jwtGatekeeper } from '../../src/gateway/auth/jwt-gatekeeper.ts'
import { mintToken } from '../../src/gateway/auth/mint-token.ts'
import { createGateway } from '../../src/gateway/gateway.ts'
import { EventBus, NotificationService } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { Chance, enough, heapInUse, inputs, ODD_JSON, SEED } from '../support/fuzz.ts'
import { connectClient, listenTo } from '../support/gateway.ts'

const COUNT = inputs(20_000)
const SECRET = 'a secret that only tests know, and long enough'

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function open() {
  const bus = new EventBus({ redis: `memory:${randomUUID()}`, channelPrefix: '' })
  const notifications = new NotificationService({ redis: bus.connection })
  const errors: unknown[] = []
  const may = 'authenticated'
  const gateway = createGateway({
    bus,
    notifications,
    gatekeeper: jwtGatekeeper({
      keys: [{ alg: 'HS256', secret: SECRET }],
      channels: { 'room:*': { subscribe: may, publish: may, history: may, presence: may, joinLeave: true } },
    }),
    limits: { commandsPerSecond: 1_000_000, connectionsPerUser: 100_000, connectionsPerIp: 100_000 },
    onError: (error) => errors.push(error),
  })
  await gateway.ready
  await bus.policies.apply({ 'room:kept*': { history: { maxCount: 10 } } })
  const server = createServer()
  gateway.attach(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ending.push(async () => {
    await gateway.close(0)
    await notifications.close()
    await bus.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const token = await mintToken({ secret: SECRET, userId: 'ada', expiresAt: new Date(Date.now() + 86_400_000) })
  /** Somebody who does as one should is served as ever. */
  const serves = async () => {
    const client = connectClient(`ws://127.0.0.1:${port}/connection/websocket`, { token })
    const { subscription, got } = listenTo(client, 'room:good')
    await subscription.ready()
    await client.publish('room:good', 'good')
    await eventually(() => expect(got).toContain('good'))
    client.disconnect()
    await eventually(() => expect(gateway.node.clients).toBe(0))
    expect(errors).toEqual([])
  }
  return { node: gateway.node, port, token, serves }
}

const COMMANDS = [
  ...['connect', 'subscribe', 'unsubscribe', 'publish', 'history', 'presence', 'presence_stats', 'rpc', 'refresh'],
  ...['sub_refresh', 'ping', 'send'],
]
const NAMES = [
  ...[...COMMANDS, 'id', 'channel', 'data', 'token', 'offset', 'epoch', 'recover', 'limit', 'since', 'method', 'subs'],
  ...['reverse', 'positioned', 'recoverable', 'join_leave', 'ids', 'view', 'upTo', 'until', '__proto__', 'constructor'],
]
const CHANNELS = ['"room:a"', '"room:kept"', '"room:*"', '"#inbox"', '"user:ada"']
const METHODS = ['list', 'counts', 'sync', 'read', 'snooze', 'act', 'mute', 'follow'].map((name) => `"inbox.${name}"`)

test(`frames at random end connections at most, and never the gateway (seed ${SEED})`, {
  timeout: enough(COUNT),
}, async () => {
  const { node, token, serves } = await open()
  const chance = new Chance(SEED)
  const values = [...ODD_JSON, '1', '2', '"x"', `"${token}"`, ...CHANNELS, ...METHODS]
  const command = (id: number): string => {
    const name = chance.one(COMMANDS)
    const channel = `"channel":${chance.one(CHANNELS)}`
    const known: Readonly<Record<string, string>> = {
      subscribe: `${channel},"recover":true,"epoch":${chance.one(values)},"offset":${chance.one(values)}`,
      publish: `${channel},"data":${chance.json(NAMES, values, 2)}`,
      history: `${channel},"limit":${chance.one(values)},"since":${chance.json(['offset', 'epoch'], values, 0)}`,
      rpc: `"method":${chance.one(METHODS)},"data":${chance.json(NAMES, values, 1)}`,
    }
    const isKnown = Object.hasOwn(known, name) && chance.below(2) === 0
    return `{"id":${id},"${name}":${isKnown ? `{${known[name]}}` : chance.json(NAMES, values, 2)}}`
  }
  let taken = 0
  let round = 0
  let usedBefore = 0
  while (taken < COUNT) {
    const session = node.open(
      { headers: {}, ip: String(round), transport: 'websocket' },
      { name: 'websocket', bufferedBytes: 0, write: () => {}, close: () => {} },
    )
    round += 1
    if (chance.below(20) > 0) {
      session.receive(`{"id":1,"connect":{"token":"${token}"}}`)
      while (session.user === undefined && !session.closed) await new Promise(setImmediate)
    }
    for (let n = 0; n < 50 && !session.closed; n += 1) {
      const text = chance.below(20) === 0 ? chance.json(NAMES, values, 3) : command(n + 2)
      session.receive(chance.below(50) === 0 ? text.slice(0, chance.below(text.length)) : text)
      taken += 1
      if (taken === Math.floor(COUNT / 4)) usedBefore = await heapInUse()
      if (n % 10 === 0) await new Promise(setImmediate)
    }
    session.ended()
  }
  await eventually(() => expect(node.clients).toBe(0))
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  await serves()
  expect((await heapInUse()) - usedBefore).toBeLessThan(20_000_000)
})

test(`bytes at random on sockets end these, and nothing else (seed ${SEED})`, {
  timeout: enough(COUNT),
}, async () => {
  const { port, token, serves } = await open()
  const chance = new Chance(SEED)
  const hello = Buffer.from(`{"id":1,"connect":{"token":"${token}"}}\n{"id":2,"subscribe":{"channel":"room:a"}}`)
  /** A frame of a WebSocket, most often one that may not be. */
  const frame = (): Buffer => {
    const body = chance.below(3) === 0 ? hello : Buffer.from(chance.text('{}[]":,\0\n\xff1a', 40), 'latin1')
    const opcode = chance.below(3) === 0 ? chance.below(256) : 0x81
    const length = chance.below(5) === 0 ? chance.below(128) : Math.min(body.length, 125)
    // The mask of zeros leaves it as it is.
    return Buffer.concat([Buffer.from([opcode, 0x80 | length, 0, 0, 0, 0]), body.subarray(0, 125)])
  }
  const start = 'GET /connection/websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  const upgrade = `${start}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`
  const one = async (): Promise<void> => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
    if (chance.below(10) > 0) socket.write(upgrade)
    else socket.write(chance.mutant(upgrade, 'GET /:\r\n\0aé', [upgrade]))
    socket.resume()
    for (let n = chance.below(10); n >= 0; n -= 1) socket.write(frame())
    await new Promise((resolve) => socket.once('close', resolve).end())
  }
  for (let n = 0; n < COUNT / 50; n += 50) await Promise.all(Array.from({ length: 50 }, one))
  await serves()
})
