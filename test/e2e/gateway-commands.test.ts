import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { DEFAULT_RULE } from '../../src/gateway/contract.ts'
import { eventSourceRoutes } from '../../src/gateway/streams/event-source-routes.ts'
import { eventually } from '../support/eventually.ts'
import { createGate } from '../support/gate.ts'
import { connectClient, listenTo, openGateway, type TestGateway, type TestGatewayOptions } from '../support/gateway.ts'
import { openRaw, type RawClient } from '../support/raw-client.ts'

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function open(options: Partial<TestGatewayOptions> = {}): Promise<TestGateway> {
  const gateway = await openGateway({ connection: { redis: `memory:${randomUUID()}` }, ...options })
  ending.push(gateway.close)
  gateway.gatekeeper.rule = () => DEFAULT_RULE
  return gateway
}

async function raw(url: string, token?: string): Promise<RawClient> {
  const client = await openRaw(url)
  ending.push(() => client.socket.terminate())
  if (token === undefined) return client
  client.send({ id: 1, connect: { token } })
  expect(await client.reply(1)).toHaveProperty('connect')
  return client
}

function sdk(...args: Parameters<typeof connectClient>) {
  const client = connectClient(...args)
  ending.push(() => client.disconnect())
  return client
}

test('a command that asks for two things is none: nothing of it is done for who has not said who it is', async () => {
  const ran: unknown[] = []
  const { url } = await open({ rpc: { time: () => ran.push('rpc') } })
  for (const command of [
    { id: 1, rpc: { method: 'time' }, connect: {} },
    { id: 1, connect: {}, rpc: { method: 'time' } },
    { id: 1, subscribe: { channel: 'open' }, connect: {} },
  ]) {
    const client = await raw(url)
    client.send(command)
    expect(await client.closed).toBe(3501)
    expect(client.lines).toEqual([])
  }
  expect(ran).toEqual([])
})

test('a client that leaves while it connects is forgotten, and its user may connect again', async () => {
  const { url, gateway, gatekeeper } = await open({ limits: { connectionsPerUser: 1 } })
  const connect = gatekeeper.connect.bind(gatekeeper)
  const gate = createGate()
  gatekeeper.connect = async (token) => {
    await gate.pass()
    return connect(token)
  }
  const client = await raw(url)
  client.send({ id: 1, connect: { token: 'user:ada' } })
  await gate.reached
  client.socket.terminate()
  await eventually(() => expect(gateway.node.clients).toBe(0))
  gate.open()
  const next = sdk(url, { token: 'user:ada' })
  await next.ready()
  expect(gateway.node.info).toMatchObject({ clients: 1, users: 1 })
  next.disconnect()
  await eventually(() => expect(gateway.node.info).toMatchObject({ clients: 0, users: 0 }))
})

test('a stream that is left before it is open leaves nobody counted', async () => {
  const secret = 'a secret of thirty-two bytes at the least'
  const { gateway, gatekeeper } = await open({ routes: (node) => eventSourceRoutes(node, { secret }) })
  gatekeeper.expiresAtMs = Date.now() + 60_000
  const asked = await gateway.fetch(
    new Request('http://gateway/v1/sse-tickets', {
      method: 'POST',
      body: JSON.stringify({ channels: ['a'] }),
      headers: { authorization: 'Bearer user:ada' },
    }),
  )
  const { url } = (await asked.json()) as { url: string }
  const left = await gateway.fetch(new Request(`http://gateway${url}`, { signal: AbortSignal.abort() }))
  await left.body?.cancel()
  expect(gateway.node.info).toMatchObject({ clients: 0, users: 0 })
})

test('commands for one channel take effect in the order in which they came', async () => {
  const { url, bus, gatekeeper } = await open()
  const client = await raw(url, 'user:ada')
  const gate = createGate()
  const allows = gatekeeper.allows.bind(gatekeeper)
  gatekeeper.allows = async (action, channel) => {
    if (channel === 'a') await gate.pass()
    return allows(action, channel)
  }
  client.send(
    { id: 2, subscribe: { channel: 'a' } },
    { id: 3, unsubscribe: { channel: 'a' } },
    { id: 4, subscribe: { channel: 'a' } },
    { id: 5, publish: { channel: 'a', data: 'mine' } },
    { id: 6, subscribe: { channel: 'b' } },
  )
  // Other channels do not wait for it.
  await client.reply(6)
  gate.open()
  await client.reply(5)
  expect(client.lines.flatMap(({ id }) => (id === undefined ? [] : [id]))).toEqual([1, 6, 2, 3, 4, 5])
  const got = () => client.lines.flatMap(({ push }) => (push?.channel === 'a' ? [push.pub.data] : []))
  await eventually(() => expect(got()).toEqual(['mine']))
  client.send({ id: 7, unsubscribe: { channel: 'a' } })
  await client.reply(7)
  expect(client.lines.filter(({ error }) => error !== undefined)).toEqual([])
  await bus.publisher.publish('a', 'nobody gets it')
  await bus.publisher.publish('b', 'last')
  await eventually(() => expect(client.lines.at(-1)).toMatchObject({ push: { channel: 'b' } }))
  expect(got()).toEqual(['mine'])
})

test('a subscription that is begun, ended and begun in one tick is there', async () => {
  const { url } = await open()
  const client = sdk(url, { token: 'user:ada' })
  await client.ready()
  const { subscription } = listenTo(client, 'a')
  subscription.unsubscribe()
  subscription.subscribe()
  const ended: number[] = []
  subscription.on('unsubscribed', ({ code }) => ended.push(code))
  await subscription.ready()
  expect(ended).toEqual([])
})

