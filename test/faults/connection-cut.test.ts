import { afterAll, beforeAll, expect, test } from 'vitest'
import { Publisher, Subscriber } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { nextEvent } from '../support/next-event.ts'
import { OutcomeLedger } from '../support/outcomes.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start({ config: { 'client-output-buffer-limit': 'pubsub 1mb 0 0' } })
})
afterAll(() => server.stopWithoutLeaks())

test('CLIENT KILL of the subscriber: back within a second, all subscriptions renewed, one interruption', async () => {
  await using subscriber = new Subscriber({ redis: server.url })
  await using publisher = new Publisher({ redis: server.url })
  subscriber.on('error', () => {})
  const interruptions: unknown[] = []
  subscriber.on('interruption', (interruption) => interruptions.push(interruption))
  const received: unknown[] = []
  for (let i = 0; i < 1_000; i += 1) await subscriber.subscribe(`kill:${i}`, (channel) => received.push(channel))
  await subscriber.psubscribe('kill:?', (pattern) => received.push(pattern))

  for (let round = 1; round <= 3; round += 1) {
    const since = performance.now()
    const interrupted = nextEvent(subscriber, 'interruption')
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await interrupted
    expect(performance.now() - since).toBeLessThan(1_000)
    expect(interruptions).toHaveLength(round)
    expect(interruptions.at(-1)).toMatchObject({ kind: 'interruption', channels: 1_000, patterns: 1 })
    received.length = 0
    expect(await publisher.publish('kill:7', 1)).toBe(2)
    expect(await publisher.publish('kill:999', 1)).toBe(1)
    await eventually(() => expect(received.toSorted()).toEqual(['kill:7', 'kill:999', 'kill:?']))
  }
})

test('a subscriber too slow for its output buffer is cut by Redis, comes back, and says that it missed messages', async () => {
  await using subscriber = new Subscriber({ redis: server.url })
  await using publisher = new Publisher({ redis: server.url })
  subscriber.on('error', () => {})
  let received = 0
  await subscriber.subscribe('flood', () => {
    // The first message keeps this process from reading, as a handler that computes would.
    received += 1
    if (received === 1) for (const until = performance.now() + 300; performance.now() < until; );
  })
  const interrupted = nextEvent(subscriber, 'interruption')
  const payload = 'x'.repeat(60_000)
  const { admin } = server
  await publisher.publish('flood', 'go')
  await Promise.all(Array.from({ length: 400 }, () => admin.publish('flood', payload)))
  await interrupted
  expect(await publisher.publish('flood', 'after')).toBe(1)
})

test('an interruption counts from its own break, whatever went wrong before anything was subscribed', async () => {
  const proxy = await TcpProxy.to(server.port)
  try {
    await proxy.down()
    await using subscriber = new Subscriber({ redis: `redis://127.0.0.1:${proxy.port}` })
    subscriber.on('error', () => {})
    const subscribing = subscriber.subscribe('late', () => {})
    await nextEvent(subscriber, 'status')
    await proxy.up()
    await subscribing
    const quietUntil = performance.now() + 1_000
    while (performance.now() < quietUntil) await server.admin.ping()
    const interrupted = nextEvent<[{ downMs: number }]>(subscriber, 'interruption')
    proxy.reset()
    expect((await interrupted)[0].downMs).toBeLessThan(900)
  } finally {
    await proxy.close()
  }
})

test('a publish that was on its way when the connection broke is rejected and never sent again', async () => {
  const proxy = await TcpProxy.to(server.port)
  try {
    await using subscriber = new Subscriber({ redis: server.url })
    await using publisher = new Publisher({ redis: proxy.url })
    const received: unknown[] = []
    await subscriber.subscribe('once', (_channel, n) => received.push(n))
    await publisher.publish('once', 'warm')
    for (let round = 0; round < 5; round += 1) {
      const ledger = new OutcomeLedger()
      const lone = ledger.watch(publisher.publish('once', `lone ${round}`))
      proxy.reset()
      const batch = Array.from({ length: 200 }, (_, i) => ledger.watch(publisher.publish('once', `${round}:${i}`)))
      await Promise.all([lone, ...batch])
      await publisher.publish('once', `end ${round}`)
      await eventually(() => expect(received.at(-1)).toBe(`end ${round}`))
      expect(ledger.outcomes.pending).toBe(0)
    }
    expect(new Set(received).size).toBe(received.length)
  } finally {
    await proxy.close()
  }
})
