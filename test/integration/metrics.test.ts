import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { Counter, Registry, type RegistryContentType } from 'prom-client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { publishChannel, receiveChannel } from '../../src/core/diagnostics.ts'
import { Publisher } from '../../src/messaging/publisher.ts'
import { Subscriber } from '../../src/messaging/subscriber.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { createMetrics, type Metrics, type MetricsOptions } from '../../src/monitor/prometheus.ts'
import { eventually } from '../support/eventually.ts'
import { byChannel, parsePrometheusText } from '../support/prometheus-text.ts'
import { RedisServer } from '../support/redis-server.ts'

const PUBLISHED = 'redis_pubsub_messages_published_total'
const RECEIVED = 'redis_pubsub_messages_received_total'
const SUBSCRIBERS = 'redis_pubsub_active_subscribers'

let redis: RedisServer
const opened: { close(): Promise<unknown> }[] = []

const open = <T extends { close(): Promise<unknown> }>(object: T): T => {
  opened.push(object)
  return object
}
const publisher = () => open(new Publisher({ redis: redis.url }))
const subscriber = () => open(new Subscriber({ redis: redis.url }))
const monitor = () => open(new Monitor({ redis: redis.url }))

function measure(options: MetricsOptions = {}): Metrics {
  return open(createMetrics({ monitor: monitor(), ...options }))
}

