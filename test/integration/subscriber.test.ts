import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Publisher, Subscriber, type TidingsError } from '../../src/index.ts'
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

/** How often commands like SUBSCRIBE were called on this server. */
async function calls(...names: string[]): Promise<number> {
  const stats = await server.admin.info('commandstats')
  const count = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  return names.reduce((sum, name) => sum + count(name), 0)
}

const subscribing = () => calls('subscribe', 'unsubscribe', 'psubscribe', 'punsubscribe')

describe('subscriptions', () => {
  test('what is published after subscribe() has resolved is delivered', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    for (let round = 0; round < 200; round += 1) {
      const received: unknown[] = []
      await subscriber.subscribe(`after:${round}`, (_channel, message) => received.push(message))
      expect(await publisher.publish(`after:${round}`, round)).toBe(1)
      await expect.poll(() => received).toEqual([round])
    }
  })

  test('a handler added while others listen costs no call to Redis, nor does one that leaves', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const received: string[] = []
    await subscriber.subscribe('cheap', () => received.push('first'))
    const before = await subscribing()
    const more = await Promise.all(
      Array.from({ length: 100 }, (_, n) => subscriber.subscribe('cheap', () => received.push(`more ${n}`))),
    )
    await more[50]?.unsubscribe()
    expect(await subscribing()).toBe(before)
    await publisher.publish('cheap', 1)
    await expect.poll(() => received.length).toBe(100)
    expect(received).not.toContain('more 50')
  })

  test('leaving and coming back within a second costs no call; who stays away is unsubscribed', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const received: unknown[] = []
    const handler = (_channel: string, message: unknown) => received.push(message)
    await subscriber.subscribe('back', handler)
    const before = await subscribing()
    for (let round = 0; round < 10; round += 1) {
      await subscriber.unsubscribe('back', handler)
      const left = performance.now()
      while (performance.now() - left < 20) await publisher.publish('meanwhile', round)
      await subscriber.subscribe('back', handler)
    }
    expect(await subscribing()).toBe(before)
    expect(await publisher.publish('back', 'still here')).toBe(1)
    await expect.poll(() => received).toEqual(['still here'])

    await subscriber.unsubscribe('back')
    await expect.poll(() => publisher.getChannelSubscribers('back'), { timeout: 5_000 }).toBe(0)
    expect(await subscribing()).toBe(before + 1)
  })

  test('a thousand subscriptions of one tick are two commands', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    await subscriber.subscribe('warm', () => {})
    const before = await calls('subscribe')
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => subscriber.subscribe(`many:${n}`, () => {})))
    expect((await calls('subscribe')) - before).toBe(2)
    expect(await publisher.publish('many:999', 1)).toBe(1)
  })

  test('unsubscribe takes off one handler, or all, from the call on', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const received: string[] = []
    const one = () => received.push('one')
    const two = () => received.push('two')
    await subscriber.subscribe('off', one)
    await subscriber.subscribe('off', two)
    const third = await subscriber.psubscribe('of?', () => received.push('pattern'))
    await subscriber.subscribe('off', () => received.push('end'))
    await publisher.publish('off', 1)
    await expect.poll(() => received.toSorted()).toEqual(['end', 'one', 'pattern', 'two'])

    received.length = 0
    await subscriber.unsubscribe('off', one)
    await third.unsubscribe()
    await third.unsubscribe()
    await publisher.publish('off', 1)
    await expect.poll(() => received).toEqual(['two', 'end'])

    received.length = 0
    await subscriber.unsubscribe('off')
    await subscriber.subscribe('off', () => received.push('new'))
    await publisher.publish('off', 1)
    await expect.poll(() => received).toEqual(['new'])
    await subscriber.unsubscribe('never')
    await subscriber.punsubscribe('never*')
  })

  test('a handler may subscribe and unsubscribe while it runs', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const received: string[] = []
    const once = () => {
      received.push('once')
      void subscriber.unsubscribe('self', once)
      void subscriber.subscribe('self', () => received.push('later'))
    }
    await subscriber.subscribe('self', once)
    await subscriber.subscribe('self', () => received.push('always'))
    await publisher.publish('self', 1)
    await publisher.publish('self', 2)
    await expect.poll(() => received).toEqual(['once', 'always', 'always', 'later'])
  })

  test('more patterns than Redis is asked for are told apart here, each message once per pattern', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const received: string[] = []
    const patterns = Array.from({ length: 200 }, (_, n) => `much:${n}:*`)
    await Promise.all(
      patterns.map((p) => subscriber.psubscribe(p, (pattern, channel) => received.push(`${pattern} ${channel}`))),
    )
    await subscriber.psubscribe('much:*:deep', (pattern, channel) => received.push(`${pattern} ${channel}`))
    expect(await publisher.getPatternCount()).toBeLessThanOrEqual(17)
    for (const n of [3, 30, 199]) await publisher.publish(`much:${n}:x`, 1)
    await publisher.publish('much:150:deep', 1)
    await publisher.publish('much:none', 1)
    await publisher.publish('end', 1)
    await subscriber.subscribe('end', () => {})
    await expect
      .poll(() => received.toSorted())
      .toEqual([
        'much:*:deep much:150:deep',
        'much:150:* much:150:deep',
        'much:199:* much:199:x',
        'much:30:* much:30:x',
        'much:3:* much:3:x',
      ])
    await Promise.all(patterns.map((pattern) => subscriber.punsubscribe(pattern)))
    await subscriber.punsubscribe('much:*:deep')
    await expect.poll(() => publisher.getPatternCount(), { timeout: 5_000 }).toBe(0)
  })

  test.each([
    ['', () => {}, 'INVALID_CHANNEL'],
    ['__proto__', () => {}, 'INVALID_CHANNEL'],
    [undefined, () => {}, 'INVALID_CHANNEL'],
    ['ok', undefined, 'INVALID_HANDLER'],
    ['ok', 'text', 'INVALID_HANDLER'],
  ])('subscribe(%j, %s) is refused with %s', async (channel, handler, code) => {
    await using subscriber = new Subscriber({ redis: server.url })
    await expect(subscriber.subscribe(channel as string, handler as never)).rejects.toMatchObject({ code })
    const patternCode = code.replace('CHANNEL', 'PATTERN')
    await expect(subscriber.psubscribe(channel as string, handler as never)).rejects.toMatchObject({
      code: patternCode,
    })
  })
})

