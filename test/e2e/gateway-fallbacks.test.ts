import { randomUUID } from 'node:crypto'
import { connect as connectSocket } from 'node:net'
import { Centrifuge, type Options } from 'centrifuge'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { emulationRoutes } from '../../src/gateway/streams/emulation-routes.ts'
import { FetchEventSource } from '../support/event-source.ts'
import { eventually } from '../support/eventually.ts'
import { listenTo, openGateway, type TestGateway, type TestGatewayOptions, upTo } from '../support/gateway.ts'
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

async function open(options: Partial<TestGatewayOptions> = {}): Promise<TestGateway> {
  const connection = { redis: redis.url, namespace: randomUUID() }
  const gateway = await openGateway({ connection, routes: emulationRoutes, ...options })
  ending.push(gateway.close)
  return gateway
}

const at = ({ port }: TestGateway, path: string) => `http://127.0.0.1:${port}${path}`

type Fallback = 'http_stream' | 'sse'

function connect(transport: Fallback, gateway: TestGateway, options: Partial<Options> = {}): Centrifuge {
  const client = new Centrifuge([{ transport, endpoint: at(gateway, `/connection/${transport}`) }], {
    emulationEndpoint: at(gateway, '/emulation'),
    eventsource: FetchEventSource,
    token: 'user:ada',
    minReconnectDelay: 50,
    maxReconnectDelay: 200,
    ...options,
  })
  ending.push(() => client.disconnect())
  client.connect()
  return client
}

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(url, { method: 'POST', body: text, headers: { 'content-type': 'application/json', ...headers } })
}

const connectCommand = JSON.stringify({ id: 1, connect: { token: 'user:ada' } })

/** A raw client of HTTP streaming, and what it is told first. */
async function openRaw(gateway: TestGateway): Promise<{
  readonly reader: ReadableStreamDefaultReader<string>
  readonly session: string
  readonly node: string
}> {
  const response = await post(at(gateway, '/connection/http_stream'), connectCommand)
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  ending.push(() => reader.cancel().catch(() => {}))
  const { value } = await reader.read()
  const { session, node } = JSON.parse(value!).connect as { session: string; node: string }
  return { reader, session, node }
}

describe.each<Fallback>(['http_stream', 'sse'])('the centrifuge client over %s', (transport) => {
  test('messages both ways, errors, RPC, presence', async () => {
    const gateway = await open({ rpc: { double: (data) => (data as number) * 2 } })
    const client = connect(transport, gateway)
    await client.ready()
    const { subscription, got } = listenTo(client, 'chat')
    await subscription.ready()
    await gateway.bus.publisher.publish('chat', { n: 1 })
    await client.publish('chat', { n: 2, text: 'line\nend   "quoted" ☂' })
    await eventually(() => expect(got).toEqual([{ n: 1 }, { n: 2, text: 'line\nend   "quoted" ☂' }]))
    expect((await client.rpc('double', 21)).data).toBe(42)
    await expect(client.publish('private:x', 1)).rejects.toMatchObject({ code: 103 })
    expect(await client.presenceStats('chat')).toMatchObject({ numClients: 1, numUsers: 1 })
    client.disconnect()
    await eventually(() => expect(gateway.gateway.node.clients).toBe(0))
  })

  test('what was missed is recovered exactly, a long piece too', async () => {
    const gateway = await open()
    const { bus } = gateway
    await bus.policies.apply({ 'log*': { history: { maxCount: 10_000 } } })
    const client = connect(transport, gateway)
    const { subscription, got } = listenTo(client, 'log')
    await subscription.ready()
    for (const n of upTo(5)) await bus.publisher.publish('log', n)
    await eventually(() => expect(got).toEqual(upTo(5)))
    client.disconnect()
    for (const n of upTo(2_700, 6)) await bus.publisher.publish('log', n)
    const again = new Promise((resolve) => subscription.once('subscribed', resolve))
    client.connect()
    expect(await again).toMatchObject({ wasRecovering: true, recovered: true })
    await bus.publisher.publish('log', 2_701)
    await eventually(() => expect(got).toEqual(upTo(2_701)))
  })

  test('commands reach the session by way of any node', async () => {
    const connection = { redis: redis.url, namespace: randomUUID() }
    const [one, two] = [await open({ connection }), await open({ connection })]
    const client = connect(transport, one, { emulationEndpoint: at(two, '/emulation') })
    await client.ready()
    const { subscription, got } = listenTo(client, 'chat')
    await subscription.ready()
    await client.publish('chat', 'through the other node')
    await eventually(() => expect(got).toEqual(['through the other node']))
    expect([one.gateway.node.clients, two.gateway.node.clients]).toEqual([1, 0])
  })

  test('why it is disconnected is told, and obeyed', async () => {
    const gateway = await open()
    const client = connect(transport, gateway)
    await client.ready()
    const ended = new Promise((resolve) => client.on('disconnected', resolve))
    await gateway.gateway.node.control.send({ kind: 'disconnect', userId: 'ada', code: 4_501, reason: 'enough' })
    expect(await ended).toMatchObject({ code: 4_501, reason: 'enough' })
    expect(gateway.gateway.node.clients).toBe(0)
    const refused = connect(transport, gateway, { token: 'nonsense' })
    expect(await new Promise((resolve) => refused.on('disconnected', resolve))).toMatchObject({ code: 101 })
  })

  test('it answers pings, and comes back when its node drains', async () => {
    const gateway = await open({ limits: { pingMs: 1_000, pongMs: 1_000 } })
    const client = connect(transport, gateway)
    await client.ready()
    let pings = 0
    const session = gateway.gateway.node
    const pong = session.control.on((command) => {
      if (command.kind === 'emulation' && command.data === '{}') pings += 1
    })
    await eventually(() => expect(pings).toBeGreaterThanOrEqual(2), 10_000)
    pong()
    expect(client.state).toBe('connected')
    const told = new Promise((resolve) => client.on('connecting', ({ code }) => resolve(code)))
    await gateway.gateway.close(0)
    expect(await told).toBe(3001)
  })
})

