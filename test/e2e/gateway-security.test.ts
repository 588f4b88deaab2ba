import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { jwtGatekeeper } from '../../src/gateway/auth/jwt-gatekeeper.ts'
import { mintToken } from '../../src/gateway/auth/mint-token.ts'
import { DEFAULT_LIMITS, type GatewayLimits } from '../../src/gateway/contract.ts'
import { createGateway } from '../../src/gateway/gateway.ts'
import { EventBus } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient, listenTo } from '../support/gateway.ts'

const SECRET = 'a secret that only tests know, and long enough'

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function open(limits: Partial<GatewayLimits> = {}, name: string = randomUUID()) {
  const bus = new EventBus({ redis: `memory:${name}`, channelPrefix: '' })
  const errors: unknown[] = []
  const gatekeeper = jwtGatekeeper({
    keys: [{ alg: 'HS256', secret: SECRET }],
    origins: ['https://app.example.com'],
    channels: {
      'room:*': { subscribe: 'authenticated', publish: 'authenticated' },
      'user:{sub}': { subscribe: 'authenticated', history: 'authenticated' },
    },
  })
  ending.push(() => bus.close())
  const gateway = createGateway({ bus, gatekeeper, limits, onError: (error) => errors.push(error) })
  await gateway.ready
  const server = createServer()
  gateway.attach(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ending.push(async () => {
    await gateway.close(0)
    await bus.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { gateway, bus, port, errors, url: `ws://127.0.0.1:${port}/connection/websocket` }
}

const token = (userId: string, seconds = 600) =>
  mintToken({ secret: SECRET, userId, expiresAt: new Date(Date.now() + seconds * 1_000) })

/** A socket that speaks by hand. */
async function raw(url: string, options: { origin?: string } = {}) {
  const socket = new WebSocket(url, options)
  ending.push(() => socket.terminate())
  const lines: Record<string, unknown>[] = []
  socket.on('message', (data) => {
    for (const line of String(data).split('\n')) lines.push(JSON.parse(line) as Record<string, unknown>)
  })
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  socket.on('error', () => {})
  const opened = await Promise.race([once(socket, 'open').then(() => true), closed.then(() => false)])
  return { socket, lines, closed, opened, send: (command: unknown) => socket.send(JSON.stringify(command)) }
}

test('a page of another origin is refused, one of the list and a program without an origin are not', async () => {
  const { url } = await open()
  expect((await raw(url, { origin: 'https://evil.example.com' })).opened).toBe(false)
  expect((await raw(url, { origin: 'https://app.example.com.evil.com' })).opened).toBe(false)
  expect((await raw(url, { origin: 'https://app.example.com' })).opened).toBe(true)
  expect((await raw(url)).opened).toBe(true)
})

test('a token in the address is no token', async () => {
  const { url } = await open()
  const { send, closed } = await raw(`${url}?token=${await token('ada')}`)
  send({ id: 1, connect: {} })
  expect(await closed).toBe(3500)
})

test('the end of a token closes a live socket, unless it is refreshed', { timeout: 40_000 }, async () => {
  const { url } = await open()
  const left = connectClient(url, { token: await token('ada', 2) })
  const kept = connectClient(url, { token: await token('bob', 2), getToken: () => token('bob', 600) })
  ending.push(
    () => left.disconnect(),
    () => kept.disconnect(),
  )
  await Promise.all([left.ready(), kept.ready()])
  const told = await new Promise((resolve) => {
    left.on('disconnected', ({ code }) => resolve(code))
    left.on('connecting', ({ code }) => resolve(code))
  })
  // Without a way to a new token the client gives up when its own has ended; else the gateway closes it.
  expect([1, 3005]).toContain(told)
  await new Promise((resolve) => setTimeout(resolve, 9_000))
  expect(kept.state).toBe('connected')
})

test('the gateway itself closes a socket whose token has ended', { timeout: 30_000 }, async () => {
  const { url } = await open()
  const { send, closed, lines } = await raw(url)
  send({ id: 1, connect: { token: await token('ada', 1) } })
  await eventually(() => expect(lines[0]).toMatchObject({ id: 1, connect: { expires: true } }))
  expect(await closed).toBe(3005)
})

test('the gateway itself ends a subscription whose token has ended', { timeout: 30_000 }, async () => {
  const { url } = await open()
  const { send, lines } = await raw(url)
  send({ id: 1, connect: { token: await token('ada') } })
  const expiresAt = new Date(Date.now() + 1_000)
  const one = await mintToken({ secret: SECRET, userId: 'ada', expiresAt, channel: 'secret' })
  send({ id: 2, subscribe: { channel: 'secret', token: one } })
  await eventually(() => expect(lines[1]).toMatchObject({ id: 2, subscribe: { expires: true } }))
  const unsubscribe = { code: 2_501, reason: 'subscription expired' }
  await eventually(() => expect(lines[2]).toEqual({ push: { channel: 'secret', unsubscribe } }), 15_000)
  // And a token that is over renews nothing.
  send({ id: 3, subscribe: { channel: 'secret', token: one } })
  await eventually(() => expect(lines[3]).toMatchObject({ id: 3, error: { code: 109 } }))
})

test('revoking a user acts on all nodes, on who is connected and on who comes again', { timeout: 30_000 }, async () => {
  const name = randomUUID()
  const [one, two] = [await open({}, name), await open({}, name)]
  const minted = await token('ada')
  const { send, closed, lines } = await raw(two.url)
  send({ id: 1, connect: { token: minted } })
  await eventually(() => expect(lines[0]).toHaveProperty('connect'))
  const beforeMs = Date.now() + 1_000
  const begun = performance.now()
  await one.gateway.node.control.send({ kind: 'revoke', userId: 'ada', beforeMs })
  expect(await closed).toBe(3500)
  expect(performance.now() - begun).toBeLessThan(5_000)
  const again = await raw(one.url)
  again.send({ id: 1, connect: { token: minted } })
  expect(await again.closed).toBe(3500)
})

test("nobody subscribes to, reads or publishes on another's channels, nor names a pattern", async () => {
  const { url, bus } = await open({ commandsPerSecond: 1_000 })
  await bus.policies.apply({ 'user:*': { history: { maxCount: 10 } } })
  const { send, lines } = await raw(url)
  send({ id: 1, connect: { token: await token('ada') } })
  const names = [
    'user:bob',
    'user:*',
    'user:ad?',
    'user:[a]da',
    'user:ad\\a',
    'user:{sub}',
    'user:ada\n',
    'user:ada\0',
    '#inbox',
  ]
  let id = 1
  for (const channel of names) {
    for (const what of ['subscribe', 'history', 'publish', 'presence', 'presence_stats']) {
      id += 1
      // Recovering is reading, too.
      send({ id, [what]: { channel, data: 1, limit: 5, recover: true, offset: 0, epoch: '' } })
    }
  }
  send({ id: id + 1, subscribe: { channel: 'user:ada' } })
  await eventually(() => expect(lines).toHaveLength(id + 1))
  const allowed = lines.filter((line) => !('error' in line)).map((line) => line.id)
  expect(allowed).toEqual([1, id + 1])
  for (const { error } of lines as { error?: { code: number } }[]) if (error) expect([103, 107]).toContain(error.code)
})

test('no limit can be lifted altogether', async () => {
  for (const value of [0, -1, 1.5, Number.POSITIVE_INFINITY, Number.NaN, '1']) {
    for (const name of Object.keys(DEFAULT_LIMITS)) {
      await expect(open({ [name]: value })).rejects.toThrow(
        `"${name}" must be a whole number from 1: none is unlimited`,
      )
    }
  }
})

test('too large frames, binary frames and what is no JSON end the connection, and nothing else', async () => {
  const { url, errors } = await open({ frameBytes: 1_000 })
  const others = await raw(url)
  others.send({ id: 1, connect: { token: await token('bob') } })
  const cases: [(socket: WebSocket) => void, number][] = [
    [(socket) => socket.send('x'.repeat(2_000)), 1009],
    [(socket) => socket.send(Buffer.from([1, 2, 3])), 3506],
    [(socket) => socket.send('no json'), 3501],
    [(socket) => socket.send('[1]'), 3501],
    [(socket) => socket.send('{"id":1,"subscribe":{"channel":"room:a"}}'), 3501],
    [(socket) => socket.send('{"id":-1,"connect":{}}'), 3501],
  ]
  for (const [act, code] of cases) {
    const { socket, closed } = await raw(url)
    act(socket)
    expect(await closed).toBe(code)
  }
  others.send({ id: 2, subscribe: { channel: 'room:a' } })
  await eventually(() => expect(others.lines.at(-1)).toMatchObject({ id: 2, subscribe: {} }))
  expect(errors).toEqual([])
})

test('who does not say who it is in time is closed', { timeout: 30_000 }, async () => {
  const { url } = await open({ authenticateMs: 1_000 })
  const { closed } = await raw(url)
  expect(await closed).toBe(3502)
})

test('no answer to a ping closes the connection', { timeout: 20_000 }, async () => {
  const { url } = await open({ pingMs: 2_000, pongMs: 1_000 })
  const { send, closed, lines } = await raw(url)
  send({ id: 1, connect: { token: await token('ada') } })
  expect(await closed).toBe(3012)
  expect(lines.at(-1)).toEqual({})
})

test('a client that never reads is closed, and the others get everything', { timeout: 60_000 }, async () => {
  const { url, bus, gateway } = await open({ queueBytes: 200_000, slowMs: 2_000 })
  const stuck = await raw(url)
  stuck.send({ id: 1, connect: { token: await token('ada') } })
  stuck.send({ id: 2, subscribe: { channel: 'room:a' } })
  await eventually(() => expect(stuck.lines).toHaveLength(2))
  const client = connectClient(url, { token: await token('bob') })
  ending.push(() => client.disconnect())
  const { subscription, got } = listenTo(client, 'room:a')
  await subscription.ready()
  stuck.socket.pause()
  const text = 'x'.repeat(10_000)
  let sent = 0
  await eventually(async () => {
    for (let n = 0; n < 50; n += 1) await bus.publisher.publish('room:a', `${sent++} ${text}`)
    expect(gateway.node.clients).toBe(1)
  }, 30_000)
  await eventually(() => expect(got).toHaveLength(sent))
})

test('prototypes in JSON pollute nothing', async () => {
  const { url } = await open()
  const { socket, lines } = await raw(url)
  socket.send(
    `{"id":1,"connect":{"token":"${await token('ada')}","subs":{"__proto__":{"recover":true}}},"__proto__":{"polluted":1}}`,
  )
  socket.send('{"id":2,"rpc":{"method":"__proto__"}}')
  socket.send('{"id":3,"constructor":{"prototype":{"polluted":1}}}')
  await eventually(() => expect(lines).toHaveLength(3))
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  expect(lines.map(({ id }) => id).sort()).toEqual([1, 2, 3])
})
