import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Publisher, Subscriber } from '../../src/index.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
let publisher: Publisher
beforeAll(async () => {
  server = await RedisServer.start()
  publisher = new Publisher({ redis: server.url })
})
afterAll(async () => {
  await publisher.close()
  await server.stopWithoutLeaks()
})

async function commandCalls(name: string): Promise<number> {
  const stats = await server.admin.info('commandstats')
  return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}

describe('publish', () => {
  test('resolves to the number of receivers that Redis counted', async () => {
    await using one = new Subscriber({ redis: server.url })
    await using two = new Subscriber({ redis: server.url })
    expect(await publisher.publish('count', 'x')).toBe(0)
    await one.subscribe('count', () => {})
    await two.subscribe('count', () => {})
    await two.psubscribe('coun?', () => {})
    expect(await publisher.publish('count', 'x')).toBe(3)
    expect(await publisher.getChannelSubscribers('count')).toBe(2)
    expect(await publisher.getActiveChannels('c*')).toEqual(['count'])
    expect(await publisher.getPatternCount()).toBe(1)
  })

  test('calls of one tick become one script call, and a lone one a plain PUBLISH', async () => {
    await publisher.publish('warm', 1)
    const before = [await commandCalls('eval'), await commandCalls('publish')]
    await Promise.all(Array.from({ length: 128 }, (_, n) => publisher.publish('tick', n)))
    await publisher.publish('tick', 'lone')
    const after = [await commandCalls('eval'), await commandCalls('publish')]
    expect(after[0]! - before[0]!).toBe(1)
    expect(after[1]! - before[1]!).toBe(129)
  })

  test('a text, a JSON value and bytes arrive as what they were, and every Redis client reads them', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const json: unknown[] = []
    const bytes: Uint8Array[] = []
    await subscriber.subscribe('kinds', (_c, message) => json.push(message))
    await subscriber.subscribe('kinds', (_c, message) => bytes.push(message), { as: 'bytes' })
    const all = Uint8Array.from({ length: 256 }, (_, n) => n)
    for (const message of ['text', '', 'ünï 💌', { a: [1, null, true] }, 42, null, false, all]) {
      expect(await publisher.publish('kinds', message)).toBe(1)
    }
    await expect.poll(() => bytes.length).toBe(8)
    expect(json.slice(0, 7)).toEqual(['text', '', 'ünï 💌', { a: [1, null, true] }, 42, null, false])
    expect([...bytes[7]!]).toEqual([...all])
    expect(String(bytes[3])).toBe('{"a":[1,null,true]}')
  })

  test.each([
    ['one channel', ['tick:a']],
    ['several channels', ['tick:a', 'tick:ü', 'tick:c']],
  ])('calls of one tick on %s arrive in order and as they were, texts and bytes', async (_, channels) => {
    await using subscriber = new Subscriber({ redis: server.url })
    const got: [channel: string, message: string][] = []
    await subscriber.psubscribe('tick:*', (_p, channel, message) => got.push([channel, String(message)]), {
      as: 'text',
    })
    const texts = ['plain', '', 'ünï 💌', 'two\r\nlines']
    const bytes = [Buffer.from('bytes €'), Buffer.alloc(0)]
    for (const messages of [texts, [...texts, ...bytes, ...texts]]) {
      got.length = 0
      const sent = messages.flatMap((message) => channels.map((channel) => [channel, message] as const))
      const receivers = await Promise.all(sent.map(([channel, message]) => publisher.publish(channel, message)))
      expect(receivers).toEqual(sent.map(() => 1))
      await expect.poll(() => got.length).toBe(sent.length)
      expect(got).toEqual(sent.map(([channel, message]) => [channel, String(message)]))
    }
  })

  test('bytes are taken when published: changing the array afterwards changes nothing', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const received: number[][] = []
    await subscriber.subscribe('copy', (_c, message) => received.push([...message]), { as: 'bytes' })
    const array = new Uint8Array([1, 2, 3])
    const sent = publisher.publish('copy', array)
    array.fill(9)
    await sent
    await expect.poll(() => received).toEqual([[1, 2, 3]])
  })

  test('keeps the order of one publisher across ticks, sizes and kinds', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const received: number[] = []
    await subscriber.subscribe('order', (_c, message) => received.push((message as { n: number }).n))
    const sent: Promise<number>[] = []
    for (let n = 0; n < 3_000; n += 1) {
      sent.push(publisher.publish('order', { n, pad: 'x'.repeat((n * 37) % 5_000) }))
      if (n % 7 === 0) await null
      if (n % 101 === 0) await sent.at(-1)
    }
    await Promise.all(sent)
    await expect.poll(() => received.length).toBe(3_000)
    expect(received).toEqual(Array.from({ length: 3_000 }, (_, n) => n))
  })
})

