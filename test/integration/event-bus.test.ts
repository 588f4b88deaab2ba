import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type BusStatus, connect, defineEvent, EventBus, Publisher } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

const Paid = defineEvent('order.paid', { schema: z.object({ id: z.string(), at: z.coerce.date() }) })

describe('event buses on one Redis', () => {
  it('hear each other, by type and by pattern', async () => {
    await using one = new EventBus({ redis: server.url })
    await using two = new EventBus({ host: '127.0.0.1', port: server.port })
    const seen: unknown[] = []
    await two.on('order.created', ({ type, data }) => seen.push(['on', type, data]))
    await two.onPattern('order.*', (type, { data }) => seen.push(['pattern', type, data]))
    expect(await one.emit('order.created', { id: 1 })).toBe(2)
    expect(await one.emit('order.shipped', { id: 2 })).toBe(1)
    expect(await one.emit('user.created', { id: 3 })).toBe(0)
    await eventually(() => expect(seen).toHaveLength(3))
    // What came by type and what came by pattern are two messages to Redis, which sends the former first.
    expect(seen).toEqual([
      ['on', 'order.created', { id: 1 }],
      ['pattern', 'order.created', { id: 1 }],
      ['pattern', 'order.shipped', { id: 2 }],
    ])
  })

  it('miss nothing that is emitted once on() has resolved', async () => {
    await using one = new EventBus({ redis: server.url })
    await using two = new EventBus({ redis: server.url })
    for (let n = 0; n < 100; n += 1) {
      const heard = new Promise((resolve) => two.on(`now.${n}`, resolve).then(() => one.emit(`now.${n}`)))
      await heard
    }
  })

  it('deliver ten thousand events in the order in which they were emitted', async () => {
    await using one = new EventBus({ redis: server.url })
    await using two = new EventBus({ redis: server.url })
    const seen: unknown[] = []
    await two.onPattern('many.*', (_type, { data }) => seen.push(data))
    const sent = Array.from({ length: 10_000 }, (_, n) => n)
    await Promise.all(sent.map((n) => one.emit(`many.${n % 10}`, n)))
    await eventually(() => expect(seen).toHaveLength(sent.length))
    expect(seen).toEqual(sent)
  })

  it('use two sockets each, and share those of one connection', async () => {
    await using bus = new EventBus({ redis: server.url })
    await bus.on('x', () => {})
    await bus.emit('x')
    expect(await server.clients()).toHaveLength(2)
    await using connection = await connect(server.url)
    await using first = new EventBus({ redis: connection })
    await using second = new EventBus({ redis: connection })
    await first.on('x', () => {})
    await second.on('x', () => {})
    await second.emit('x')
    expect(await server.clients()).toHaveLength(4)
  })

  it('check events on both sides', async () => {
    const codes: string[] = []
    await using one = new EventBus({ redis: server.url })
    await using two = new EventBus({
      redis: server.url,
      events: { 'order.paid': Paid },
      onError: (e) => codes.push(e.code),
    })
    await using stream = await two.subscribe('order.paid')
    await expect(one.emit(Paid, { id: 1 } as never)).rejects.toMatchObject({ code: 'INVALID_EVENT' })
    await one.emit('order.paid', { id: 1 })
    await one.emit(Paid, { id: '2', at: '2024-01-02T00:00:00Z' })
    for await (const { data } of stream) {
      expect(data).toEqual({ id: '2', at: new Date('2024-01-02T00:00:00Z') })
      break
    }
    expect(codes).toEqual(['INVALID_EVENT'])
  })

  it('ask and reply', async () => {
    await using one = new EventBus({ redis: server.url })
    await using two = new EventBus({ redis: server.url })
    await expect(one.request('price', 'tea')).rejects.toMatchObject({ code: 'NO_RESPONDER' })
    await two.reply('price', async ({ data }) => ({ item: data, price: 3 }))
    await two.reply(
      'broken',
      () => {
        throw new Error('out of order')
      },
      { onError: () => {} },
    )
    const asked = Array.from({ length: 500 }, (_, n) => n)
    const answers = await Promise.all(asked.map((n) => one.request('price', n)))
    expect(answers).toEqual(asked.map((n) => ({ item: n, price: 3 })))
    await expect(one.request('broken')).rejects.toMatchObject({ code: 'REPLY_FAILED' })
  })

  it('leave no subscription behind', async () => {
    await using bus = new EventBus({ redis: server.url })
    await using publisher = new Publisher({ redis: server.url })
    const controller = new AbortController()
    const stream = await bus.subscribe('gone.stream')
    const handler = await bus.on('gone.on', () => {})
    const aborted = bus.once('gone.once', { signal: controller.signal })
    const pattern = await bus.onPattern('gone.*', () => {})
    await eventually(async () => expect(await publisher.getActiveChannels('events:gone.*')).toHaveLength(3))
    expect(await publisher.getPatternCount()).toBe(1)
    controller.abort()
    await Promise.all([stream.return(), handler.unsubscribe(), pattern.unsubscribe(), aborted.catch(() => {})])
    await eventually(async () => expect(await publisher.getActiveChannels('events:gone.*')).toEqual([]))
    await eventually(async () => expect(await publisher.getPatternCount()).toBe(0))
  })
})

describe('a bus that loses its connection', () => {
  it('goes on by itself, and tells of one interruption', async () => {
    await using one = new EventBus({ redis: server.url })
    const errors: string[] = []
    await using two = new EventBus({ redis: server.url, onError: ({ code }) => errors.push(code) })
    const statuses: BusStatus[] = []
    const reading = (async () => {
      for await (const status of two.status()) statuses.push(status)
    })()
    const seen: unknown[] = []
    await two.on('x', ({ data }) => seen.push(data))
    await two.onPattern('y*', (_type, { data }) => seen.push(data))
    const stream = await two.subscribe('z')
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually(() => expect(statuses.map(({ kind }) => kind)).toContain('interruption'))
    expect(statuses.find(({ kind }) => kind === 'interruption')).toMatchObject({ channels: 2, patterns: 1 })
    expect(errors).toHaveLength(1)
    expect(await one.emit('x', 1)).toBe(1)
    expect(await one.emit('yy', 2)).toBe(1)
    expect(await one.emit('z', 3)).toBe(1)
    await eventually(() => expect(seen).toEqual([1, 2]))
    expect((await stream.next()).value?.data).toBe(3)
    await two.close()
    await reading
    expect(statuses.map(({ kind }) => kind)).toEqual([
      'connected',
      'disconnected',
      'connected',
      'interruption',
      'closed',
    ])
  })

  it('rejects in time what it cannot do while Redis is away, and can be closed', async () => {
    const gone = await RedisServer.start()
    const bus = new EventBus({ redis: gone.url, commandTimeoutMs: 300, onError: () => {} })
    await bus.on('x', () => {})
    await bus.emit('x')
    await gone.kill()
    const since = performance.now()
    const controller = new AbortController()
    const aborted = bus.once('y', { signal: controller.signal })
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
    expect(performance.now() - since).toBeLessThan(200)
    const outcomes = await Promise.allSettled([
      bus.emit('x'),
      bus.request('x'),
      bus.on('new', () => {}),
      bus.subscribe('s'),
    ])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'TidingsError' } })
    }
    expect(performance.now() - since).toBeLessThan(2_000)
    await bus.close()
    expect(performance.now() - since).toBeLessThan(8_000)
    await gone.stop()
  })
})
