import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import WebSocket from 'ws'
import { type Client, ClientError, type ClientOptions, createClient, type EventGap } from '../../src/client/index.ts'
import { CLIENT_ERRORS, UNSUBSCRIBES } from '../../src/protocol/codes.ts'
import { eventually } from '../support/eventually.ts'
import { FakeGateway } from '../support/fake-gateway.ts'

interface Shop {
  'order.created': { n: number }
  'cache.cleared': undefined
}

const CHANNEL = 'events:order.created'
let gateway: FakeGateway

beforeEach(async () => {
  gateway = await FakeGateway.start()
})
afterEach(() => gateway.close())

function connect(options: Partial<ClientOptions> = {}): Client<Shop> {
  const client = createClient<Shop>({
    url: gateway.url,
    websocket: WebSocket,
    minReconnectDelayMs: 5,
    maxReconnectDelayMs: 20,
    ...options,
  })
  onTestFinished(() => client.close())
  return client
}

const created = (n: number) => ({ type: 'order.created', timestamp: '2026-11-24T10:00:00.000Z', data: { n } })

describe('events', () => {
  it('come as on the server, to every handler, by one subscription', async () => {
    const client = connect()
    const [first, second] = [vi.fn(), vi.fn()]
    await client.events.on('order.created', first).ready
    await client.events.on('order.created', second).ready
    gateway.publish(CHANNEL, created(1))
    await eventually(() => expect(second).toHaveBeenCalledTimes(1))
    expect(first.mock.calls).toEqual([[created(1)]])
    expect(gateway.of('subscribe').map(({ channel }) => channel)).toEqual([CHANNEL])
  })

  it('have their position, on channels with history', async () => {
    gateway.keep(CHANNEL, 'abc.3')
    const client = connect()
    const events: unknown[] = []
    await client.events.on('order.created', (event) => events.push(event.position)).ready
    gateway.publish(CHANNEL, created(1))
    gateway.publish(CHANNEL, created(2))
    await eventually(() => expect(events).toEqual(['1-3@abc', '2-3@abc']))
  })

  it('may be missing on a channel without history, where the gateway says so', async () => {
    const client = connect()
    const gaps: EventGap[] = []
    await client.events.on('order.created', () => {}, { onGap: (gap) => gaps.push(gap) }).ready
    gateway.push(CHANNEL, { unsubscribe: UNSUBSCRIBES.insufficient })
    await eventually(() => expect(gaps).toEqual([{ type: 'order.created', from: undefined, to: undefined }]))
    gateway.cut()
    await eventually(() => expect(gateway.of('subscribe')).toHaveLength(3))
    expect(gaps).toHaveLength(1)
  })

  it('have their position from the first of a log on', async () => {
    gateway.keep(CHANNEL)
    const client = connect()
    const events: unknown[] = []
    await client.events.on('order.created', (event) => events.push(event.position)).ready
    gateway.publish(CHANNEL, created(1))
    gateway.publish(CHANNEL, created(2))
    await eventually(() => expect(events).toEqual(['1-1@newborn', '2-1@newborn']))
  })

  it('that were missed come after a reconnect, each with the position of its own generation', async () => {
    gateway.keep(CHANNEL, 'abc.1')
    const client = connect()
    const events: unknown[] = []
    const onGap = vi.fn()
    await client.events.on('order.created', ({ data, position }) => events.push([data.n, position]), { onGap }).ready
    gateway.publish(CHANNEL, created(1))
    await eventually(() => expect(events).toHaveLength(1))
    gateway.cut()
    gateway.publish(CHANNEL, created(2))
    gateway.logs.get(CHANNEL)!.epoch = 'abc.2'
    gateway.publish(CHANNEL, created(3))
    await eventually(() => expect(events).toHaveLength(3))
    gateway.publish(CHANNEL, created(4))
    await eventually(() => expect(events).toHaveLength(4))
    expect(events).toEqual([
      [1, '1-1@abc'],
      [2, '2-1@abc'],
      [3, '3-2@abc'],
      [4, '4-2@abc'],
    ])
    expect(onGap).not.toHaveBeenCalled()
  })

  it('that cannot be had are told as a gap, with both ends', async () => {
    gateway.keep(CHANNEL, 'abc.1')
    const client = connect()
    const events: number[] = []
    const gaps: EventGap[] = []
    const onGap = (gap: EventGap) => gaps.push(gap)
    await client.events.on('order.created', ({ data }) => events.push(data.n), { onGap }).ready
    gateway.publish(CHANNEL, created(1))
    await eventually(() => expect(events).toEqual([1]))
    gateway.cut()
    gateway.publish(CHANNEL, created(2))
    gateway.publish(CHANNEL, created(3))
    gateway.logs.get(CHANNEL)!.publications = []
    await eventually(() => expect(gaps).toHaveLength(1))
    gateway.publish(CHANNEL, created(4))
    await eventually(() => expect(events).toEqual([1, 4]))
    expect(gaps).toEqual([{ type: 'order.created', from: '1-1@abc', to: '3-1@abc' }])
  })

  it('that cannot be had because the channel keeps none any more are told as a gap', async () => {
    gateway.keep(CHANNEL, 'abc.1')
    const client = connect()
    const onGap = vi.fn()
    await client.events.on('order.created', () => {}, { onGap }).ready
    gateway.logs.delete(CHANNEL)
    gateway.push(CHANNEL, { unsubscribe: { code: 2500, reason: 'insufficient state' } })
    await eventually(() => expect(onGap).toHaveBeenCalledTimes(1))
  })

  it('without a zone are of UTC, as on the server', async () => {
    const client = connect()
    const next = client.events.once('order.created')
    await eventually(() => expect(gateway.of('subscribe')).toHaveLength(1))
    gateway.publish(CHANNEL, { ...created(1), timestamp: '2026-11-24T10:00:00.123456' })
    expect(await next).toMatchObject({ timestamp: '2026-11-24T10:00:00.123456Z' })
  })

  it.each([null, 'text', {}, { type: 'x', data: 1 }, { type: 'x', timestamp: 'yesterday' }])(
    'leave out %j, which is none, and go on',
    async (message) => {
      const onError = vi.fn()
      const client = connect({ onError })
      const handler = vi.fn()
      await client.events.on('order.created', handler).ready
      gateway.publish(CHANNEL, message)
      gateway.publish(CHANNEL, created(1))
      await eventually(() => expect(handler).toHaveBeenCalledTimes(1))
      expect(onError.mock.calls).toMatchObject([[{ code: 'INVALID_EVENT', channel: CHANNEL }]])
    },
  )

  it('go on though a handler throws or rejects', async () => {
    const onError = vi.fn()
    const client = connect({ onError })
    const seen: number[] = []
    client.events.on('order.created', () => {
      throw new Error('thrown')
    })
    client.events.on('order.created', () => Promise.reject(new Error('rejected')))
    await client.events.on('order.created', ({ data }) => seen.push(data.n)).ready
    gateway.publish(CHANNEL, created(1))
    gateway.publish(CHANNEL, created(2))
    await eventually(() => expect(seen).toEqual([1, 2]))
    await eventually(() => expect(onError).toHaveBeenCalledTimes(4))
    expect(onError.mock.calls.every(([{ code }]) => code === 'HANDLER_FAILED')).toBe(true)
  })

  it('end with their last handler: the gateway is told, and a new handler begins anew', async () => {
    const client = connect()
    const [first, second] = [vi.fn(), vi.fn()]
    const one = client.events.on('order.created', first)
    const two = client.events.on('order.created', second)
    await two.ready
    one.unsubscribe()
    one.unsubscribe()
    gateway.publish(CHANNEL, created(1))
    await eventually(() => expect(second).toHaveBeenCalledTimes(1))
    two[Symbol.dispose]()
    await eventually(() => expect(gateway.of('unsubscribe')).toEqual([{ channel: CHANNEL }]))
    const third = vi.fn()
    await client.events.on('order.created', third).ready
    gateway.publish(CHANNEL, created(2))
    await eventually(() => expect(third).toHaveBeenCalledTimes(1))
    expect(first).not.toHaveBeenCalled()
    expect(second).toHaveBeenCalledTimes(1)
  })

  it('use the prefix of the bus', async () => {
    const client = connect({ prefix: 'shop:' })
    await client.events.on('order.created', () => {}).ready
    expect(gateway.of('subscribe')).toMatchObject([{ channel: 'shop:order.created' }])
  })
})