describe('messages', () => {
  test('JSON is parsed once for all handlers; text and bytes are there for who wants them', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const parse = vi.spyOn(JSON, 'parse')
    const json: unknown[] = []
    const other: unknown[] = []
    for (let n = 0; n < 10; n += 1) await subscriber.subscribe('parsed', (_c, message) => json.push(message))
    await subscriber.subscribe('parsed', (_c, message) => other.push(message), { as: 'text' })
    await subscriber.subscribe('parsed', (_c, message) => other.push(message), { as: 'bytes' })
    parse.mockClear()
    await publisher.publish('parsed', { a: 1 })
    await expect.poll(() => json.length).toBe(10)
    expect(parse).toHaveBeenCalledTimes(1)
    parse.mockRestore()
    expect(new Set(json).size).toBe(1)
    expect(other).toEqual(['{"a":1}', Buffer.from('{"a":1}')])
  })

  test('garbage that looks like JSON arrives as the text it is, and __proto__ pollutes nothing', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const received: unknown[] = []
    await subscriber.subscribe('garbage', (_c, message) => received.push(message))
    const garbage = ['{"a":', '[1,2', '{a:1}', 'nul', '\u0000', '{"__proto__":{"polluted":true}}']
    for (const text of garbage) await publisher.publish('garbage', text)
    await publisher.publish('garbage', new Uint8Array([0xff, 0xfe, 0x80]))
    await expect.poll(() => received.length).toBe(7)
    expect(received.slice(0, 5)).toEqual(garbage.slice(0, 5))
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect(Object.keys(received[5] as object)).toEqual(['__proto__'])
    expect(received[6]).toBe('\ufffd\ufffd\ufffd')
  })

  test('names that are special to objects, and names beyond ASCII, are names like others', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const names = ['constructor', 'toString', 'hasOwnProperty', 'ünï:💌', 'a b', 'new\nline', 'nul\u0000', '*', '[a]']
    const received: unknown[] = []
    for (const name of names) await subscriber.subscribe(name, (channel, message) => received.push([channel, message]))
    for (const name of names) expect(await publisher.publish(name, name)).toBe(1)
    await expect.poll(() => received).toEqual(names.map((name) => [name, name]))
    const viaPattern: string[] = []
    await subscriber.psubscribe('ünï:*', (_p, channel) => viaPattern.push(channel))
    await publisher.publish('ünï:💌', 1)
    await expect.poll(() => viaPattern).toEqual(['ünï:💌'])
  })
})

