import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConnectionStatus, Publisher, Subscriber } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { OutcomeLedger } from '../support/outcomes.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

test('kill -9 and restart under load: every publish settles, nothing is doubled or reordered, delivery resumes', async () => {
  const statuses: ConnectionStatus[] = []
  await using subscriber = new Subscriber({ redis: server.url })
  await using publisher = new Publisher({ redis: server.url })
  subscriber.on('status', (status) => statuses.push(status))
  subscriber.on('error', () => {})
  const received: number[] = []
  await subscriber.subscribe('load', (_channel, n) => received.push(n as number))

  const ledger = new OutcomeLedger()
  const acknowledged = new Set<number>()
  let n = 0
  let loading = true
  const load = (async () => {
    while (loading) {
      for (let i = 0; i < 20; i += 1) {
        const mine = n++
        void ledger.watch(publisher.publish('load', mine)).then((receivers) => receivers && acknowledged.add(mine))
      }
      await delay(4)
    }
  })()

  await eventually(() => expect(received.length).toBeGreaterThan(500))
  await server.kill()
  await delay(1_000)
  await server.restart()
  const receivedBefore = received.length
  await eventually(() => expect(received.length).toBeGreaterThan(receivedBefore + 500), 10_000)
  loading = false
  await load
  await eventually(() => expect(ledger.outcomes.pending).toBe(0), 7_000)

  expect(ledger.outcomes.longestMs).toBeLessThan(6_000)
  expect(
    Object.keys(ledger.outcomes.rejected).filter((code) => !['CONNECTION_LOST', 'NOT_CONNECTED'].includes(code)),
  ).toEqual([])
  expect(new Set(received).size).toBe(received.length)
  expect(received).toEqual(received.toSorted((a, b) => a - b))
  await eventually(() => expect(received.at(-1)).toBe(Math.max(...acknowledged)))
  // Of those that Redis handed to the subscriber, only what was on its way when Redis died may be missing.
  const got = new Set(received)
  const missing = [...acknowledged].filter((m) => !got.has(m))
  console.log(`published ${n}, received ${received.length}, acknowledged but not received ${missing.length}`)
  expect(missing.length).toBeLessThanOrEqual(200)
  expect(statuses.filter(({ kind }) => kind === 'interruption')).toHaveLength(1)
  expect(statuses.filter(({ kind }) => kind === 'disconnected')).toHaveLength(1)
})

test('what waits while Redis is away is sent once when it is back, in order', async () => {
  const proxy = await TcpProxy.to(server.port)
  try {
    const warnings: string[] = []
    const logger = { debug() {}, info() {}, warn: (_: object, message: string) => warnings.push(message), error() {} }
    await using subscriber = new Subscriber({ redis: server.url })
    await using publisher = new Publisher({ redis: proxy.url, logger })
    const received: unknown[] = []
    await subscriber.subscribe('waits', (_channel, n) => received.push(n))
    await publisher.publish('waits', 'first')
    await proxy.down()
    await eventually(() => expect(warnings).toHaveLength(1))
    const waiting = Array.from({ length: 1_000 }, (_, i) => publisher.publish('waits', i))
    await proxy.up()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([1]))
    await eventually(() => expect(received).toEqual(['first', ...Array.from({ length: 1_000 }, (_, i) => i)]))
  } finally {
    await proxy.close()
  }
})

test('without Redis: calls reject as not sent within the command timeout, and subscribing leaves nothing behind', async () => {
  const away = await RedisServer.start()
  const { url } = away
  await away.stop()
  await using subscriber = new Subscriber({ redis: url, commandTimeoutMs: 500 })
  await using publisher = new Publisher({ redis: url, commandTimeoutMs: 500 })
  const since = performance.now()
  const calls = [
    publisher.publish('a', 1),
    publisher.getActiveChannels(),
    publisher.getPatternCount(),
    subscriber.subscribe('a', () => {}),
    subscriber.psubscribe('a*', () => {}),
  ]
  for (const result of await Promise.allSettled(calls)) {
    expect(result).toMatchObject({
      status: 'rejected',
      reason: { code: 'NOT_CONNECTED', retryable: true, cause: { code: 'ECONNREFUSED' } },
    })
  }
  expect(performance.now() - since).toBeLessThan(1_500)
})