describe('a refused subscription', () => {
  it('rejects, is reported, and may be tried again', async () => {
    gateway.refused.set(CHANNEL, CLIENT_ERRORS.permissionDenied)
    const onError = vi.fn()
    const client = connect({ onError })
    const handler = vi.fn()
    const refused = { code: 'PERMISSION_DENIED', protocolCode: 103, temporary: false, channel: CHANNEL }
    await expect(client.events.on('order.created', handler).ready).rejects.toMatchObject(refused)
    await expect(client.events.once('order.created')).rejects.toBeInstanceOf(ClientError)
    expect(onError.mock.calls[0]).toMatchObject([refused])
    gateway.refused.clear()
    await client.events.on('order.created', handler).ready
    gateway.publish(CHANNEL, created(1))
    await eventually(() => expect(handler).toHaveBeenCalledTimes(1))
  })

  it('is told also when the gateway ends one that it had taken', async () => {
    const onError = vi.fn()
    const client = connect({ onError })
    await client.events.on('order.created', () => {}).ready
    gateway.push(CHANNEL, { unsubscribe: { code: 2000, reason: 'server unsubscribe' } })
    await eventually(() => expect(onError).toHaveBeenCalledTimes(1))
    expect(onError.mock.calls[0]).toMatchObject([{ code: 'UNSUBSCRIBED', protocolCode: 2000, channel: CHANNEL }])
  })
})

