import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../src/connection/connect.ts'
import { Publisher } from '../../src/messaging/publisher.ts'
import { Subscriber } from '../../src/messaging/subscriber.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

let redis: RedisServer
const opened: { close(): Promise<unknown> }[] = []

const open = <T extends { close(): Promise<unknown> }>(object: T): T => {
  opened.push(object)
  return object
}

beforeAll(async () => {
  redis = await RedisServer.start()
})
afterEach(async () => {
  for (const object of opened.splice(0).reverse()) await object.close()
  // What one test subscribed to must be gone before the next one counts.
  await eventually(async () => expect(await redis.clients()).toEqual([]))
})
afterAll(() => redis.stopWithoutLeaks())

function foreignClient(): Redis {
  const client = new Redis(redis.url)
  opened.push({ close: async () => client.disconnect() })
  return client
}

describe('Monitor', () => {
  it('tells which channels are active, how many subscribers each has, and how many patterns there are', async () => {
    const [monitor, subscriber, foreign] = [
      open(new Monitor({ redis: redis.url })),
      open(new Subscriber({ redis: redis.url })),
      foreignClient(),
    ]
    await subscriber.subscribe('news', () => {})
    await subscriber.subscribe('news', () => {})
    await subscriber.psubscribe('user:*', () => {})
    await foreign.subscribe('news', 'alerts')
    await foreign.psubscribe('user:*', 'order:*')

    expect(await monitor.channels()).toEqual(['alerts', 'news'])
    expect(await monitor.channels('n*')).toEqual(['news'])
    expect(await monitor.subscribers(['news', 'nobody', 'alerts'])).toEqual(
      new Map([
        ['news', 2],
        ['nobody', 0],
        ['alerts', 1],
      ]),
    )
    expect(await monitor.patterns()).toBe(2)
    const before = new Date().toISOString()
    const snapshot = await monitor.snapshot()
    expect(snapshot).toEqual({
      takenAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      channels: [
        { channel: 'alerts', subscribers: 1 },
        { channel: 'news', subscribers: 2 },
      ],
      patterns: 2,
    })
    expect(snapshot.takenAt >= before && snapshot.takenAt <= new Date().toISOString()).toBe(true)
    expect((await monitor.snapshot('al*')).channels).toEqual([{ channel: 'alerts', subscribers: 1 }])
  })

  it('tells that nobody listens', async () => {
    const monitor = open(new Monitor({ redis: redis.url }))
    expect(await monitor.channels()).toEqual([])
    expect(await monitor.subscribers([])).toEqual(new Map())
    expect(await monitor.snapshot()).toMatchObject({ channels: [], patterns: 0 })
  })

  it('counts 10,000 channels exactly', async () => {
    const [monitor, foreign] = [open(new Monitor({ redis: redis.url })), foreignClient()]
    const names = Array.from({ length: 10_000 }, (_, i) => `room:${String(i).padStart(5, '0')}`)
    await foreign.subscribe(...names)
    const second = foreignClient()
    await second.subscribe(...names.slice(0, 700))
    const { channels } = await monitor.snapshot()
    expect(channels.map(({ channel }) => channel)).toEqual(names)
    expect(channels.map(({ subscribers }) => subscribers)).toEqual(names.map((_, i) => (i < 700 ? 2 : 1)))
  })

  it('counts unusual names of other programs too', async () => {
    const [monitor, foreign] = [open(new Monitor({ redis: redis.url })), foreignClient()]
    const names = ['constructor', '__proto__', 'toString', 'two\nlines', 'größe', ' ', 'x'.repeat(5_000), '\0']
    await foreign.subscribe(...names)
    const channels = await monitor.channels()
    expect(new Set(channels)).toEqual(new Set(names))
    expect(await monitor.subscribers(channels)).toEqual(new Map(channels.map((channel) => [channel, 1])))
    expect((await monitor.snapshot()).channels).toHaveLength(names.length)
  })

  it('leaves out of a snapshot what it cannot count: names that are not UTF-8', async () => {
    const [monitor, foreign] = [open(new Monitor({ redis: redis.url })), foreignClient()]
    await foreign.subscribe(Buffer.from([0x61, 0xff]), 'news')
    expect(await monitor.channels()).toEqual(['a\ufffd', 'news'])
    expect((await monitor.snapshot()).channels).toEqual([{ channel: 'news', subscribers: 1 }])
  })

  it('refuses what is no name and no pattern', async () => {
    const monitor = open(new Monitor({ redis: redis.url }))
    await expect(monitor.subscribers([7 as never])).rejects.toMatchObject({ code: 'INVALID_CHANNEL' })
    await expect(monitor.channels('')).rejects.toMatchObject({ code: 'INVALID_PATTERN' })
    await expect(monitor.snapshot(null as never)).rejects.toMatchObject({ code: 'INVALID_PATTERN' })
    expect(() => new Monitor({ redis: redis.url, interval: 5 } as never)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_OPTION' }),
    )
  })

  it('rejects when closed, and closes twice without harm', async () => {
    const monitor = new Monitor({ redis: redis.url })
    await monitor.patterns()
    await monitor.close()
    await monitor.close()
    for (const question of [() => monitor.channels(), () => monitor.subscribers([]), () => monitor.snapshot()]) {
      await expect(question()).rejects.toMatchObject({ code: 'CLOSED' })
    }
  })

  it('leaves a connection open that was handed in', async () => {
    const connection = open(await connect(redis.url))
    const monitor = new Monitor({ redis: connection })
    expect(await monitor.patterns()).toBe(0)
    await monitor.close()
    await expect(monitor.patterns()).rejects.toMatchObject({ code: 'CLOSED' })
    const publisher = open(new Publisher({ redis: connection }))
    expect(await publisher.publish('a', 1)).toBe(0)
  })

  it('rejects within the command timeout while Redis hangs, and answers again afterwards', async () => {
    const monitor = open(new Monitor({ redis: redis.url, commandTimeoutMs: 500 }))
    await monitor.patterns()
    redis.pause()
    try {
      const begun = performance.now()
      await expect(monitor.snapshot()).rejects.toMatchObject({ name: 'TidingsError' })
      expect(performance.now() - begun).toBeLessThan(2_000)
    } finally {
      redis.resume()
    }
    await eventually(async () => expect(await monitor.patterns()).toBe(0))
  })

  it('tells the same of the memory backend', async () => {
    const name = 'memory:monitor-test'
    const [monitor, subscriber] = [open(new Monitor({ redis: name })), open(new Subscriber({ redis: name }))]
    await subscriber.subscribe('news', () => {})
    await subscriber.psubscribe('user:*', () => {})
    expect(await monitor.snapshot()).toMatchObject({ channels: [{ channel: 'news', subscribers: 1 }], patterns: 1 })
  })
})
