import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import {
  connect,
  defineEvent,
  type Event,
  EventBus,
  type EventBusOptions,
  Publisher,
  Subscriber,
} from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { memoryHub } from '../support/memory-hub.ts'

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

describe('an event bus', () => {
  it('brings an event to its handlers and says how many receivers there were', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const events: Event[] = []
    await bus.on('order.created', (event) => events.push(event))
    await bus.on('order.created', (event) => events.push(event))
    expect(await bus.emit('order.created', { id: 1 })).toBe(1)
    expect(await bus.emit('order.paid', { id: 1 })).toBe(0)
    await eventually(() => expect(events).toHaveLength(2))
    expect(events[0]).toEqual({ type: 'order.created', timestamp: expect.stringMatching(ISO), data: { id: 1 } })
    expect(events[1]).toEqual(events[0])
  })

  it('puts exactly the envelope on the channel with the prefix', async () => {
    const redis = memoryHub()
    await using bus = new EventBus({ redis })
    await using subscriber = new Subscriber({ redis })
    const texts: unknown[] = []
    await subscriber.subscribe('events:a', (_channel, text) => texts.push(text), { as: 'text' })
    await bus.emit('a', { n: 1 })
    await bus.emit('a')
    await eventually(() => expect(texts).toHaveLength(2))
    expect(texts[0]).toMatch(/^\{"type":"a","timestamp":"[^"]+","data":\{"n":1\}\}$/)
    expect(texts[1]).toMatch(/^\{"type":"a","timestamp":"[^"]+","data":null\}$/)
  })

  it('has its publisher, subscriber and prefix in the open', async () => {
    await using bus = new EventBus({ redis: memoryHub(), channelPrefix: 'app:' })
    expect(bus.channelPrefix).toBe('app:')
    const event = bus.once('raw')
    await eventually(async () => expect(await bus.publisher.getChannelSubscribers('app:raw')).toBe(1))
    await bus.publisher.publishEvent('app:raw', 'raw', [1])
    expect((await event).data).toEqual([1])
    const messages: unknown[] = []
    await bus.subscriber.subscribe('app:raw', (_channel, message) => messages.push(message))
    await bus.emit('raw', 2)
    await eventually(() => expect(messages).toMatchObject([{ type: 'raw', data: 2 }]))
  })

  it('stops at once when unsubscribed, for that handler alone', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const seen: string[] = []
    const first = await bus.on('x', () => seen.push('first'))
    await bus.on('x', () => seen.push('second'))
    await first.unsubscribe()
    await first.unsubscribe()
    await bus.emit('x')
    await eventually(() => expect(seen).toEqual(['second']))
    {
      await using _scoped = await bus.on('y', () => seen.push('scoped'))
    }
    expect(await bus.emit('y')).toBe(0)
  })

  it('takes any string for an event type, "error" and the names of object members too', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const seen: string[] = []
    for (const type of ['error', 'constructor', 'toString', 'events:', 'a b', 'ünï', '*', '[x']) {
      await bus.on(type, (event) => seen.push(event.type))
      expect(await bus.emit(type)).toBe(1)
      await eventually(() => expect(seen.at(-1)).toBe(type))
    }
    expect(seen).toHaveLength(8)
  })

  it.each([[''], [undefined], [null], [1], [{}], [['x']], ['__proto__'], ['\ud800'], ['x'.repeat(1_025)]])(
    'rejects %j for an event type, and never throws',
    async (type) => {
      await using bus = new EventBus({ redis: memoryHub() })
      const bad = type as string
      for (const call of [
        () => bus.emit(bad),
        () => bus.on(bad, () => {}),
        () => bus.once(bad),
        () => bus.subscribe(bad),
        () => bus.request(bad),
        () => bus.reply(bad, () => {}),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: 'INVALID_EVENT_TYPE' })
      }
    },
  )

  it('counts the prefix when a name gets too long', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    await expect(bus.emit('x'.repeat(1_020))).rejects.toMatchObject({ code: 'INVALID_EVENT_TYPE' })
    expect(await bus.emit('x'.repeat(1_017))).toBe(0)
  })

  it('rejects what is no handler, and never throws', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const none = undefined as unknown as () => void
    for (const call of [() => bus.on('x', none), () => bus.onPattern('x', none), () => bus.reply('x', none)]) {
      await expect(call()).rejects.toMatchObject({ code: 'INVALID_HANDLER' })
    }
    await expect(bus.on('x', () => {}, { onError: 1 as unknown as () => void })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    })
    expect(await bus.emit('x')).toBe(0)
  })

  it('rejects data that JSON cannot carry, and data that is too large', async () => {
    await using bus = new EventBus({ redis: memoryHub(), maxBytes: 100 })
    await expect(bus.emit('x', 1n)).rejects.toMatchObject({ code: 'INVALID_MESSAGE' })
    await expect(bus.emit('x', () => {})).rejects.toMatchObject({ code: 'INVALID_MESSAGE' })
    await expect(bus.emit('x', 'y'.repeat(100))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  })

  it('delivers in the order of the calls', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const seen: unknown[] = []
    await bus.onPattern('*', (_type, { data }) => seen.push(data))
    const sent = Array.from({ length: 1_000 }, (_, n) => n)
    await Promise.all(sent.map((n) => bus.emit(`type.${n % 7}`, n)))
    await eventually(() => expect(seen).toHaveLength(sent.length))
    expect(seen).toEqual(sent)
  })
})