describe('once', () => {
  it('gives the next event and leaves', async () => {
    const client = connect()
    const next = client.events.once('order.created')
    await eventually(() => expect(gateway.of('subscribe')).toHaveLength(1))
    gateway.publish(CHANNEL, created(1))
    expect(await next).toEqual(created(1))
    await eventually(() => expect(gateway.of('unsubscribe')).toHaveLength(1))
  })

  it('ends when it is aborted, before and while it waits', async () => {
    const client = connect()
    const aborter = new AbortController()
    const next = client.events.once('order.created', { signal: aborter.signal })
    aborter.abort()
    await expect(next).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(client.events.once('order.created', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })

  it('ends when the client is closed', async () => {
    const client = connect()
    const next = client.events.once('order.created')
    client.close()
    await expect(next).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(client.events.once('order.created')).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('history', () => {
  it('gives kept events with their positions, and goes on from one', async () => {
    gateway.keep(CHANNEL, 'abc.1')
    for (let n = 1; n <= 5; n += 1) gateway.publish(CHANNEL, created(n))
    const client = connect()
    const page = await client.events.history('order.created', { limit: 2 })
    expect(page).toEqual([
      { ...created(1), position: '1-1@abc' },
      { ...created(2), position: '2-1@abc' },
    ])
    const next = await client.events.history('order.created', { since: page[1]!.position })
    expect(next.map(({ data }) => data.n)).toEqual([3, 4, 5])
    const newest = await client.events.history('order.created', { limit: 2, reverse: true })
    expect(newest.map(({ data }) => data.n)).toEqual([5, 4])
    expect(gateway.of('history').map(({ since }) => since)).toEqual([
      undefined,
      { offset: 2, epoch: 'abc.1' },
      undefined,
    ])
  })

  it('rejects where nothing is kept, and for what is no position', async () => {
    const client = connect()
    await expect(client.events.history('order.created')).rejects.toMatchObject({ code: 'NOT_AVAILABLE' })
    await expect(client.events.history('order.created', { since: '12' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    })
  })
})

describe('emit', () => {
  it('publishes an event of now', async () => {
    const client = connect()
    const before = new Date().toISOString()
    await client.events.emit('order.created', { n: 1 })
    await client.events.emit('cache.cleared')
    const [first, second] = gateway.of('publish') as { channel: string; data: { timestamp: string } }[]
    expect(first).toMatchObject({ channel: CHANNEL, data: { type: 'order.created', data: { n: 1 } } })
    expect(first!.data.timestamp >= before).toBe(true)
    expect(second).toMatchObject({ channel: 'events:cache.cleared', data: { type: 'cache.cleared', data: null } })
  })

  it('rejects where the rules do not let it', async () => {
    gateway.refused.set(CHANNEL, CLIENT_ERRORS.permissionDenied)
    await expect(connect().events.emit('order.created', { n: 1 })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' })
  })

  it('waits for the connection', async () => {
    gateway.hasWebSocket = false
    const client = connect({ transports: ['websocket'] })
    const emitted = client.events.emit('order.created', { n: 1 })
    gateway.hasWebSocket = true
    await emitted
    expect(gateway.of('publish')).toHaveLength(1)
  })
})
