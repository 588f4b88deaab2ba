import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineEvent, EventBus, Publisher, Subscriber, type TidingsError } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { memoryHub } from '../support/memory-hub.ts'

/** A bus that asks and one that replies, with what went wrong at the latter. */
function pair(redis = memoryHub()) {
  const errors: TidingsError[] = []
  const asking = new EventBus({ redis })
  const replying = new EventBus({ redis, onError: (error) => errors.push(error) })
  return {
    asking,
    replying,
    errors,
    redis,
    async [Symbol.asyncDispose]() {
      await Promise.all([asking.close(), replying.close()])
    },
  }
}

describe('a request', () => {
  it('gets what the responder returns, or what its promise resolves to', async () => {
    await using buses = pair()
    await buses.replying.reply('double', ({ type, data }) => ({ type, doubled: Number(data) * 2 }))
    await buses.replying.reply('later', async ({ data }) => {
      await turn()
      return data
    })
    await buses.replying.reply('nothing', () => {})
    expect(await buses.asking.request('double', 21)).toEqual({ type: 'double', doubled: 42 })
    expect(await buses.asking.request('later', [1])).toEqual([1])
    expect(await buses.asking.request('nothing')).toBe(null)
  })

  it('gets its own answer, however many are under way', async () => {
    await using buses = pair()
    await buses.replying.reply('echo', async ({ data }) => {
      for (let n = Number(data) % 5; n > 0; n -= 1) await turn()
      return data
    })
    const asked = Array.from({ length: 200 }, (_, n) => n)
    expect(await Promise.all(asked.map((n) => buses.asking.request('echo', n)))).toEqual(asked)
  })

  it('is not seen by handlers of the event type', async () => {
    await using buses = pair()
    let seen = 0
    await buses.replying.onPattern('*', () => {
      seen += 1
    })
    await buses.replying.reply('x', () => 1)
    await buses.asking.request('x')
    await buses.asking.emit('x')
    await eventually(() => expect(seen).toBe(1))
  })

  it('travels as an event with an id and a return address, and so does the answer', async () => {
    await using buses = pair()
    await using subscriber = new Subscriber({ redis: buses.redis })
    const seen: [string, string][] = []
    await subscriber.psubscribe('tidings:*', (_pattern, channel, text) => seen.push([channel, text]), { as: 'text' })
    await buses.replying.reply('x', () => ({ n: 2 }))
    await buses.asking.request('x', { n: 1 })
    await eventually(() => expect(seen).toHaveLength(2))
    const [[requestChannel, request], [replyChannel, reply]] = seen as [[string, string], [string, string]]
    expect(requestChannel).toBe('tidings:request:events:x')
    expect(request).toMatch(
      /^\{"type":"x","timestamp":"[^"]+","data":\{"n":1\},"id":"1","replyTo":"tidings:reply:[0-9a-f-]{36}"\}$/,
    )
    expect(replyChannel).toBe(JSON.parse(request).replyTo)
    expect(reply).toBe('{"id":"1","data":{"n":2}}')
  })

  it('rejects at once where nobody listens', async () => {
    await using buses = pair()
    const error = await buses.asking.request('x').catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'NO_RESPONDER', retryable: true, context: { type: 'x' } })
  })

  it('rejects with the message of what the responder threw, which is told to the responder as well', async () => {
    await using buses = pair()
    await buses.replying.reply('x', () => {
      throw new RangeError('there is no such item')
    })
    await expect(buses.asking.request('x')).rejects.toMatchObject({
      code: 'REPLY_FAILED',
      message: 'The responder to "x" failed: there is no such item',
      context: { type: 'x', code: 'HANDLER_FAILED' },
    })
    expect(buses.errors).toMatchObject([
      { code: 'HANDLER_FAILED', cause: { name: 'RangeError' }, context: { type: 'x' } },
    ])
  })

  it.each([
    ['cannot be written as JSON', () => 1n, 'INVALID_MESSAGE'],
    ['is too large', () => 'x'.repeat(70_000), 'MESSAGE_TOO_LARGE'],
  ])('is told that the answer %s', async (_what, handler, code) => {
    await using buses = pair()
    await buses.replying.reply('x', handler)
    await expect(buses.asking.request('x')).rejects.toMatchObject({ code: 'REPLY_FAILED', context: { code } })
    expect(buses.errors).toMatchObject([{ code: 'HANDLER_FAILED', cause: { code } }])
  })

  it('takes the first of several answers', async () => {
    await using buses = pair()
    let release: (value: string) => void = () => {}
    await buses.replying.reply('x', () => 'first')
    let late = 0
    await buses.asking.reply('x', async () => {
      const value = await new Promise<string>((resolve) => {
        release = resolve
      })
      late += 1
      return value
    })
    expect(await buses.asking.request('x')).toBe('first')
    release('second')
    await eventually(() => expect(late).toBe(1))
    expect(await buses.asking.request('x')).toBe('first')
    await eventually(() => {
      release('second')
      expect(late).toBe(2)
    })
  })

  it('gives up in time, and an answer that comes too late is dropped', async () => {
    await using buses = pair()
    const releases: (() => void)[] = []
    await buses.replying.reply('x', ({ data }) =>
      data === 'quick' ? data : new Promise<void>((resolve) => releases.push(resolve)),
    )
    await expect(buses.asking.request('x', 'slow', { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      context: { type: 'x' },
    })
    for (const release of releases) release()
    expect(await buses.asking.request('x', 'quick')).toBe('quick')
  })

  it('is aborted by its signal, with the reason', async () => {
    await using buses = pair()
    let asked = 0
    let release: () => void = () => {}
    await buses.replying.reply('x', () => {
      asked += 1
      return new Promise<void>((resolve) => {
        release = resolve
      })
    })
    const controller = new AbortController()
    const reason = new Error('no longer wanted')
    const asking = buses.asking.request('x', 1, { signal: controller.signal })
    await eventually(() => expect(asked).toBe(1))
    controller.abort(reason)
    await expect(asking).rejects.toMatchObject({ code: 'ABORTED', cause: reason })
    await expect(buses.asking.request('x', 1, { signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' })
    expect(asked).toBe(1)
    release()
  })

  it('keeps apart buses of other namespaces and prefixes', async () => {
    const redis = memoryHub()
    await using asking = new EventBus({ redis })
    await using elsewhere = new EventBus({ redis, namespace: 'other' })
    await using prefixed = new EventBus({ redis, channelPrefix: 'other:' })
    await elsewhere.reply('x', () => 1)
    await prefixed.reply('x', () => 2)
    await expect(asking.request('x')).rejects.toMatchObject({ code: 'NO_RESPONDER' })
    expect(await elsewhere.request('x')).toBe(1)
    expect(await prefixed.request('x')).toBe(2)
  })

  it('subscribes to one reply channel for all requests', async () => {
    await using buses = pair()
    await buses.replying.reply('x', () => 1)
    await Promise.all([buses.asking.request('x'), buses.asking.request('x')])
    await buses.asking.request('x')
    expect(await buses.asking.publisher.getActiveChannels('tidings:reply:*')).toHaveLength(1)
  })

  it('is answered by a responder that is at work when its bus is closed', async () => {
    const buses = pair()
    let release: (value: string) => void = () => {}
    let working = false
    await buses.replying.reply('x', () => {
      working = true
      return new Promise<string>((resolve) => {
        release = resolve
      })
    })
    const asking = buses.asking.request('x')
    await eventually(() => expect(working).toBe(true))
    const closing = buses.replying.close()
    release('at the last moment')
    expect(await asking).toBe('at the last moment')
    await closing
    await buses.asking.close()
  })
})

describe('a responder', () => {
  it('stops when it is unsubscribed', async () => {
    await using buses = pair()
    const subscription = await buses.replying.reply('x', () => 1)
    expect(await buses.asking.request('x')).toBe(1)
    await subscription.unsubscribe()
    await expect(buses.asking.request('x')).rejects.toMatchObject({ code: 'NO_RESPONDER' })
  })

  it('answers on reply channels only: no request can make it write elsewhere', async () => {
    await using buses = pair()
    await using publisher = new Publisher({ redis: buses.redis })
    await using subscriber = new Subscriber({ redis: buses.redis })
    const written: string[] = []
    await subscriber.psubscribe('*', (_pattern, channel) => {
      if (channel !== 'tidings:request:events:x') written.push(channel)
    })
    let ran = 0
    await buses.replying.reply('x', () => {
      ran += 1
    })
    const event = { type: 'x', timestamp: new Date().toISOString(), data: 1 }
    const bad: unknown[] = [
      { id: '1', replyTo: 'users:42' },
      { id: '1', replyTo: 'other:reply:1' },
      { id: '1', replyTo: 'tidings:reply:' },
      { id: '1', replyTo: 'events:x' },
      { id: '1', replyTo: ['tidings:reply:1'] },
      { id: 1, replyTo: 'tidings:reply:1' },
      { replyTo: 'tidings:reply:1' },
      {},
    ]
    for (const address of bad) await publisher.publish('tidings:request:events:x', { ...event, ...(address as object) })
    await publisher.publish('tidings:request:events:x', 'no event')
    await eventually(() => expect(buses.errors).toHaveLength(bad.length + 1))
    for (const error of buses.errors) {
      expect(error).toMatchObject({ code: 'INVALID_EVENT', context: { channel: 'tidings:request:events:x' } })
    }
    await publisher.publish('tidings:request:events:x', { ...event, id: '"\n', replyTo: 'tidings:reply:me' })
    await eventually(() => expect(written).toEqual(['tidings:reply:me']))
    expect(ran).toBe(1)
  })

  it('has its requests checked, and tells who asked that they do not fit', async () => {
    await using buses = pair()
    const Quote = defineEvent('quote', { schema: z.object({ item: z.string(), count: z.coerce.number() }) })
    let ran = 0
    await buses.replying.reply(Quote, ({ data }) => {
      ran += 1
      return data.count * 2
    })
    expect(await buses.asking.request(Quote, { item: 'tea', count: '3' })).toBe(6)
    await expect(buses.asking.request(Quote, { item: 1 } as never)).rejects.toMatchObject({ code: 'INVALID_EVENT' })
    expect(buses.errors).toEqual([])
    await expect(buses.asking.request('quote', { item: 1 })).rejects.toMatchObject({
      code: 'REPLY_FAILED',
      context: { code: 'INVALID_EVENT' },
    })
    expect(buses.errors).toMatchObject([{ code: 'INVALID_EVENT', context: { type: 'quote' } }])
    expect(ran).toBe(1)
  })

  it('has an onError of its own', async () => {
    await using buses = pair()
    const own: string[] = []
    const fail = () => {
      throw new Error('no')
    }
    await buses.replying.reply('x', fail, { onError: ({ code }) => own.push(code) })
    await expect(buses.asking.request('x')).rejects.toMatchObject({ code: 'REPLY_FAILED' })
    expect(own).toEqual(['HANDLER_FAILED'])
    expect(buses.errors).toEqual([])
  })
})

describe('what is no answer', () => {
  it.each(['text', '{}', '{"id":1}', '{"id":"1","error":"no"}', '{"id":"1","error":{"code":1,"message":"x"}}', 'null'])(
    'is told to the bus and answers nothing: %s',
    async (message) => {
      const redis = memoryHub()
      const errors: TidingsError[] = []
      await using bus = new EventBus({ redis, onError: (error) => errors.push(error) })
      await using publisher = new Publisher({ redis })
      await bus.reply('x', () => 'right')
      expect(await bus.request('x')).toBe('right')
      const [channel] = await publisher.getActiveChannels('tidings:reply:*')
      await publisher.publish(channel!, message)
      await publisher.publish(channel!, { id: 'unknown', data: 1 })
      await eventually(() => expect(errors).toMatchObject([{ code: 'INVALID_EVENT', context: { channel } }]))
      expect(await bus.request('x')).toBe('right')
      expect(errors).toHaveLength(1)
    },
  )
})