describe('a pattern on the bus', () => {
  it('gives the type that the channel says, and the event', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const seen: unknown[] = []
    await bus.onPattern('order.*', (type, event) => seen.push([type, event.type, event.data]))
    expect(await bus.emit('order.created', 1)).toBe(1)
    expect(await bus.emit('user.created', 2)).toBe(0)
    await bus.emit('order.paid', 3)
    await eventually(() =>
      expect(seen).toEqual([
        ['order.created', 'order.created', 1],
        ['order.paid', 'order.paid', 3],
      ]),
    )
  })

  it('takes the prefix off the start of the name and nowhere else', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const types: string[] = []
    await bus.onPattern('*', (type) => types.push(type))
    await bus.emit('a.events:b')
    await bus.emit('events:c')
    await eventually(() => expect(types).toEqual(['a.events:b', 'events:c']))
  })

  it('takes the prefix as text, whatever glob characters are in it', async () => {
    const redis = memoryHub()
    await using bus = new EventBus({ redis, channelPrefix: 'a*[b]?\\:' })
    await using other = new EventBus({ redis, channelPrefix: 'aX[b]?\\:' })
    const types: string[] = []
    await bus.onPattern('*', (type) => types.push(type))
    await other.emit('foreign')
    await bus.emit('own')
    await eventually(() => expect(types).toEqual(['own']))
  })

  it('may be used without a prefix', async () => {
    await using bus = new EventBus({ redis: memoryHub(), channelPrefix: '' })
    const types: string[] = []
    await bus.onPattern('a?', (type) => types.push(type))
    await bus.emit('ab')
    await eventually(() => expect(types).toEqual(['ab']))
  })

  it.each([[''], [undefined], [1]])('rejects %j for a pattern', async (pattern) => {
    await using bus = new EventBus({ redis: memoryHub() })
    await expect(bus.onPattern(pattern as string, () => {})).rejects.toMatchObject({ code: 'INVALID_PATTERN' })
    await expect(bus.subscribePattern(pattern as string)).rejects.toMatchObject({ code: 'INVALID_PATTERN' })
  })
})

describe('waiting for one event', () => {
  it('resolves to the first, and leaves no subscription', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const waiting = bus.once('x', { timeoutMs: 10_000 })
    await eventually(async () => expect(await bus.emit('x', 'first')).toBe(1))
    expect((await waiting).data).toBe('first')
    expect(await bus.emit('x', 'second')).toBe(0)
  })

  it('passes over what is no event', async () => {
    await using bus = new EventBus({ redis: memoryHub(), onError: () => {} })
    const waiting = bus.once('x')
    await eventually(async () => expect(await bus.publisher.publish('events:x', 'no event')).toBe(1))
    await bus.emit('x', 'event')
    expect((await waiting).data).toBe('event')
  })

  it('is aborted by its signal, with the reason, and leaves no listener', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const controller = new AbortController()
    const reason = new Error('no longer wanted')
    const waiting = bus.once('x', { signal: controller.signal })
    await eventually(async () => expect(await bus.publisher.getChannelSubscribers('events:x')).toBe(1))
    controller.abort(reason)
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', cause: reason })
    expect(await bus.emit('x')).toBe(0)
  })

  it('is aborted while it subscribes, and before', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const controller = new AbortController()
    const waiting = bus.once('x', { signal: controller.signal })
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', cause: { name: 'AbortError' } })
    await expect(bus.once('x', { signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' })
    await turn()
    expect(await bus.emit('x')).toBe(0)
  })

  it('keeps no listener on a signal that outlives it', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const { signal } = new AbortController()
    let listening = 0
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...args: unknown[]) => {
      listening += 1
      addEventListener.apply(signal, args as Parameters<typeof addEventListener>)
    }
    signal.removeEventListener = (...args: unknown[]) => {
      listening -= 1
      removeEventListener.apply(signal, args as Parameters<typeof removeEventListener>)
    }
    const waiting = bus.once('x', { signal })
    await eventually(async () => expect(await bus.emit('x')).toBe(1))
    await waiting
    expect(listening).toBe(0)
  })

  it('gives up in time', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    await expect(bus.once('x', { timeoutMs: 5 })).rejects.toMatchObject({ code: 'TIMEOUT', context: { type: 'x' } })
    expect(await bus.emit('x')).toBe(0)
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5'])('refuses a timeout of %s', async (timeoutMs) => {
    await using bus = new EventBus({ redis: memoryHub() })
    await expect(bus.once('x', { timeoutMs: timeoutMs as number })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })
})

