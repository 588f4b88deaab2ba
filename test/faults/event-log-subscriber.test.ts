import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { LogLedger } from '../support/log-ledger.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function begin(config: Record<string, string> = {}) {
  const server = await RedisServer.start({ config })
  ending.push(() => server.stopWithoutLeaks())
  const line = await TcpProxy.to(server.port)
  ending.push(() => line.close())
  const ledger = await LogLedger.open({ port: server.port, readerPort: line.port, commandTimeoutMs: 5_000 })
  ending.push(() => ledger.close())
  return { server, line, ledger }
}

test.each([
  ["the subscriber's connection", ['TYPE', 'pubsub']],
  ['every connection', ['SKIPME', 'yes']],
])(
  'CLIENT KILL of %s under load, ten times: back within a second, everything once and in order',
  {
    timeout: 60_000,
  },
  async (_name, which) => {
    const { server, ledger } = await begin()
    ledger.start(2_000)
    await ledger.handles(100)
    for (let round = 1; round <= 10; round += 1) {
      await server.admin.call('CLIENT', 'KILL', ...which)
      await eventually(() => expect(ledger.interruptions).toHaveLength(round))
      await ledger.handles(100)
    }
    await ledger.check(server)
    expect(Math.max(...ledger.interruptions)).toBeLessThan(1_000)
    expect(ledger.acknowledged.size).toBe(ledger.sent)
  },
)

test('a subscriber that does not read is cut off by Redis for its output buffer, and then gets everything once', {
  timeout: 60_000,
}, async () => {
  const { server, line, ledger } = await begin({ 'client-output-buffer-limit': 'pubsub 1mb 0 0' })
  await ledger.append('first')
  await ledger.handles(1)
  line.freeze()
  // More than the sockets' own buffers hold, so that Redis has to keep it, and does not.
  const padding = 'x'.repeat(60_000)
  for (let round = 0; round < 40; round += 1)
    await Promise.all(Array.from({ length: 16 }, () => ledger.append(padding)))
  await eventually(async () => {
    const list = String(await server.admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub'))
    expect(list).toBe('')
  })
  const seen = ledger.handled.length
  expect(seen).toBeLessThan(ledger.sent)
  line.thaw()
  await eventually(() => expect(ledger.handled).toHaveLength(ledger.sent), 20_000)
  await ledger.check(server)
  expect(ledger.interruptions).toHaveLength(1)
  expect(ledger.acknowledged.size).toBe(ledger.sent)
})

test('SIGSTOP of Redis for ten seconds under load: appends wait for it, and everything is there once and in order', {
  timeout: 60_000,
}, async () => {
  const server = await RedisServer.start()
  ending.push(() => server.stopWithoutLeaks())
  const ledger = await LogLedger.open({ port: server.port, commandTimeoutMs: 20_000 })
  ending.push(() => ledger.close())
  ledger.start(2_000)
  await ledger.handles(100)
  server.pause()
  await delay(12_000)
  server.resume()
  await ledger.handles(20_000, 20_000)
  await ledger.check(server)
  expect(ledger.acknowledged.size).toBe(ledger.sent)
})

test('SIGSTOP of Redis beyond the deadline: appends end in time with a typed error, and none is there twice', {
  timeout: 60_000,
}, async () => {
  const server = await RedisServer.start()
  ending.push(() => server.stopWithoutLeaks())
  const ledger = await LogLedger.open({ port: server.port, commandTimeoutMs: 2_000 })
  ending.push(() => ledger.close())
  ledger.start(2_000)
  await ledger.handles(100)
  server.pause()
  await delay(10_000)
  server.resume()
  await ledger.handles(1_000, 20_000)
  await ledger.check(server)
  const codes = new Set([...ledger.refused.values()].map(({ code }) => code))
  expect(codes).toContain('CONNECTION_LOST')
  expect([...codes].filter((code) => !['CONNECTION_LOST', 'NOT_CONNECTED', 'TIMEOUT'].includes(code))).toEqual([])
})