describe('HTTP streaming by hand', () => {
  test('a client that answers no ping is told so at the end of its stream', async () => {
    const gateway = await open({ limits: { pingMs: 1_000, pongMs: 1_000 } })
    const { reader } = await openRaw(gateway)
    let text = ''
    for (;;) {
      const { value, done } = await reader.read()
      if (done) break
      text += value
    }
    expect(text.trim().split('\n').at(-1)).toBe('{"push":{"disconnect":{"code":3012,"reason":"no pong"}}}')
    expect(gateway.gateway.node.clients).toBe(0)
  })

  test('a client that goes is forgotten at once', async () => {
    const gateway = await open()
    const { reader } = await openRaw(gateway)
    expect(gateway.gateway.node.clients).toBe(1)
    await reader.cancel()
    await eventually(() => expect(gateway.gateway.node.clients).toBe(0))
  })

  test('what a session is sent needs its secret and a node that is there', async () => {
    const gateway = await open()
    const { reader, session, node } = await openRaw(gateway)
    const emulate = async (body: unknown, headers = {}) => (await post(at(gateway, '/emulation'), body, headers)).status
    const data = JSON.stringify({ id: 2, rpc: { method: 'none' } })
    expect(await emulate({ session: randomUUID(), node, data })).toBe(204)
    expect(await emulate({ session, node: randomUUID(), data })).toBe(404)
    for (const body of ['nonsense', '[]', {}, { session, node }, { session, node, data: 5 }]) {
      expect(await emulate(body)).toBe(400)
    }
    for (const bad of ['*', `${node}:x`, `${node}\n`, '']) expect(await emulate({ session, node: bad, data })).toBe(400)
    expect(await emulate({ session, node, data: 'x'.repeat(200_000) })).toBe(413)
    expect(await emulate({ session, node, data })).toBe(204)
    // The first answer is to the one command that reached it.
    expect(JSON.parse((await reader.read()).value!)).toMatchObject({ id: 2, error: { code: 104 } })
  })

  test('origins, connections from one address, and sizes have their limits', async () => {
    const gateway = await open({ limits: { connectionsPerIp: 2 } })
    const { gatekeeper } = gateway
    gatekeeper.allowsOrigin = (origin?: string) => origin === undefined || origin === 'https://app.example.com'
    const url = at(gateway, '/connection/http_stream')
    const from = (origin: string) => ({ origin })
    expect((await post(url, connectCommand, from('https://evil.example.com'))).status).toBe(403)
    expect((await post(at(gateway, '/emulation'), {}, from('https://evil.example.com'))).status).toBe(403)
    const sse = `${at(gateway, '/connection/sse')}?cf_connect=${encodeURIComponent(connectCommand)}`
    expect((await fetch(sse, { headers: from('https://evil.example.com') })).status).toBe(403)
    expect((await post(url, 'x'.repeat(100_000))).status).toBe(413)
    expect((await post(url, 'protobuf', { 'content-type': 'application/octet-stream' })).status).toBe(415)
    const allowed = await post(url, connectCommand, from('https://app.example.com'))
    ending.push(() => allowed.body?.cancel())
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
    await openRaw(gateway)
    const refused = await post(url, connectCommand, from('https://app.example.com'))
    expect(refused.status).toBe(429)
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
    const preflight = await fetch(url, { method: 'OPTIONS', headers: from('https://app.example.com') })
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'POST'])
    const stranger = await fetch(url, { method: 'OPTIONS', headers: from('https://evil.example.com') })
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull()
    expect((await fetch(sse, { method: 'HEAD' })).status).toBe(429)
    expect(gateway.gateway.node.clients).toBe(2)
  })

  test('a client that does not read is let go, and others get all of it meanwhile', async () => {
    const gateway = await open({ limits: { queueBytes: 100_000 } })
    const other = connect('http_stream', gateway)
    await other.ready()
    const { subscription, got } = listenTo(other, 'flood')
    await subscription.ready()
    const body = `${connectCommand}\n${JSON.stringify({ id: 2, subscribe: { channel: 'flood' } })}`
    const socket = connectSocket(gateway.port, '127.0.0.1')
    ending.push(() => socket.destroy())
    socket.on('error', () => {})
    socket.pause()
    socket.write(
      `POST /connection/http_stream HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
    const { node } = gateway.gateway
    await eventually(() => expect(node.hub.get('flood')!.size).toBe(2))
    let sent = 0
    // More than the buffers of two sockets hold.
    while (node.clients > 1 && sent < 2_000) {
      sent += 1
      await gateway.bus.publisher.publish('flood', `${sent}:${'x'.repeat(20_000)}`)
    }
    expect(node.clients).toBe(1)
    await eventually(() => expect(got).toHaveLength(sent), 15_000)
  })
})
