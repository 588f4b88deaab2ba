import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Centrifuge, type Options } from 'centrifuge'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { jwtGatekeeper } from '../../src/gateway/auth/jwt-gatekeeper.ts'
import { mintToken } from '../../src/gateway/auth/mint-token.ts'
import type { ClientSession } from '../../src/gateway/client-session.ts'
import { createGateway } from '../../src/gateway/gateway.ts'
import { emulationRoutes } from '../../src/gateway/streams/emulation-routes.ts'
import { EventBus } from '../../src/index.ts'
import { FetchEventSource } from '../support/event-source.ts'
import { eventually } from '../support/eventually.ts'
import { listenTo, upTo } from '../support/gateway.ts'
import { RedisServer } from '../support/redis-server.ts'

const SECRET = 'a secret that only tests know, and long enough'

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(() => redis.stopWithoutLeaks())

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** A gateway with real tokens. */
async function open() {
  const bus = new EventBus({ redis: redis.url, namespace: randomUUID(), channelPrefix: '' })
  const may = 'authenticated'
  const gatekeeper = jwtGatekeeper({
    keys: [{ alg: 'HS256', secret: SECRET }],
    channels: {
      'room:*': { subscribe: may, publish: may, history: may, presence: may, joinLeave: true },
      'quiet:*': { subscribe: may },
      'secret:*': { subscribe: 'token', presence: may },
    },
  })
  const errors: unknown[] = []
  const onError = (error: unknown) => errors.push(error)
  const rpc = { double: (data: unknown) => (data as number) * 2 }
  const gateway = createGateway({ bus, gatekeeper, rpc, routes: emulationRoutes, onError })
  await gateway.ready
  const server = createServer()
  gateway.attach(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ending.push(async () => {
    await gateway.close(0)
    await bus.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    expect(errors).toEqual([])
  })
  const { port } = server.address() as AddressInfo
  const { node } = gateway
  const sessions: ClientSession[] = []
  const make = node.open.bind(node)
  node.open = (...args) => {
    const session = make(...args)
    sessions.push(session)
    return session
  }
  return { bus, port, node, sessions }
}

const token = (seconds = 600, more: { channel?: string; userId?: string; claims?: Record<string, unknown> } = {}) =>
  mintToken({ secret: SECRET, userId: 'ada', expiresAt: new Date(Date.now() + seconds * 1_000), ...more })

type Told<Name extends string> = { once(name: Name, handler: (context: never) => void): unknown }
/** What the next event of this name says. */
const next = <Context>(from: Told<never>, name: string): Promise<Context> =>
  new Promise((resolve) => from.once(name as never, resolve as never))

interface Why {
  readonly code: number
  readonly reason: string
}

describe.each(['websocket', 'http_stream', 'sse'] as const)(
  'the protocol, spoken by the centrifuge client over %s',
  (transport) => {
    async function connect(port: number, options: Partial<Options> = {}): Promise<Centrifuge> {
      const scheme = transport === 'websocket' ? 'ws' : 'http'
      const client = new Centrifuge(
        [{ transport, endpoint: `${scheme}://127.0.0.1:${port}/connection/${transport}` }],
        {
          websocket: WebSocket,
          eventsource: FetchEventSource,
          emulationEndpoint: `http://127.0.0.1:${port}/emulation`,
          token: await token(),
          getToken: () => token(),
          minReconnectDelay: 20,
          maxReconnectDelay: 100,
          ...options,
        },
      )
      ending.push(() => client.disconnect())
      client.connect()
      return client
    }

    test('connect asks for a token where it has none, and refreshes one before it ends', async () => {
      const { port } = await open()
      let asked = 0
      const getToken = () => {
        asked += 1
        return token(asked === 1 ? 2 : 600)
      }
      const client = await connect(port, { token: '', getToken })
      const codes: number[] = []
      client.on('connecting', ({ code }) => codes.push(code))
      await client.ready()
      expect(asked).toBe(1)
      await eventually(() => expect(asked).toBe(2), 10_000)
      // Beyond the end of the first one, and the time that is given for the next.
      if (transport === 'websocket') await new Promise((resolve) => setTimeout(resolve, 7_500))
      expect([client.state, codes]).toEqual(['connected', []])
      expect((await client.rpc('double', 21)).data).toBe(42)
    }, 30_000)

    test('a subscription token opens its channel, and is renewed before it ends', async () => {
      const { port, bus } = await open()
      const client = await connect(port)
      await client.ready()
      const denied = client.newSubscription('secret:a')
      const why = next<Why>(denied, 'unsubscribed')
      denied.subscribe()
      expect((await why).code).toBe(103)
      const asked: string[] = []
      const subscription = client.newSubscription('secret:b', {
        getToken: ({ channel }) => {
          asked.push(channel)
          return token(asked.length === 1 ? 2 : 600, { channel })
        },
      })
      const got: unknown[] = []
      const lost: unknown[] = []
      subscription.on('publication', ({ data }) => got.push(data)).on('subscribing', (context) => lost.push(context))
      subscription.subscribe()
      await subscription.ready()
      lost.length = 0
      await eventually(() => expect(asked).toEqual(['secret:b', 'secret:b']), 10_000)
      await new Promise((resolve) => setTimeout(resolve, 2_500))
      await bus.publisher.publish('secret:b', 1)
      await eventually(() => expect(got).toEqual([1]))
      expect(lost).toEqual([])
      // One for another channel, or of another user, opens nothing.
      for (const more of [{ channel: 'secret:x' }, { channel: 'secret:c', userId: 'bob' }]) {
        const other = client.newSubscription('secret:c', { token: await token(60, more) })
        const refused = next<Why>(other, 'unsubscribed')
        other.subscribe()
        expect((await refused).code).toBe(101)
        client.removeSubscription(other)
      }
    }, 30_000)

    test('a subscription that is renewed no more ends', async () => {
      const { port, node } = await open()
      const client = await connect(port)
      const subscription = client.newSubscription('secret:b', { token: await token(2, { channel: 'secret:b' }) })
      subscription.subscribe()
      await subscription.ready()
      // The client itself asks for another one, and has no way to get it.
      await next(subscription, 'unsubscribed')
      await eventually(() => expect(node.hub.get('secret:b')?.size ?? 0).toBe(0), 10_000)
    }, 30_000)

    test('a subscription may begin at a position, with history that is paged', async () => {
      const { port, bus } = await open()
      await bus.policies.apply({ 'room:*': { history: { maxCount: 10_000 } } })
      for (const n of upTo(1_500)) await bus.publisher.publish('room:a', n)
      const client = await connect(port)
      const { epoch } = await client.history('room:a', {})
      const subscription = client.newSubscription('room:a', { since: { offset: 10, epoch } })
      const got: unknown[] = []
      subscription.on('publication', ({ data }) => got.push(data))
      const subscribed = next(subscription, 'subscribed')
      subscription.subscribe()
      expect(await subscribed).toMatchObject({
        wasRecovering: true,
        recovered: true,
        positioned: true,
        recoverable: true,
      })
      await eventually(() => expect(got).toEqual(upTo(1_500, 11)))
      const pages: unknown[] = []
      for (let since = { offset: 0, epoch }; ; ) {
        const { publications } = await subscription.history({ limit: 400, since })
        if (publications.length === 0) break
        pages.push(...publications.map(({ data }) => data))
        since = { offset: publications.at(-1)!.offset!, epoch }
      }
      expect(pages).toEqual(upTo(1_500))
    })

    test('presence, its counts, joining and leaving, on a subscription', async () => {
      const { port } = await open()
      const [ada, bob] = [await connect(port), await connect(port, { token: await token(600, { userId: 'bob' }) })]
      const { subscription } = listenTo(ada, 'room:a')
      const seen: string[] = []
      subscription
        .on('join', ({ info }) => seen.push(`+${info.user}`))
        .on('leave', ({ info }) => seen.push(`-${info.user}`))
      await subscription.ready()
      const other = listenTo(bob, 'room:a').subscription
      await other.ready()
      await eventually(() => expect(seen).toContain('+bob'))
      const { clients } = await subscription.presence()
      expect(
        Object.values(clients)
          .map(({ user }) => user)
          .sort(),
      ).toEqual(['ada', 'bob'])
      expect(await subscription.presenceStats()).toMatchObject({ numClients: 2, numUsers: 2 })
      other.unsubscribe()
      await eventually(() => expect(seen).toContain('-bob'))
      await eventually(async () => expect(await subscription.presenceStats()).toMatchObject({ numClients: 1 }))
      // Nobody is noted where the rule has no presence.
      const quiet = listenTo(ada, 'quiet:a').subscription
      await quiet.ready()
      await expect(quiet.presence()).rejects.toMatchObject({ code: 103 })
    })

    test('a batch is sent at once, and each command of it answered', async () => {
      const { port, sessions } = await open()
      const client = await connect(port)
      await client.ready()
      const received: string[] = []
      const session = sessions.at(-1)
      const receive = session!.receive.bind(session)
      session!.receive = (text) => {
        received.push(text)
        receive(text)
      }
      const { subscription, got } = listenTo(client, 'room:a')
      await subscription.ready()
      received.length = 0
      client.startBatching()
      const calls = [
        ...upTo(10).map((n) => client.publish('room:a', n)),
        client.rpc('double', 4),
        client.presenceStats('room:a'),
      ]
      const refused = expect(client.rpc('nothing', {})).rejects.toMatchObject({ code: 104 })
      client.stopBatching()
      const answers = await Promise.all(calls)
      await refused
      expect(answers.at(-2)).toMatchObject({ data: 8 })
      expect(answers.at(-1)).toMatchObject({ numClients: 1 })
      await eventually(() => expect([...got].sort((a, b) => Number(a) - Number(b))).toEqual(upTo(10)))
      expect(received).toHaveLength(1)
      expect(received[0]!.split('\n').filter((line) => line !== '')).toHaveLength(13)
    })

    test('what a client sends without asking for anything, and what it asks for twice, harms nothing', async () => {
      const { port } = await open()
      const client = await connect(port)
      await client.ready()
      await client.send({ any: 'thing' })
      const { subscription, got } = listenTo(client, 'room:a')
      await subscription.ready()
      subscription.unsubscribe()
      subscription.subscribe()
      await subscription.ready()
      await subscription.publish('once')
      await eventually(() => expect(got).toEqual(['once']))
      expect(client.state).toBe('connected')
    })

    test('subscriptions by the server: of the token, given and taken later, and recovered', async () => {
      const { port, bus, node } = await open()
      await bus.policies.apply({ 'mine:*': { history: { maxCount: 100 } } })
      const getToken = () => token(600, { claims: { channels: ['mine:a'] } })
      const client = await connect(port, { token: '', getToken })
      const got: string[] = []
      const told: string[] = []
      client.on('publication', ({ channel, data }) => got.push(`${channel} ${data}`))
      client.on('subscribed', ({ channel, recovered }) => told.push(`+${channel} ${recovered}`))
      client.on('unsubscribed', ({ channel }) => told.push(`-${channel}`))
      await client.ready()
      await eventually(() => expect(told).toEqual(['+mine:a false']))
      await node.control.send({ kind: 'subscribe', userId: 'ada', channel: 'mine:b' })
      await eventually(() => expect(told.at(-1)).toBe('+mine:b false'))
      await bus.publisher.publish('mine:a', 1)
      await bus.publisher.publish('mine:b', 1)
      await eventually(() => expect([...got].sort()).toEqual(['mine:a 1', 'mine:b 1']))
      await node.control.send({ kind: 'unsubscribe', userId: 'ada', channel: 'mine:b' })
      await eventually(() => expect(told.at(-1)).toBe('-mine:b'))
      client.disconnect()
      await bus.publisher.publish('mine:a', 2)
      client.connect()
      await eventually(() => expect(got.at(-1)).toBe('mine:a 2'))
      expect(told.at(-1)).toBe('+mine:a true')
    })

    test.each([
      [3_000, true],
      [3_499, true],
      [3_500, false],
      [3_999, false],
      [4_000, true],
      [4_499, true],
      [4_500, false],
      [4_999, false],
    ])('disconnected with %i: it comes back: %s', async (code, comesBack) => {
      const { port, node } = await open()
      const client = await connect(port)
      await client.ready()
      const told = next<Why>(client, comesBack ? 'connecting' : 'disconnected')
      await node.control.send({ kind: 'disconnect', userId: 'ada', code, reason: 'as told' })
      expect(await told).toMatchObject({ code, reason: 'as told' })
      if (comesBack) await client.ready()
      else expect(client.state).toBe('disconnected')
    })

    test('a subscription that the server ends for good stays ended; one that is to begin again recovers', async () => {
      const { port, bus, node, sessions } = await open()
      await bus.policies.apply({ 'room:*': { history: { maxCount: 100 } } })
      const client = await connect(port)
      const { subscription, got } = listenTo(client, 'room:a')
      await subscription.ready()
      await bus.publisher.publish('room:a', 1)
      await eventually(() => expect(got).toEqual([1]))
      const again = next(subscription, 'subscribed')
      const session = sessions.at(-1)
      session!.channels.end('room:a', { code: 2_500, reason: 'insufficient state' })
      await bus.publisher.publish('room:a', 2)
      expect(await again).toMatchObject({ wasRecovering: true, recovered: true })
      await eventually(() => expect(got).toEqual([1, 2]))
      const ended = next<Why>(subscription, 'unsubscribed')
      await node.control.send({ kind: 'unsubscribe', userId: 'ada', channel: 'room:a' })
      expect((await ended).code).toBe(2_000)
      expect(subscription.state).toBe('unsubscribed')
    })
  },
)
