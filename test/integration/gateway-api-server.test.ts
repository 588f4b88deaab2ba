import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient, listenTo } from '../support/gateway.ts'
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
  ['Redis', () => ({ redis: redis.url, namespace: randomUUID() })],
])("Centrifugo's server API, on %s", (_where, place) => {
  async function open(connection = place(), limits = {}): Promise<TestApi> {
    const api = await openApi({ connection, channelPrefix: `${randomUUID()}:`, limits })
    ending.push(() => api.close())
    return api
  }

  async function client(api: TestApi, userId: string) {
    const connected = connectClient(api.url, { token: `user:${userId}`, getToken: async () => `user:${userId}` })
    ending.push(() => connected.disconnect())
    await connected.ready(5_000)
    return connected
  }

  const history = (pattern: string) => ({ [pattern]: { history: { maxCount: 100 } } })

  test('publishes to the clients of a channel', async () => {
    const api = await open()
    const listening = listenTo(await client(api, 'u1'), 'news')
    await listening.subscription.ready(5_000)
    expect(await api.call('publish', { channel: 'news', data: { a: 1 } })).toEqual({ result: {} })
    const b64data = Buffer.from('{"b":2}').toString('base64')
    expect(await api.call('publish', { channel: 'news', b64data })).toEqual({ result: {} })
    await eventually(() => expect(listening.got).toEqual([{ a: 1 }, { b: 2 }]))
  })

  test('tells where a publication is on a channel with history, and makes it once for a key', async () => {
    const api = await open()
    await api.bus.policies.apply(history('kept*'))
    const first = await api.call('publish', { channel: 'kept', data: 1, idempotency_key: 'k' })
    expect(first).toEqual({ result: { offset: 1, epoch: expect.stringMatching(/^[0-9a-z]+\.1$/) } })
    expect(await api.call('publish', { channel: 'kept', data: 1, idempotency_key: 'k' })).toEqual(first)
    const other = await api.call('publish', { channel: 'kept', data: 2, idempotency_key: 'l' })
    expect(other.result.offset).toBe(2)
  })

  test('keeps the keys of channels that share a log apart', async () => {
    const api = await open()
    await api.bus.policies.apply({ 's:*': { history: { maxCount: 100 }, log: 'shared' } })
    const { result } = await api.call('broadcast', { channels: ['s:a', 's:b'], data: 1, idempotency_key: 'k' })
    expect(result.responses.map((each: { result: { offset: number } }) => each.result.offset)).toEqual([1, 2])
  })

  test('broadcasts to channels, and fails for each alone', async () => {
    const api = await open()
    await api.bus.policies.apply(history('kept'))
    const { result } = await api.call('broadcast', { channels: ['plain', '', 'kept'], data: 'x' })
    expect(result.responses).toEqual([
      { result: {} },
      { error: { code: 107, message: expect.stringContaining('channel') } },
      { result: { offset: 1, epoch: expect.any(String) } },
    ])
  })

  test('reads history page by page, in both directions, and says when a position is not of the log', async () => {
    const api = await open()
    await api.bus.policies.apply(history('kept'))
    for (let n = 1; n <= 5; n += 1) await api.call('publish', { channel: 'kept', data: n })
    const { result: place } = await api.call('history', { channel: 'kept' })
    expect(place).toEqual({ publications: [], offset: 5, epoch: expect.any(String) })
    const data = async (request: object) => {
      const { result } = await api.call('history', { channel: 'kept', ...request })
      return result.publications.map((publication: { data: unknown }) => publication.data)
    }
    const { epoch } = place
    expect(await data({ limit: -1 })).toEqual([1, 2, 3, 4, 5])
    expect(await data({ limit: 2, since: { offset: 1, epoch } })).toEqual([2, 3])
    expect(await data({ limit: 2, reverse: true })).toEqual([5, 4])
    expect(await data({ limit: 2, reverse: true, since: { offset: 4, epoch } })).toEqual([3, 2])
    const foreign = { channel: 'kept', limit: 1, since: { offset: 1, epoch: 'other.1' } }
    expect(await api.call('history', foreign)).toEqual({ error: { code: 112, message: 'unrecoverable position' } })
    expect(await api.call('history', { channel: 'plain' })).toEqual({ error: { code: 108, message: 'not available' } })
  })

  test('says who is on a channel', async () => {
    const api = await open()
    const [one, two] = [await client(api, 'u1'), await client(api, 'u1')]
    for (const each of [one, two]) await listenTo(each, 'room').subscription.ready(5_000)
    await eventually(async () =>
      expect(await api.call('presence_stats', { channel: 'room' })).toEqual({
        result: { num_clients: 2, num_users: 1 },
      }),
    )
    const { result } = await api.call('presence', { channel: 'room' })
    expect(Object.keys(result.presence).sort()).toHaveLength(2)
    expect(Object.values(result.presence)).toContainEqual(
      expect.objectContaining({ user: 'u1', conn_info: { name: 'u1' } }),
    )
    api.gatekeeper.rules.quiet = { presence: false }
    expect(await api.call('presence', { channel: 'quiet' })).toEqual({ error: { code: 108, message: 'not available' } })
  })

  test('lists channels that somebody listens to, but not those of the inside', async () => {
    const api = await open()
    const connected = await client(api, 'u1')
    for (const name of ['a:1', 'a:2', 'b:1']) await listenTo(connected, name).subscription.ready(5_000)
    await eventually(async () => {
      const { result } = await api.call('channels', {})
      const names = Object.keys(result.channels).filter((name) => /^[ab]:\d$/.test(name))
      expect(names.sort()).toEqual(['a:1', 'a:2', 'b:1'])
      expect(Object.keys(result.channels).filter((name) => name.startsWith(api.bus.connection.namespace))).toEqual([])
      expect(result.channels['a:1']).toEqual({ num_clients: 1 })
    })
    const { result } = await api.call('channels', { pattern: 'a:*' })
    expect(Object.keys(result.channels).sort()).toEqual(['a:1', 'a:2'])
  })

  test('lists all nodes', async () => {
    const where = place()
    const [one, two] = [await open(where), await open(where)]
    const { result } = await one.call('info', {})
    const known = result.nodes.map(({ uid }: { uid: string }) => uid).sort()
    expect(known).toEqual([one.gateway.node.id, two.gateway.node.id].sort())
    expect(result.nodes[0]).toMatchObject({ num_clients: 0, num_users: 0, num_channels: 0, uptime: expect.any(Number) })
  })

  test('subscribes, unsubscribes and disconnects a user, whatever the node', async () => {
    const where = place()
    const [one, two] = [await open(where), await open(where)]
    const connected = await client(two, 'u1')
    const got: unknown[] = []
    connected.on('publication', ({ channel, data }) => got.push([channel, data]))
    const subscribed = new Promise((resolve) => connected.on('subscribed', ({ channel }) => resolve(channel)))
    expect(await one.call('subscribe', { user: 'u1', channel: 'extra' })).toEqual({ result: {} })
    expect(await subscribed).toBe('extra')
    await one.call('publish', { channel: 'extra', data: 1 })
    await eventually(() => expect(got).toEqual([['extra', 1]]))

    const unsubscribed = new Promise((resolve) => connected.on('unsubscribed', ({ channel }) => resolve(channel)))
    expect(await one.call('unsubscribe', { user: 'u1', channel: 'extra' })).toEqual({ result: {} })
    expect(await unsubscribed).toBe('extra')

    const gone = new Promise((resolve) => connected.on('disconnected', resolve))
    const disconnect = { code: 4_501, reason: 'paid no more' }
    expect(await one.call('disconnect', { user: 'u1', disconnect })).toEqual({ result: {} })
    expect(await gone).toEqual({ code: 4_501, reason: 'paid no more' })
  })

  test('ends what has expired, at once or when it has', async () => {
    const api = await open()
    const connected = [await client(api, 'u1'), await client(api, 'u2')]
    const codes = connected.map(
      (each) => new Promise<number>((resolve) => each.on('connecting', ({ code }) => resolve(code))),
    )
    expect(await api.call('refresh', { user: 'u1', expired: true })).toEqual({ result: {} })
    expect(await codes[0]).toBe(3_005)
    expect(await api.call('refresh', { user: 'u2', expire_at: Math.floor(Date.now() / 1_000) })).toEqual({ result: {} })
    // A client is given five seconds to ask for a new token.
    expect(await codes[1]).toBe(3_005)
  })

  test('does several things in one request, each with its own outcome', async () => {
    const api = await open()
    await api.bus.policies.apply(history('kept'))
    const commands = [
      { publish: { channel: 'kept', data: 1 } },
      { publish: { channel: 'kept' } },
      { nothing: {} },
      { history: { channel: 'kept', limit: 10 } },
      null,
    ]
    const { replies } = await api.call('batch', { commands })
    expect(replies).toEqual([
      { publish: { offset: 1, epoch: expect.any(String) } },
      { error: { code: 107, message: 'bad request: "data" is missing' } },
      { error: { code: 104, message: 'method not found' } },
      {
        history: {
          publications: [{ data: 1, offset: 1 }],
          offset: 1,
          epoch: expect.any(String),
        },
      },
      { error: { code: 107, message: expect.any(String) } },
    ])
    const parallel = await api.call('batch', {
      commands: Array(50).fill({ publish: { channel: 'kept', data: 2 } }),
      parallel: true,
    })
    const offsets = parallel.replies.map(({ publish }: { publish: { offset: number } }) => publish.offset)
    expect(offsets.sort((a: number, b: number) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 2))
  })
})