async function serve(metrics: Metrics): Promise<string> {
  const server: Server = createServer(metrics.handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.push({
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`
}

async function scrape(url: string) {
  const response = await fetch(url)
  expect(response.status).toBe(200)
  const samples = parsePrometheusText(await response.text())
  return {
    published: byChannel(samples, PUBLISHED),
    received: byChannel(samples, RECEIVED),
    subscribers: byChannel(samples, SUBSCRIBERS),
    errors: samples.find((sample) => sample.name === 'tidings_scrape_errors_total')?.value,
  }
}

beforeAll(async () => {
  redis = await RedisServer.start()
})
afterEach(async () => {
  for (const object of opened.splice(0).reverse()) await object.close()
})
afterAll(() => redis.stopWithoutLeaks())

describe('a scrape over HTTP', () => {
  it('shows exactly what was published, what was received, and who is subscribed', async () => {
    const [pub, one, two] = [publisher(), subscriber(), subscriber()]
    const url = await serve(measure())
    let seen = 0
    const handler = () => {
      seen += 1
    }
    await one.subscribe('orders', handler)
    await one.subscribe('orders', handler)
    await two.subscribe('orders', handler)
    await two.psubscribe('user:*', handler)
    for (let i = 0; i < 10; i += 1) await pub.publish('orders', { i })
    for (let i = 0; i < 3; i += 1) await pub.publish('user:7', { i })
    for (let i = 0; i < 5; i += 1) await pub.publish('nobody', { i })
    await eventually(() => expect(seen).toBe(33))

    expect(await scrape(url)).toEqual({
      published: new Map([
        ['orders', 10],
        ['user:7', 3],
        ['nobody', 5],
      ]),
      received: new Map([
        ['orders', 20],
        ['user:7', 3],
      ]),
      subscribers: new Map([['orders', 2]]),
      errors: 0,
    })
  })

  it('counts a message once for its channel and once for each pattern, whatever the handlers', async () => {
    const [pub, sub] = [publisher(), subscriber()]
    const url = await serve(measure())
    let seen = 0
    const handler = () => {
      seen += 1
    }
    await sub.subscribe('a:b', handler)
    await sub.psubscribe('a:*', handler)
    await sub.psubscribe('a:*', () => {})
    await sub.psubscribe('*:b', handler)
    await pub.publish('a:b', 1)
    await eventually(() => expect(seen).toBe(3))
    expect((await scrape(url)).received).toEqual(new Map([['a:b', 3]]))
  })

  it('does not count a publish that Redis or the publisher refused', async () => {
    const pub = publisher()
    const url = await serve(measure())
    await pub.publish('a', 1)
    await expect(pub.publish('a', 'x'.repeat(100_000))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect((await scrape(url)).published).toEqual(new Map([['a', 1]]))
  })

  it('shows the subscribers of every program, and drops a channel when its last one has gone', async () => {
    const url = await serve(measure())
    const foreign = [new Redis(redis.url), new Redis(redis.url)]
    for (const client of foreign) await client.subscribe('elsewhere')
    expect((await scrape(url)).subscribers).toEqual(new Map([['elsewhere', 2]]))
    foreign[0]?.disconnect()
    await eventually(async () => expect((await scrape(url)).subscribers).toEqual(new Map([['elsewhere', 1]])))
    foreign[1]?.disconnect()
    await eventually(async () => expect((await scrape(url)).subscribers).toEqual(new Map()))
  })

  it('shows 0 for a channel that a rule names while nobody listens, so that an alert can see it', async () => {
    const url = await serve(measure({ channelLabel: ['orders'] }))
    expect(await scrape(url)).toEqual({
      published: new Map([['orders', 0]]),
      received: new Map([['orders', 0]]),
      subscribers: new Map([['orders', 0]]),
      errors: 0,
    })
  })

  it('carries hostile names through the text format unchanged', async () => {
    const [pub, sub] = [publisher(), subscriber()]
    const url = await serve(measure())
    const names = [
      'say "hi"',
      'two\nlines',
      'back\\slash',
      'both\\"',
      'end\\',
      '\\n',
      '}',
      'a="b",',
      '\r',
      'größe 📣',
      '\0',
    ]
    names.push('constructor', 'other', ' ')
    let seen = 0
    for (const name of names) {
      await sub.subscribe(name, () => {
        seen += 1
      })
      await pub.publish(name, 1)
    }
    await eventually(() => expect(seen).toBe(names.length))
    const { published, received, subscribers } = await scrape(url)
    const expected = new Map(names.map((name) => [name, 1]))
    expect(published).toEqual(expected)
    expect(received).toEqual(expected)
    expect(subscribers).toEqual(expected)
  })

  it('keeps to the limit of labels and loses no message and no subscriber', async () => {
    const pub = publisher()
    const url = await serve(measure({ maxChannels: 5, channelLabel: ['user:*'] }))
    const foreign = new Redis(redis.url)
    const names = Array.from({ length: 1_000 }, (_, i) => (i % 4 === 0 ? `user:${i}` : `room:${i}`))
    await foreign.subscribe(...names)
    await Promise.all(names.map((name) => pub.publish(name, 1)))
    const { published, subscribers } = await scrape(url)
    foreign.disconnect()
    for (const metric of [published, subscribers]) {
      expect([...metric.keys()].sort()).toEqual(['other', 'room:1', 'room:2', 'room:3', 'room:5', 'room:6', 'user:*'])
      expect(metric.get('user:*')).toBe(250)
      expect(metric.get('other')).toBe(745)
      expect(metric.get('room:1')).toBe(1)
    }
  })

  it('answers HEAD without a body and refuses other methods', async () => {
    const metrics = measure()
    const url = await serve(metrics)
    const head = await fetch(url, { method: 'HEAD' })
    expect(head.status).toBe(200)
    expect(head.headers.get('content-type')).toBe(metrics.contentType)
    expect(await head.text()).toBe('')
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await fetch(url, { method, ...(method === 'POST' ? { body: 'x'.repeat(1_000_000) } : {}) })
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('GET, HEAD')
    }
  })

  it('answers 500 with a plain line where a collector of the owner fails, and tells nothing of it', async () => {
    const metrics = measure()
    const url = await serve(metrics)
    new Counter({
      name: 'of_the_owner',
      help: 'fails',
      registers: [metrics.registry as Registry],
      collect() {
        throw new Error('a secret')
      },
    })
    const response = await fetch(url)
    expect(response.status).toBe(500)
    expect(await response.text()).toBe('The metrics could not be collected.\n')
  })
})

describe('a scrape without Redis', () => {
  it('still answers in time: the counters stay, the gauge is absent, the failure is counted', async () => {
    const own = await RedisServer.start()
    const pub = open(new Publisher({ redis: own.url }))
    const url = await serve(
      open(createMetrics({ monitor: open(new Monitor({ redis: own.url })), channelLabel: ['a'] })),
    )
    await pub.publish('a', 1)
    expect(await scrape(url)).toMatchObject({ subscribers: new Map([['a', 0]]), errors: 0 })
    await own.kill()
    try {
      const begun = performance.now()
      const counters = { published: new Map([['a', 1]]), received: new Map([['a', 0]]) }
      expect(await scrape(url)).toEqual({ ...counters, subscribers: new Map(), errors: 1 })
      expect(performance.now() - begun).toBeLessThan(3_000)
    } finally {
      await own.restart()
    }
    await eventually(async () => expect((await scrape(url)).subscribers).toEqual(new Map([['a', 0]])))
    for (const object of opened.splice(0).reverse()) await object.close()
    await own.stopWithoutLeaks()
  })

  it('answers in time while Redis hangs, and asks a hanging Redis once for many scrapes', async () => {
    const own = await RedisServer.start()
    const url = await serve(open(createMetrics({ monitor: open(new Monitor({ redis: own.url })) })))
    expect((await scrape(url)).errors).toBe(0)
    own.pause()
    try {
      const begun = performance.now()
      const scrapes = await Promise.all(Array.from({ length: 20 }, () => scrape(url)))
      expect(performance.now() - begun).toBeLessThan(3_000)
      for (const { subscribers } of scrapes) expect(subscribers).toEqual(new Map())
      expect(scrapes[0]?.errors).toBe(1)
    } finally {
      own.resume()
    }
    await eventually(async () => expect((await scrape(url)).errors).toBe(1))
    for (const object of opened.splice(0).reverse()) await object.close()
    await own.stopWithoutLeaks()
  })
})

describe('registries', () => {
  it('are separate: two sets of metrics count the same traffic, each by its own rules', async () => {
    const pub = publisher()
    const one = open(createMetrics())
    const two = open(createMetrics({ channelLabel: ['user:*'] }))
    await pub.publish('user:1', 1)
    await one.close()
    await pub.publish('user:1', 1)
    expect(await one.metrics()).not.toContain(PUBLISHED)
    const counts = byChannel(parsePrometheusText(await two.metrics()), PUBLISHED)
    expect(counts).toEqual(new Map([['user:*', 2]]))
  })

  it('take one set of metrics each, and another one when it is closed', async () => {
    const registry = new Registry()
    const first = open(createMetrics({ registry }))
    expect(() => createMetrics({ registry })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(PUBLISHED) }),
    )
    await first.close()
    const second = open(createMetrics({ registry }))
    await first.close()
    expect(await second.metrics()).toContain(PUBLISHED)
  })

  it('are given up with everything else on close: messages are measured no more', async () => {
    const metrics = createMetrics()
    expect([publishChannel.asyncEnd, receiveChannel.start].map((channel) => channel.hasSubscribers)).toEqual([
      true,
      true,
    ])
    await metrics.close()
    expect([publishChannel, receiveChannel].map((channel) => channel.hasSubscribers)).toEqual([false, false])
  })

  it('may hold other metrics, which stay when these are closed', async () => {
    const registry = new Registry()
    new Counter({ name: 'of_the_owner', help: 'stays', registers: [registry] })
    const metrics = open(createMetrics({ registry }))
    expect(await metrics.metrics()).toContain('of_the_owner 0')
    await metrics.close()
    expect(await registry.metrics()).toContain('of_the_owner 0')
  })

  it('may be of the OpenMetrics kind, with the same names', async () => {
    const registry = new Registry<RegistryContentType>()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    const metrics = open(createMetrics({ registry, channelLabel: ['a'] }))
    expect(metrics.contentType).toContain('openmetrics')
    for (let i = 0; i < 2; i += 1) expect(await metrics.metrics()).toContain(`${PUBLISHED}{channel="a"} 0`)
  })
})

describe('the options of createMetrics', () => {
  it('are checked', () => {
    expect(() => createMetrics({ prefix: 'x' } as never)).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }))
    for (const maxChannels of [-1, 1.5, Number.NaN, '7' as never]) {
      expect(() => createMetrics({ maxChannels })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    }
  })
})