describe('a handler that fails', () => {
  test('hurts no other handler and no later message, and reaches error with channel and cause', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const errors: TidingsError[] = []
    subscriber.on('error', (error) => errors.push(error))
    const received: unknown[] = []
    const thrown = new Error('thrown')
    const rejected = new Error('rejected')
    await subscriber.subscribe('fails', () => {
      throw thrown
    })
    await subscriber.subscribe('fails', async () => {
      throw rejected
    })
    await subscriber.psubscribe('fail?', () => Promise.reject('no error at all'))
    await subscriber.subscribe('fails', (_c, message) => received.push(message))
    await publisher.publish('fails', 1)
    await publisher.publish('fails', 2)
    await expect.poll(() => errors.length).toBe(6)
    expect(received).toEqual([1, 2])
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['HANDLER_FAILED']))
    expect(errors.filter(({ cause }) => cause === thrown)).toHaveLength(2)
    expect(errors.filter(({ cause }) => cause === rejected)).toHaveLength(2)
    expect(errors.every(({ context }) => context.channel === 'fails')).toBe(true)
    expect(errors.filter(({ context }) => context.pattern === 'fail?')).toHaveLength(2)
  })

  test('without a listener goes to the logger; without that, one warning of the process', async () => {
    const warnings: unknown[] = []
    const logger = { debug() {}, info() {}, warn: (fields: object) => warnings.push(fields), error() {} }
    await using logged = new Subscriber({ redis: server.url, logger })
    await logged.subscribe('unheard', () => {
      throw new Error('logged')
    })
    await publisher.publish('unheard', 1)
    await publisher.publish('unheard', 2)
    await expect.poll(() => warnings.length).toBe(2)
    expect(warnings[0]).toMatchObject({ err: { code: 'HANDLER_FAILED' } })

    const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await using silent = new Subscriber({ redis: server.url })
    let ran = 0
    await silent.subscribe('unheard', () => {
      ran += 1
      throw new Error('silent')
    })
    await publisher.publish('unheard', 3)
    await publisher.publish('unheard', 4)
    await expect.poll(() => ran).toBe(2)
    expect(emitted).toHaveBeenCalledTimes(1)
    emitted.mockRestore()
  })

  test('may throw what has no text at all', async () => {
    await using subscriber = new Subscriber({ redis: server.url })
    const errors: TidingsError[] = []
    subscriber.on('error', (error) => errors.push(error))
    const received: unknown[] = []
    await subscriber.subscribe('textless', () => {
      throw Object.create(null)
    })
    await subscriber.subscribe('textless', () => Promise.reject(Object.create(null)))
    await subscriber.subscribe('textless', (_c, message) => received.push(message))
    await publisher.publish('textless', 1)
    await expect.poll(() => errors.length).toBe(2)
    expect(received).toEqual([1])
  })

  test('an error listener that throws changes nothing either', async () => {
    const logger = { debug() {}, info() {}, warn() {}, error() {} }
    await using subscriber = new Subscriber({ redis: server.url, logger })
    let heard = 0
    subscriber.on('error', () => {
      heard += 1
      throw new Error('the listener too')
    })
    await subscriber.subscribe('worse', () => {
      throw new Error('handler')
    })
    await publisher.publish('worse', 1)
    await publisher.publish('worse', 2)
    await expect.poll(() => heard).toBe(2)
  })
})

describe('close()', () => {
  test('during traffic: nothing is delivered after the call, running handlers finish', async () => {
    const subscriber = new Subscriber({ redis: server.url })
    let delivered = 0
    let finished = 0
    let stop = false
    const traffic = (async () => {
      while (!stop) await Promise.all(Array.from({ length: 50 }, (_, n) => publisher.publish('traffic', n)))
    })()
    await subscriber.subscribe('traffic', async () => {
      delivered += 1
      await new Promise((resolve) => setTimeout(resolve, 50))
      finished += 1
    })
    await expect.poll(() => delivered).toBeGreaterThan(500)
    const closing = subscriber.close()
    const deliveredAtClose = delivered
    await closing
    stop = true
    await traffic
    expect(delivered).toBe(deliveredAtClose)
    expect(finished).toBe(delivered)
    await expect(subscriber.subscribe('traffic', () => {})).rejects.toMatchObject({ code: 'CLOSED' })
    await subscriber.close()
  })

  test('waits for a handler that hangs no longer than three seconds', async () => {
    const subscriber = new Subscriber({ redis: server.url })
    const hanging = new Promise<void>((resolve) => {
      void subscriber
        .subscribe('hang', () => {
          resolve()
          return new Promise(() => {})
        })
        .then(() => publisher.publish('hang', 1))
    })
    await hanging
    const since = performance.now()
    await subscriber.close()
    expect(performance.now() - since).toBeLessThan(4_000)
  })
})
