import { randomUUID } from 'node:crypto'
import { Centrifuge, type Options } from 'centrifuge'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'
import { connectClient, listenTo, openGateway, upTo } from '../support/gateway.ts'
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

describe.each([
  ['memory', () => ({ redis: `memory:${randomUUID()}` })],
  ['Redis', () => ({ redis: redis.url, namespace: randomUUID(), channelPrefix: `${randomUUID()}:` })],
])('the gateway with the centrifuge client, on %s', (_where, place) => {
  async function open(where: { redis: string; namespace?: string; channelPrefix?: string } = place(), limits = {}) {
    const { channelPrefix, ...connection } = where
    const opened = await openGateway({ connection, channelPrefix, limits })
    ending.push(opened.close)
    return opened
  }

  function connect(url: string, options: Partial<Options> = {}): Centrifuge {
    const client = connectClient(url, options)
    ending.push(() => client.disconnect())
    return client
  }

  test('connect, subscribe, publish, unsubscribe', async () => {
    const { url, bus, gateway } = await open()
    const client = connect(url, { token: 'user:ada' })
    await client.ready()
    const { subscription, got } = listenTo(client, 'chat')
    await subscription.ready()
    await bus.publisher.publish('chat', { n: 1 })
    await client.publish('chat', { n: 2 })
    await bus.publisher.publish('chat', 'text')
    await bus.publisher.publish('chat', '{\n "pretty": true\n}')
    // What only begins as JSON does is a text, and no part of the frame.
    await bus.publisher.publish('chat', '"quoted", she said')
    await bus.publisher.publish('chat', ' "padded"')
    const texts = ['text', { pretty: true }, '"quoted", she said', 'padded']
    await eventually(() => expect(got).toEqual([{ n: 1 }, { n: 2 }, ...texts]))
    subscription.unsubscribe()
    await subscription.ready(50).catch(() => {})
    await bus.publisher.publish('chat', { n: 3 })
    expect(gateway.node.clients).toBe(1)
    expect(got).toHaveLength(6)
  })

  test('without a token a client is nobody; with a bad one it is sent away for good', async () => {
    const { url } = await open()
    await connect(url).ready()
    const refused = connect(url, { token: 'nonsense' })
    const code = await new Promise((resolve) => refused.on('disconnected', (context) => resolve(context.code)))
    expect(code).toBeGreaterThanOrEqual(101)
    let asked = 0
    const renewing = connect(url, {
      token: 'expired',
      getToken: async () => {
        asked += 1
        return 'user:bob'
      },
    })
    await renewing.ready()
    expect(asked).toBe(1)
  })

  test('what is not allowed is refused with its code', async () => {
    const { url } = await open()
    const client = connect(url, { token: 'user:ada' })
    const { subscription } = listenTo(client, 'private:x')
    const code = await new Promise((resolve) => subscription.on('unsubscribed', (context) => resolve(context.code)))
    expect(code).toBe(103)
    await expect(client.publish('private:x', 1)).rejects.toMatchObject({ code: 103 })
    await expect(client.publish('a*', 1)).rejects.toMatchObject({ code: 107 })
    await expect(client.rpc('nothing', {})).rejects.toMatchObject({ code: 104 })
    await expect(client.history('plain', { limit: 1 })).rejects.toMatchObject({ code: 108 })
  })

  test('positions, history both ways, and recovery of exactly what was missed', async () => {
    const { url, bus } = await open()
    await bus.policies.apply({ 'log*': { history: { maxCount: 10_000 } } })
    const client = connect(url, { token: 'user:ada' })
    const { subscription, got, publications: all } = listenTo(client, 'log1')
    const first = await new Promise<{ recoverable: boolean; positioned: boolean }>((resolve) =>
      subscription.once('subscribed', resolve),
    )
    expect(first).toMatchObject({ recoverable: true, positioned: true })
    for (const n of upTo(5)) await bus.publisher.publish('log1', n)
    await eventually(() => expect(got).toEqual(upTo(5)))
    expect(all.map(({ offset }) => offset)).toEqual(upTo(5))
    client.disconnect()
    for (const n of upTo(2_700, 6)) await bus.publisher.publish('log1', n)
    const again = new Promise<{ recovered: boolean; wasRecovering: boolean }>((resolve) =>
      subscription.once('subscribed', resolve),
    )
    client.connect()
    expect(await again).toMatchObject({ wasRecovering: true, recovered: true })
    await bus.publisher.publish('log1', 2_701)
    await eventually(() => expect(got).toEqual(upTo(2_701)))
    const history = await subscription.history({ limit: 3 })
    expect(history.publications.map(({ data }) => data)).toEqual([1, 2, 3])
    const later = await subscription.history({ limit: 2, since: { offset: 3, epoch: history.epoch } })
    expect(later.publications.map(({ data }) => data)).toEqual([4, 5])
    const back = await subscription.history({ limit: 2, reverse: true })
    expect(back.publications.map(({ data }) => data)).toEqual([2_701, 2_700])
    expect(await subscription.history({})).toMatchObject({ publications: [], offset: 2_701 })
  })

  test('a recovery that is larger than what may wait for a client is given in parts', async () => {
    const { url, bus } = await open(place(), { queueBytes: 200_000 })
    await bus.policies.apply({ 'log*': { history: { maxCount: 10_000 } } })
    const client = connect(url, { token: 'user:ada' })
    const { subscription, got } = listenTo(client, 'log6')
    await subscription.ready()
    await bus.publisher.publish('log6', 1)
    await eventually(() => expect(got).toEqual([1]))
    client.disconnect()
    const text = 'x'.repeat(10_000)
    for (const n of upTo(300, 2)) await bus.publisher.publish('log6', [n, text])
    client.connect()
    await eventually(() => expect(got.slice(1).map((each) => (each as [number])[0])).toEqual(upTo(300, 2)), 15_000)
    await bus.publisher.publish('log6', 'live')
    await eventually(() => expect(got.at(-1)).toBe('live'))
    expect(client.state).toBe('connected')
  })

  test('recovery in the middle of a flood has no hole and nothing twice, for many at once', async () => {
    const { url, bus } = await open()
    await bus.policies.apply({ 'log*': { history: { maxCount: 10_000 } } })
    const clients = upTo(5).map(() => connect(url, { token: 'user:ada' }))
    const lists = clients.map((client) => listenTo(client, 'log2'))
    await Promise.all(lists.map(({ subscription }) => subscription.ready()))
    let sent = 0
    let flooding = true
    const flood = (async () => {
      while (flooding) await Promise.all(upTo(20).map(() => bus.publisher.publish('log2', ++sent)))
    })()
    for (let round = 0; round < 6; round += 1) {
      for (const client of clients) {
        client.disconnect()
        await new Promise((resolve) => setTimeout(resolve, 10))
        client.connect()
      }
      await Promise.all(lists.map(({ subscription }) => subscription.ready()))
    }
    flooding = false
    await flood
    await eventually(() => {
      for (const { got } of lists) expect(got.at(-1)).toBe(sent)
    }, 15_000)
    for (const { got } of lists) expect(got).toEqual(upTo(sent, got[0] as number))
  })

  test('what retention has passed is not recovered, and said', async () => {
    const { url, bus } = await open()
    await bus.policies.apply({ 'log*': { history: { maxCount: 5 } } })
    const client = connect(url, { token: 'user:ada' })
    const { subscription, got } = listenTo(client, 'log3')
    await subscription.ready()
    await bus.publisher.publish('log3', 1)
    await eventually(() => expect(got).toEqual([1]))
    client.disconnect()
    // More than the node itself still has in memory.
    await Promise.all(upTo(1_500, 2).map((n) => bus.publisher.publish('log3', n)))
    const again = new Promise((resolve) => subscription.once('subscribed', resolve))
    client.connect()
    expect(await again).toMatchObject({ wasRecovering: true, recovered: false })
    await bus.publisher.publish('log3', 'live')
    await eventually(() => expect(got).toEqual([1, 'live']))
  })

  test('presence, its counts, join and leave', async () => {
    const { url } = await open()
    const [ada, bob] = [connect(url, { token: 'user:ada' }), connect(url, { token: 'user:bob' })]
    const { subscription } = listenTo(ada, 'room')
    const seen: string[] = []
    subscription.on('join', ({ info }) => seen.push(`+${info.user}`))
    subscription.on('leave', ({ info }) => seen.push(`-${info.user}`))
    await subscription.ready()
    const other = listenTo(bob, 'room').subscription
    await other.ready()
    await eventually(() => expect(seen).toContain('+bob'))
    const { clients } = await subscription.presence()
    expect(
      Object.values(clients)
        .map(({ user, connInfo }) => [user, connInfo])
        .sort(),
    ).toEqual([
      ['ada', { name: 'ada' }],
      ['bob', { name: 'bob' }],
    ])
    expect(await ada.presenceStats('room')).toMatchObject({ numClients: 2, numUsers: 2 })
    bob.disconnect()
    await eventually(() => expect(seen).toContain('-bob'))
    await eventually(async () => expect(await ada.presenceStats('room')).toMatchObject({ numClients: 1 }))
  })

  test("a user's inbox: counts on connect, notifications and changes live on all devices, methods by RPC", async () => {
    const { url, notifications } = await open()
    await notifications.sendToUser('ada', { type: 'info', title: 'before', message: '' })
    const [phone, laptop] = [connect(url, { token: 'user:ada' }), connect(url, { token: 'user:ada' })]
    const connected = await new Promise<{ data?: { inbox: { counts: { unread: number } } } }>((resolve) =>
      phone.once('connected', resolve),
    )
    expect(connected.data?.inbox.counts.unread).toBe(1)
    await laptop.ready()
    type Told = { kind: string; notification?: { title: string }; change?: { counts: { unread: number } } }
    const told: Told[] = []
    laptop.on('publication', ({ channel, data }) => {
      if (channel === '#inbox') told.push(data as Told)
    })
    await notifications.sendToUser('ada', { type: 'info', title: 'live', message: '' })
    await eventually(() => expect(told.find(({ kind }) => kind === 'notification')?.notification?.title).toBe('live'))
    const { data: page } = (await phone.rpc('inbox.list', { limit: 10 })) as {
      data: { notifications: { id: string }[] }
    }
    expect(page.notifications).toHaveLength(2)
    const ids = page.notifications.map(({ id }) => id)
    expect((await phone.rpc('inbox.read', { ids })).data).toEqual({ outcomes: ['changed', 'changed'] })
    await eventually(() => expect(told.at(-1)?.change?.counts.unread).toBe(0))
    await notifications.broadcast({ type: 'info', title: 'to all', message: '' })
    await eventually(() => expect(told.at(-1)?.change?.counts.unread).toBe(1))
    await expect(phone.rpc('inbox.list', { limit: -1 })).rejects.toMatchObject({ code: 107 })
    await expect(connect(url).rpc('inbox.list', {})).rejects.toMatchObject({ code: 103 })
  })

  test('server-side subscriptions recover as the others do', async () => {
    const where = place()
    const { url, bus, gatekeeper } = await open(where)
    await bus.policies.apply({ 'log*': { history: { maxCount: 1_000 } } })
    gatekeeper.channels = ['log4']
    const client = connect(url, { token: 'user:ada' })
    const got: unknown[] = []
    client.on('publication', ({ channel, data }) => channel === 'log4' && got.push(data))
    await client.ready()
    for (const n of upTo(3)) await bus.publisher.publish('log4', n)
    await eventually(() => expect(got).toEqual(upTo(3)))
    client.disconnect()
    for (const n of upTo(10, 4)) await bus.publisher.publish('log4', n)
    const again = new Promise((resolve) =>
      client.once('subscribed', (context) => context.channel === 'log4' && resolve(context)),
    )
    client.connect()
    expect(await again).toMatchObject({ wasRecovering: true, recovered: true })
    await bus.publisher.publish('log4', 11)
    await eventually(() => expect(got).toEqual(upTo(11)))
  })

  test('clients move between two nodes without missing anything', async () => {
    const where = place()
    const [one, two] = [await open(where), await open(where)]
    await one.bus.policies.apply({ 'log*': { history: { maxCount: 10_000 } } })
    await two.bus.connection.pubSub.readPolicies()
    let current = one.url
    const client = new Centrifuge([{ transport: 'websocket', endpoint: current }], {
      websocket: class extends WebSocket {
        constructor() {
          super(current)
        }
      },
      minReconnectDelay: 20,
      maxReconnectDelay: 100,
      token: 'user:ada',
    })
    ending.push(() => client.disconnect())
    client.connect()
    const { subscription, got } = listenTo(client, 'log5')
    await subscription.ready()
    let sent = 0
    for (let round = 0; round < 6; round += 1) {
      for (let n = 0; n < 30; n += 1) await (round % 2 ? one : two).bus.publisher.publish('log5', ++sent)
      current = round % 2 ? one.url : two.url
      client.disconnect()
      for (let n = 0; n < 30; n += 1) await one.bus.publisher.publish('log5', ++sent)
      client.connect()
      await subscription.ready()
    }
    await eventually(() => expect(got).toEqual(upTo(sent)))
  })

  test('limits: channels, size of a message, commands a second, connections of a user', async () => {
    const { url } = await open(place(), {
      channelsPerClient: 2,
      messageBytes: 100,
      commandsPerSecond: 20,
      connectionsPerUser: 2,
    })
    const client = connect(url, { token: 'user:ada' })
    await client.ready()
    await listenTo(client, 'a').subscription.ready()
    await listenTo(client, 'b').subscription.ready()
    const third = listenTo(client, 'c').subscription
    expect(await new Promise((resolve) => third.on('unsubscribed', ({ code }) => resolve(code)))).toBe(106)
    await expect(client.publish('a', 'x'.repeat(200))).rejects.toMatchObject({ code: 106 })
    const second = connect(url, { token: 'user:ada' })
    await second.ready()
    const more = connect(url, { token: 'user:ada' })
    const refused = await new Promise<{ error: { code: number } }>((resolve) => more.on('error', resolve))
    expect(refused.error.code).toBe(111)
    expect(more.state).toBe('connecting')
    const flooded = new Promise<number>((resolve) => second.on('disconnected', ({ code }) => resolve(code)))
    for (let n = 0; n < 200; n += 1) second.publish('a', n).catch(() => {})
    expect(await flooded).toBe(3510)
    expect(client.state).toBe('connected')
  })

  test('a node that drains tells its clients to connect elsewhere, and is not ready', async () => {
    const { url, gateway, port } = await open()
    const client = connect(url, { token: 'user:ada' })
    await client.ready()
    const health = async (what: string) => (await fetch(`http://127.0.0.1:${port}/health/${what}`)).status
    expect([await health('live'), await health('ready')]).toEqual([200, 200])
    const told = new Promise((resolve) => client.on('connecting', ({ code }) => resolve(code)))
    const closing = gateway.close(50)
    expect(await told).toBe(3001)
    await closing
    expect(gateway.node.clients).toBe(0)
  })
})