describe('what cannot be sent is refused before anything is', () => {
  const circular: Record<string, unknown> = {}
  circular.self = circular
  test.each([
    ['undefined', 'a', undefined, 'INVALID_MESSAGE'],
    ['a function', 'a', () => {}, 'INVALID_MESSAGE'],
    ['a symbol', 'a', Symbol('s'), 'INVALID_MESSAGE'],
    ['a bigint', 'a', 1n, 'INVALID_MESSAGE'],
    ['a circular object', 'a', circular, 'INVALID_MESSAGE'],
    ['toJSON that gives nothing', 'a', { toJSON: () => undefined }, 'INVALID_MESSAGE'],
    [
      'toJSON that throws',
      'a',
      {
        toJSON: () => {
          throw new Error('no')
        },
      },
      'INVALID_MESSAGE',
    ],
    ['a text that is too large', 'a', 'ä'.repeat(32_769), 'MESSAGE_TOO_LARGE'],
    ['bytes that are too many', 'a', new Uint8Array(65_537), 'MESSAGE_TOO_LARGE'],
    ['JSON that is too large', 'a', { pad: 'x'.repeat(65_530) }, 'MESSAGE_TOO_LARGE'],
    ['an empty channel', '', 'x', 'INVALID_CHANNEL'],
    ['a channel that is no string', 7, 'x', 'INVALID_CHANNEL'],
    ['a channel named __proto__', '__proto__', 'x', 'INVALID_CHANNEL'],
    ['a channel that is too long', 'c'.repeat(1_025), 'x', 'INVALID_CHANNEL'],
    ['a channel with half a character', 'a\ud800', 'x', 'INVALID_CHANNEL'],
  ])('%s', async (_what, channel, message, code) => {
    await using subscriber = new Subscriber({ redis: server.url })
    const received: unknown[] = []
    await subscriber.psubscribe('*', (_p, _c, m) => received.push(m))
    const neighbour = publisher.publish('neighbour', 'before')
    const bad = publisher.publish(channel as string, message)
    const other = publisher.publish('neighbour', 'after')
    await expect(bad).rejects.toMatchObject({ name: 'TidingsError', code, retryable: false })
    expect(await neighbour).toBe(1)
    expect(await other).toBe(1)
    await expect.poll(() => received).toEqual(['before', 'after'])
  })

  test('the largest message that is allowed arrives, and maxBytes moves the limit', async () => {
    await using small = new Publisher({ redis: server.url, maxBytes: 10 })
    expect(await publisher.publish('a', 'x'.repeat(65_536))).toBe(0)
    expect(await small.publish('a', '0123456789')).toBe(0)
    await expect(small.publish('a', '01234567890')).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      context: { bytes: 11, maxBytes: 10 },
    })
  })
})

describe('a full queue', () => {
  test('refuses what is too much by count, keeps what it accepted, and accepts again', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    await using limited = new Publisher({ redis: server.url, queue: { maxCount: 100 } })
    let received = 0
    await subscriber.subscribe('full', () => (received += 1))
    await limited.publish('full', 1)
    server.pause()
    const results = Promise.allSettled(Array.from({ length: 150 }, () => limited.publish('full', 1)))
    server.resume()
    const settled = await results
    const refused = settled.filter((result) => result.status === 'rejected')
    expect(refused).toHaveLength(50)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'QUEUE_FULL', retryable: true })
    expect(await limited.publish('full', 1)).toBe(1)
    await expect.poll(() => received).toBe(102)
  })

  test('refuses what is too much by bytes', async () => {
    await using limited = new Publisher({ redis: server.url, queue: { maxBytes: 1_000 } })
    await limited.publish('full', 1)
    server.pause()
    const results = Promise.allSettled(Array.from({ length: 20 }, () => limited.publish('full', 'x'.repeat(100))))
    server.resume()
    const settled = await results
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
  })
})

test('close() lets what was accepted go out, then everything is CLOSED', async () => {
  await using subscriber = new Subscriber({ redis: server.url })
  const closing = new Publisher({ redis: server.url })
  let received = 0
  await subscriber.subscribe('closing', () => (received += 1))
  const sent = Array.from({ length: 5_000 }, () => closing.publish('closing', 'x'))
  await Promise.all([closing.close(), closing.close()])
  expect((await Promise.allSettled(sent)).every(({ status }) => status === 'fulfilled')).toBe(true)
  await expect.poll(() => received).toBe(5_000)
  await expect(closing.publish('closing', 'x')).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(closing.getPatternCount()).rejects.toMatchObject({ code: 'CLOSED' })
})