describe('the options of a bus', () => {
  it.each([
    [{ chanelPrefix: 'x' }, 'UNKNOWN_OPTION'],
    [{ channelPrefix: 1 }, 'INVALID_OPTION'],
    [{ channelPrefix: '\ud800' }, 'INVALID_OPTION'],
    [{ namespace: '' }, 'INVALID_OPTION'],
    [{ onError: 'log' }, 'INVALID_OPTION'],
    [{ maxBytes: 0 }, 'INVALID_OPTION'],
    [{ events: { x: 'string' } }, 'INVALID_OPTION'],
    [{ events: { x: defineEvent('y') } }, 'INVALID_OPTION'],
    [{ events: { '': defineEvent('y') } }, 'INVALID_OPTION'],
    [{ events: [] }, 'INVALID_OPTION'],
    [{ events: null }, 'INVALID_OPTION'],
  ])('%j: %s', (options, code) => {
    expect(() => new EventBus({ redis: memoryHub(), ...(options as object) })).toThrowError(
      expect.objectContaining({ code }),
    )
  })

  it('that are undefined are as good as not given', async () => {
    const options: EventBusOptions = {
      redis: memoryHub(),
      channelPrefix: undefined,
      namespace: undefined,
      events: undefined,
      onError: undefined,
      maxBytes: undefined,
    }
    await using bus = new EventBus(options)
    expect(bus.channelPrefix).toBe('events:')
    expect(await bus.emit('x')).toBe(0)
  })
})

describe('closing a bus', () => {
  it('rejects all that comes after, and those who wait', async () => {
    const bus = new EventBus({ redis: memoryHub() })
    await bus.on('x', () => {})
    await bus.reply('slow', () => new Promise(() => {}))
    const waiting = [bus.once('y'), bus.request('slow')]
    for (const one of waiting) one.catch(() => {})
    await turn()
    const closing = bus.close()
    expect(bus.close()).toBe(closing)
    for (const one of waiting) await expect(one).rejects.toMatchObject({ code: 'CLOSED' })
    for (const call of [
      () => bus.emit('x'),
      () => bus.on('x', () => {}),
      () => bus.onPattern('x', () => {}),
      () => bus.once('x'),
      () => bus.subscribe('x'),
      () => bus.subscribePattern('x'),
      () => bus.request('x'),
      () => bus.reply('x', () => {}),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'CLOSED' })
    }
    await closing
  })

  it('delivers nothing any more', async () => {
    const redis = memoryHub()
    await using other = new EventBus({ redis })
    const bus = new EventBus({ redis })
    let seen = 0
    await bus.on('x', () => {
      seen += 1
    })
    await other.emit('x')
    await eventually(() => expect(seen).toBe(1))
    await bus.close()
    expect(await other.emit('x')).toBe(0)
    expect(seen).toBe(1)
  })

  it('opens nothing when it was never used', async () => {
    await new EventBus({ redis: 'redis://127.0.0.1:1' }).close()
  })

  it('leaves a connection that was handed in open, and ends when that is closed', async () => {
    const connection = await connect(memoryHub())
    const first = new EventBus({ redis: connection })
    const second = new EventBus({ redis: connection })
    await first.on('x', () => {})
    await first.close()
    expect(await second.emit('x')).toBe(0)
    const waiting = second.once('x')
    const stream = await second.subscribe('x')
    const statuses = second.status()
    waiting.catch(() => {})
    await connection.close()
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await stream.next()).toEqual({ value: undefined, done: true })
    expect(await statuses.next()).toEqual({ value: { kind: 'closed' }, done: false })
    expect(await statuses.next()).toEqual({ value: undefined, done: true })
    await expect(second.emit('x')).rejects.toMatchObject({ code: 'CLOSED' })
    await second.close()
  })

  it('lets its own publisher send what came before', async () => {
    const redis = memoryHub()
    await using publisher = new Publisher({ redis })
    await using other = new EventBus({ redis })
    const bus = new EventBus({ redis })
    const seen: unknown[] = []
    await other.on('x', ({ data }) => seen.push(data))
    const sent = [bus.emit('x', 1), bus.emit('x', 2)]
    await bus.close()
    expect(await Promise.all(sent)).toEqual([1, 1])
    await eventually(() => expect(seen).toEqual([1, 2]))
    expect(await publisher.getChannelSubscribers('events:x')).toBe(1)
  })
})
