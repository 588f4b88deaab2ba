import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

const folder = fileURLToPath(new URL('../../examples', import.meta.url))

/** What each example must print, among other things. A new example needs a line here. */
const PRINTS: Record<string, string[]> = {
  'cache-invalidation.mjs': ['first: 499\nagain: 499', 'reading the price of tea\nchanged: 549'],
  'quick-start.mjs': ['order.created:', 'order.* saw order.created:', 'order.* saw order.shipped:', 'shipped by UPS'],
  'request-reply.mjs': ['NO_RESPONDER', 'quote: { cents: 1499 }', 'REPLY_FAILED'],
  'sse-route-handler.mjs': ['live: { number: 1 }', 'missed, and given now: { number: 3 }'],
  'typed-events.mjs': ['ORD-123 paid 99.99', 'INVALID_EVENT', 'not handed to any handler'],
}

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

function start(name: string, env: Record<string, string>): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [`${folder}/${name}`], { env: { ...process.env, ...env } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
  return { child, output: () => output }
}

test('every example is run by a test', () => {
  const examples = readdirSync(folder).filter((name) => name.endsWith('.mjs'))
  const servers = [
    'gateway-express.mjs',
    'gateway-fastify.mjs',
    'gateway-node.mjs',
    'metrics-server.mjs',
    'socket-io-bridge.mjs',
  ]
  expect(examples.toSorted()).toEqual([...Object.keys(PRINTS), ...servers].toSorted())
})

describe.each(Object.entries(PRINTS))('%s', (name, prints) => {
  test.each(['memory', 'redis'])('%s', async (where) => {
    const { child, output } = start(name, where === 'redis' ? { REDIS_URL: server.url } : { REDIS_URL: 'memory:' })
    const [code] = await once(child, 'exit')
    expect(output()).not.toContain('Warning')
    for (const text of prints) expect(output()).toContain(text)
    expect(code).toBe(0)
  })
})

test('metrics-server.mjs serves the metrics of its traffic and ends when told to', async () => {
  const { child, output } = start('metrics-server.mjs', { REDIS_URL: server.url, PORT: '0' })
  const url = await eventually(() => {
    const found = /http:\S+/.exec(output())?.[0]
    if (found === undefined) throw new Error(`no address in: ${output()}`)
    return found
  })
  const page = await eventually(async () => {
    const text = await (await fetch(url)).text()
    expect(text).toContain('redis_pubsub_messages_received_total{channel="news"} 1')
    return text
  })
  expect(page).toContain('redis_pubsub_messages_published_total{channel="user:*"} 3')
  expect(page).toContain('redis_pubsub_active_subscribers{channel="news"} 1')
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
})
