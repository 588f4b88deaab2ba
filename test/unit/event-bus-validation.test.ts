import { setTimeout as delay } from 'node:timers/promises'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineEvent, EventBus, Publisher, type TidingsError } from '../../src/index.ts'
import { encodeEvent } from '../../src/messaging/event.ts'
import { eventually } from '../support/eventually.ts'
import { memoryHub } from '../support/memory-hub.ts'

/** Accepts a number of milliseconds, after as many milliseconds: the larger, the later. */
const slow = z.number().refine(async (ms) => {
  await delay(ms)
  return ms >= 0
})

describe('definitions', () => {
  const Paid = defineEvent('order.paid', { schema: z.object({ id: z.string(), at: z.coerce.date() }) })

  it('name a type with its schema, and do not change', () => {
    expect(Paid.type).toBe('order.paid')
    expect(Object.isFrozen(Paid)).toBe(true)
    expect(defineEvent('plain')).toEqual({ type: 'plain', schema: undefined })
  })

  it.each([
    [() => defineEvent(''), 'INVALID_EVENT_TYPE'],
    [() => defineEvent('x', { schema: 1 as never }), 'INVALID_OPTION'],
    [() => defineEvent('x', { shema: z.string() } as never), 'UNKNOWN_OPTION'],
  ])('are refused where they are wrong: %s', (define, code) => {
    expect(define).toThrowError(expect.objectContaining({ code }))
  })

  it('send what was given and hand over what the schema made of it', async () => {
    const redis = memoryHub()
    await using bus = new EventBus({ redis })
    const wire: unknown[] = []
    await bus.subscriber.subscribe('events:order.paid', (_channel, message) => wire.push(message))
    const received = bus.once(Paid)
    await eventually(() => bus.emit(Paid, { id: '1', at: '2024-01-02T00:00:00Z' }).then((n) => expect(n).toBe(1)))
    const { data } = await received
    expect(data.at).toEqual(new Date('2024-01-02T00:00:00Z'))
    expect(wire[0]).toMatchObject({ data: { id: '1', at: '2024-01-02T00:00:00Z' } })
  })

  it('work on a bus of other events', async () => {
    await using bus = new EventBus({ redis: memoryHub(), events: { other: z.string() } })
    const received = bus.once(Paid)
    await eventually(() => bus.emit(Paid, { id: '1', at: 0 }).then((n) => expect(n).toBe(1)))
    expect((await received).data).toEqual({ id: '1', at: new Date(0) })
  })
})

describe('a bus of schemas', () => {
  it.each([
    ['zod', z.object({ n: z.number() })],
    ['valibot', v.object({ n: v.number() })],
    ['arktype', type({ n: 'number' })],
  ])('rejects what does not fit when it is emitted, with the issues: %s', async (_library, schema) => {
    await using bus = new EventBus({ redis: memoryHub(), events: { x: schema } })
    const seen: unknown[] = []
    await bus.on('x', ({ data }) => seen.push(data))
    await expect(bus.emit('x', { n: 'secret' } as never)).rejects.toMatchObject({
      code: 'INVALID_EVENT',
      retryable: false,
      context: { type: 'x', channel: 'events:x', issues: [{ message: expect.any(String), path: ['n'] }] },
    })
    await bus.emit('x', { n: 1 })
    await eventually(() => expect(seen).toEqual([{ n: 1 }]))
  })

  it('tells onError of what does not fit when it is received, and no handler', async () => {
    const redis = memoryHub()
    await using publisher = new Publisher({ redis })
    const errors: TidingsError[] = []
    const events = { x: z.object({ n: z.number() }), y: z.string() }
    await using bus = new EventBus({ redis, events, onError: (error) => errors.push(error) })
    const seen: unknown[] = []
    await bus.on('x', (event) => seen.push(event.data))
    await bus.onPattern('x*', (_type, event) => seen.push(event.data))
    await publisher.publishEvent('events:x', 'x', { n: 'one' })
    await publisher.publishEvent('events:x', 'x', { n: 1 })
    await eventually(() => expect(seen).toEqual([{ n: 1 }, { n: 1 }]))
    expect(errors).toHaveLength(2)
    for (const error of errors) {
      expect(error).toMatchObject({
        code: 'INVALID_EVENT',
        context: { channel: 'events:x', issues: [{ path: ['n'] }] },
      })
    }
  })

  it('does not take an event for one of another type', async () => {
    const redis = memoryHub()
    await using publisher = new Publisher({ redis })
    const errors: TidingsError[] = []
    const events = { x: z.object({}), y: z.object({}) }
    await using bus = new EventBus({ redis, events, onError: (error) => errors.push(error) })
    const seen: string[] = []
    await bus.onPattern('*', (type) => seen.push(type))
    await publisher.publishEvent('events:x', 'y', {})
    await publisher.publishEvent('events:z', 'z', {})
    await publisher.publishEvent('events:y', 'y', {})
    await eventually(() => expect(seen).toEqual(['y']))
    expect(errors).toMatchObject([
      { code: 'INVALID_EVENT', context: { channel: 'events:x', type: 'x' } },
      { code: 'INVALID_EVENT', context: { channel: 'events:z', type: 'z' } },
    ])
  })

  it('has no types beside its own', async () => {
    await using bus = new EventBus({ redis: memoryHub(), events: { x: z.string() } })
    const unchecked = bus as unknown as EventBus
    for (const type of ['y', 'constructor', 'toString']) {
      await expect(unchecked.emit(type)).rejects.toMatchObject({ code: 'INVALID_EVENT_TYPE', context: { type } })
      await expect(unchecked.on(type, () => {})).rejects.toMatchObject({ code: 'INVALID_EVENT_TYPE' })
    }
  })

  it('may hold definitions', async () => {
    const X = defineEvent('x', { schema: z.string().transform((text) => text.length) })
    await using bus = new EventBus({ redis: memoryHub(), events: { x: X, y: defineEvent('y') } })
    const received = bus.once('x')
    await eventually(() => bus.emit('x', 'four').then((n) => expect(n).toBe(1)))
    expect((await received).data).toBe(4)
    expect(await bus.emit('y', { any: 'thing' })).toBe(0)
  })

  it('brings events without data where the schema allows it', async () => {
    await using bus = new EventBus({
      redis: memoryHub(),
      events: { none: z.undefined(), some: z.object({ n: z.number() }).optional() },
    })
    const seen: unknown[] = []
    await bus.onPattern('*', (type, { data }) => seen.push([type, data]))
    await bus.emit('none')
    await bus.emit('some')
    await bus.emit('some', { n: 1 })
    await eventually(() =>
      expect(seen).toEqual([
        ['none', undefined],
        ['some', undefined],
        ['some', { n: 1 }],
      ]),
    )
  })
})