test('by the default limits a client may have all its channels at once', async () => {
  const { url, gateway } = await open()
  const client = sdk(url, { token: 'user:ada' })
  const { channelsPerClient } = gateway.node.limits
  const all = Array.from({ length: channelsPerClient }, (_, n) => listenTo(client, `channel-${n}`).subscription)
  await Promise.all(all.map((subscription) => subscription.ready()))
  client.disconnect()
  client.connect()
  await Promise.all(all.map((subscription) => subscription.ready()))
  expect(client.state).toBe('connected')
})

test('commands beyond the rate are refused for now, and only far beyond it the connection ends', async () => {
  const { url } = await open({ limits: { commandsPerSecond: 1, channelsPerClient: 8 } })
  const client = await raw(url, 'user:ada')
  const publish = (from: number, count: number) =>
    client.send(...Array.from({ length: count }, (_, n) => ({ id: from + n, publish: { channel: 'a', data: n } })))
  publish(2, 60)
  const refused = await client.reply(61)
  expect(refused.error).toMatchObject({ code: 111, temporary: true })
  expect((await client.reply(2)).error).toBeUndefined()
  client.send({ id: 99, unsubscribe: { channel: 'a' } })
  expect((await client.reply(99)).error).toBeUndefined()
  publish(100, 40)
  expect(await client.closed).toBe(3510)
})

test('what the server subscribes a client to while it connects does not hinder it', async () => {
  const { url, gateway, gatekeeper, bus } = await open()
  const { control } = gateway.node
  gatekeeper.channels = ['mine', 'mine']
  const gate = createGate()
  const isRevoked = control.isRevoked.bind(control)
  control.isRevoked = async (...args) => {
    await gate.pass()
    return isRevoked(...args)
  }
  const obeyed: string[] = []
  const client = await raw(url)
  client.send({ id: 1, connect: { token: 'user:ada' } })
  await gate.reached
  control.on(({ kind }) => obeyed.push(kind))
  await control.send({ kind: 'subscribe', userId: 'ada', channel: 'mine' })
  await control.send({ kind: 'subscribe', userId: 'ada', channel: 'more' })
  await eventually(() => expect(obeyed).toHaveLength(2))
  gate.open()
  expect(await client.reply(1)).toMatchObject({ connect: { subs: { mine: {} } } })
  await eventually(() => expect(client.lines[1]).toMatchObject({ push: { channel: 'more', subscribe: {} } }))
  for (const channel of ['mine', 'more']) await bus.publisher.publish(channel, channel)
  await eventually(() => expect(client.lines).toHaveLength(4))
  expect(client.lines.slice(2).map(({ push }) => push.pub.data)).toEqual(['mine', 'more'])
})

test('one connection too many of a user is told so, and comes in once there is room', async () => {
  const { url } = await open({ limits: { connectionsPerUser: 1 } })
  const first = sdk(url, { token: 'user:ada' })
  await first.ready()
  const second = await raw(url)
  second.send({ id: 1, connect: { token: 'user:ada' } })
  expect((await second.reply(1)).error).toMatchObject({ code: 111, temporary: true })
  expect(await second.closed).toBe(3013)
  const third = sdk(url, { token: 'user:ada' })
  const refused = await new Promise<{ error: { code: number } }>((resolve) => third.on('error', resolve))
  expect(refused.error.code).toBe(111)
  first.disconnect()
  await third.ready()
})

test('a subscription that the server takes back while it is made is no failure', async () => {
  const errors: unknown[] = []
  const { url, gateway } = await open({ onError: (error) => errors.push(error) })
  const { control, hub } = gateway.node
  const client = await raw(url, 'user:ada')
  const gate = createGate()
  const acquire = hub.acquire.bind(hub)
  hub.acquire = async (name) => {
    await gate.pass()
    return acquire(name)
  }
  await control.send({ kind: 'subscribe', userId: 'ada', channel: 'a' })
  await gate.reached
  await control.send({ kind: 'unsubscribe', userId: 'ada', channel: 'a' })
  await eventually(() => expect(client.lines.at(-1)).toMatchObject({ push: { channel: 'a', unsubscribe: {} } }))
  gate.open()
  await control.send({ kind: 'subscribe', userId: 'ada', channel: 'a' })
  await eventually(() => expect(client.lines.at(-1)).toMatchObject({ push: { channel: 'a', subscribe: {} } }))
  expect(errors).toEqual([])
})

test('a subscription that cannot be made in time is answered in time, and made later', async () => {
  const { url, gateway } = await open()
  const { hub } = gateway.node
  const client = sdk(url, { token: 'user:ada' })
  await client.ready()
  const gate = createGate()
  const acquire = hub.acquire.bind(hub)
  hub.acquire = async (name) => {
    if (name === 'stuck') await gate.pass()
    return acquire(name)
  }
  const lost: unknown[] = []
  client.on('connecting', (context) => lost.push(context))
  const { subscription, got } = listenTo(client, 'stuck')
  const refused = await new Promise<{ error: { code: number } }>((resolve) => subscription.on('error', resolve))
  expect(refused.error.code).toBe(100)
  await listenTo(client, 'other').subscription.ready()
  gate.open()
  await subscription.ready()
  await client.publish('stuck', 'once')
  await eventually(() => expect(got).toEqual(['once']))
  expect(lost).toEqual([])
}, 15_000)
