import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConnectionStatus, Publisher, Subscriber } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { nextEvent } from '../support/next-event.ts'
import { OutcomeLedger } from '../support/outcomes.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

/** Silences Redis for 20 s and looks at what a publisher and a subscriber make of it. */
async function survivesSilence(url: string, silence: () => void, heal: () => void): Promise<void> {
  await using subscriber = new Subscriber({ redis: url })
  await using publisher = new Publisher({ redis: url })
  const statuses: { status: ConnectionStatus; at: number }[] = []
  subscriber.on('status', (status) => statuses.push({ status, at: performance.now() }))
  subscriber.on('error', () => {})
  const received: unknown[] = []
  await subscriber.subscribe('silence', (_channel, message) => received.push(message))
  await publisher.publish('silence', 'before')
  await eventually(() => expect(received).toEqual(['before']))

  silence()
  const since = performance.now()
  const ledger = new OutcomeLedger()
  const publishing = setInterval(() => void ledger.watch(publisher.publish('silence', 'during')), 10)
  await delay(20_000)
  clearInterval(publishing)
  heal()
  const healedAt = performance.now()

  // Subscribed again, and a message gets through, within five seconds.
  const [interruption] = await nextEvent<[{ downMs: number }]>(subscriber, 'interruption')
  await publisher.publish('silence', 'after')
  await eventually(() => expect(received.at(-1)).toBe('after'))
  expect(performance.now() - healedAt).toBeLessThan(5_000)

  const noticed = statuses.find(({ status }) => status.kind === 'disconnected')
  const noticedMs = (noticed?.at ?? Number.NaN) - since
  console.log(`noticed after ${Math.round(noticedMs)} ms; ${JSON.stringify(ledger.outcomes)}`)
  expect(noticedMs).toBeLessThan(10_000)
  expect(interruption.downMs).toBeGreaterThan(5_000)
  await eventually(() => expect(ledger.outcomes.pending).toBe(0), 6_000)
  expect(ledger.outcomes.longestMs).toBeLessThan(6_000)
  const { CONNECTION_LOST = 0, NOT_CONNECTED = 0, TIMEOUT = 0, ...other } = ledger.outcomes.rejected
  expect(other).toEqual({})
  // What had been sent is ambiguous, what came after the break was noticed was not sent, and both were told so.
  expect(CONNECTION_LOST + TIMEOUT).toBeGreaterThan(0)
  expect(NOT_CONNECTED).toBeGreaterThan(0)
  expect(statuses.filter(({ status }) => status.kind === 'interruption')).toHaveLength(1)
  expect(statuses.filter(({ status }) => status.kind === 'disconnected')).toHaveLength(1)
}

describe('a Redis that is silent for 20 s is noticed within 10 s and used again within 5 s of its return', () => {
  test('SIGSTOP', { timeout: 60_000 }, async () => {
    await survivesSilence(
      server.url,
      () => server.pause(),
      () => server.resume(),
    )
  })

  test('a cut cable', { timeout: 60_000 }, async () => {
    const proxy = await TcpProxy.to(server.port)
    try {
      await survivesSilence(
        proxy.url,
        () => proxy.freeze(),
        () => proxy.thaw(),
      )
    } finally {
      await proxy.close()
    }
  })
})

test('an idle subscriber notices the silence too, with nothing to send', { timeout: 30_000 }, async () => {
  const proxy = await TcpProxy.to(server.port)
  try {
    await using subscriber = new Subscriber({ redis: proxy.url })
    subscriber.on('error', () => {})
    await subscriber.subscribe('idle', () => {})
    proxy.freeze()
    const since = performance.now()
    const [status] = await nextEvent<[ConnectionStatus]>(subscriber, 'status')
    expect(status).toMatchObject({ kind: 'disconnected', error: { code: 'NOT_CONNECTED' } })
    expect(performance.now() - since).toBeLessThan(10_000)
  } finally {
    await proxy.close()
  }
})

test('closing while Redis is silent settles everything within five seconds', { timeout: 30_000 }, async () => {
  const silent = await RedisServer.start()
  try {
    const publisher = new Publisher({ redis: silent.url })
    const subscriber = new Subscriber({ redis: silent.url })
    subscriber.on('error', () => {})
    await subscriber.subscribe('x', () => {})
    await publisher.publish('x', 1)
    silent.pause()
    const ledger = new OutcomeLedger()
    for (let i = 0; i < 2_000; i += 1) void ledger.watch(publisher.publish('x', i))
    void ledger.watch(subscriber.subscribe('y', () => {}))
    const since = performance.now()
    await Promise.all([publisher.close(), subscriber.close()])
    await eventually(() => expect(ledger.outcomes.pending).toBe(0), 100)
    expect(performance.now() - since).toBeLessThan(5_000)
    expect(ledger.outcomes.resolved).toBe(0)
  } finally {
    await silent.stop()
  }
})