describe('asynchronous schemas', () => {
  it('keep the order of what one bus emits, over all its types', async () => {
    const redis = memoryHub()
    await using bus = new EventBus({ redis, events: { slow, quick: z.number() } })
    await using other = new EventBus({ redis })
    const seen: unknown[] = []
    await other.onPattern('*', (type, { data }) => seen.push([type, data]))
    const sent = [
      bus.emit('quick', 0),
      bus.emit('slow', 30),
      bus.emit('slow', 1),
      bus.emit('quick', 2),
      bus.emit('slow', -1),
      bus.emit('slow', 0),
      bus.emit('quick', 3),
    ]
    const outcomes = await Promise.allSettled(sent)
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    ])
    expect(outcomes[4]).toMatchObject({ reason: { code: 'INVALID_EVENT' } })
    await eventually(() => expect(seen).toHaveLength(6))
    expect(seen).toEqual([
      ['quick', 0],
      ['slow', 30],
      ['slow', 1],
      ['quick', 2],
      ['slow', 0],
      ['quick', 3],
    ])
  })

  it('keep the order in which one handler gets events', async () => {
    const redis = memoryHub()
    await using publisher = new Publisher({ redis })
    const errors: TidingsError[] = []
    await using bus = new EventBus({ redis, events: { slow, quick: z.number() }, onError: (e) => errors.push(e) })
    const seen: unknown[] = []
    await bus.onPattern('*', (type, { data }) => seen.push([type, data]))
    for (const [type, data] of [
      ['slow', 20],
      ['slow', 1],
      ['quick', 2],
      ['slow', -1],
      ['slow', 0],
    ] as const) {
      publisher.publishEvent(`events:${type}`, type, data)
    }
    await eventually(() => expect(seen).toHaveLength(4))
    expect(seen).toEqual([
      ['slow', 20],
      ['slow', 1],
      ['quick', 2],
      ['slow', 0],
    ])
    expect(errors).toHaveLength(1)
  })

  it('look at the data of the call, whatever becomes of the object', async () => {
    const redis = memoryHub()
    await using bus = new EventBus({ redis, events: { x: z.object({ n: slow }) } })
    await using other = new EventBus({ redis })
    const received = other.once('x')
    await eventually(async () => expect(await bus.publisher.getChannelSubscribers('events:x')).toBe(1))
    const data = { n: 10 }
    const sending = bus.emit('x', data)
    data.n = 99
    await sending
    expect((await received).data).toEqual({ n: 10 })
  })

  it('deliver nothing more once the handler is unsubscribed, though they began before', async () => {
    const redis = memoryHub()
    await using publisher = new Publisher({ redis })
    let release: () => void = () => {}
    let asked = 0
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const gated = z.number().refine(async () => {
      asked += 1
      await gate
      return true
    })
    await using bus = new EventBus({ redis })
    const X = defineEvent('x', { schema: gated })
    const seen: string[] = []
    const subscription = await bus.on(X, () => seen.push('unsubscribed'))
    await bus.on(X, () => seen.push('subscribed'))
    await publisher.publish('events:x', encodeEvent('x', 1))
    await eventually(() => expect(asked).toBeGreaterThanOrEqual(2))
    await subscription.unsubscribe()
    release()
    await eventually(() => expect(seen).toEqual(['subscribed']))
  })

  it('are waited for when the bus is closed', async () => {
    const redis = memoryHub()
    await using other = new EventBus({ redis })
    const received = other.once('slow')
    await eventually(async () => expect(await other.publisher.getChannelSubscribers('events:slow')).toBe(1))
    const bus = new EventBus({ redis, events: { slow } })
    const sending = bus.emit('slow', 20)
    await bus.close()
    expect(await sending).toBe(1)
    expect((await received).data).toBe(20)
  })
})
