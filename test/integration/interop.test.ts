import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EventBus, Publisher, Subscriber } from '../../src/index.ts'
import { RedisServer } from '../support/redis-server.ts'

const PEER = fileURLToPath(new URL('../support/peers/python_peer.py', import.meta.url))

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

test('Python programs that use redis-py and Tidings read each other', async () => {
  await using bus = new EventBus({ redis: server.url })
  await using subscriber = new Subscriber({ redis: server.url })
  const received: unknown[] = []
  await bus.on('order.created', (event) => received.push(['on', event]))
  await bus.onPattern('order.*', (type, event) => received.push(['pattern', type, event.data]))
  await subscriber.subscribe('plain', (_channel, message) => received.push(['plain', message]))

  const python = spawn('/usr/bin/python3', ['-W', 'ignore', PEER, String(server.port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]()
  expect(await lines.next()).toMatchObject({ value: 'ready' })

  expect(await bus.emit('order.created', { from: 'node', text: 'ünï 💌' })).toBe(4)
  expect(await bus.emit('order.shipped')).toBe(2)
  expect(await bus.publisher.publish('plain', { json: [1, true] })).toBe(2)
  expect(await bus.publisher.publish('plain', 'a text')).toBe(2)
  await expect.poll(() => received.length).toBe(5)
  received.length = 0

  python.stdin.write('emit order.created {"from": "python"}\nemit order.cancelled {}\npublish plain {"n": 1}\nend 9\n')
  await expect.poll(() => received.length).toBe(4)
  expect(received[0]).toMatchObject(['on', { type: 'order.created', data: { from: 'python' } }])
  const [, { timestamp }] = received[0] as [string, { timestamp: string }]
  // Python's time has no zone and is UTC; its reader here gets one.
  expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
  expect(Math.abs(Date.parse(timestamp) - Date.now())).toBeLessThan(60_000)
  expect(received.slice(1)).toEqual([
    ['pattern', 'order.created', { from: 'python' }],
    ['pattern', 'order.cancelled', {}],
    ['plain', { n: 1 }],
  ])

  const seen: Record<string, unknown>[] = []
  for (let n = 0; n < 9; n += 1) seen.push(JSON.parse((await lines.next()).value as string))
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  expect(seen.slice(0, 5)).toEqual([
    {
      via: 'message',
      channel: 'events:order.created',
      type: 'order.created',
      timestamp: time,
      data: { from: 'node', text: 'ünï 💌' },
    },
    {
      via: 'pmessage',
      channel: 'events:order.created',
      type: 'order.created',
      timestamp: time,
      data: { from: 'node', text: 'ünï 💌' },
    },
    { via: 'pmessage', channel: 'events:order.shipped', type: 'order.shipped', timestamp: time, data: null },
    { channel: 'plain', message: '{"json":[1,true]}' },
    { channel: 'plain', message: 'a text' },
  ])
  if (python.exitCode === null) await once(python, 'exit')
  expect(python.exitCode).toBe(0)
})

/** Runs redis-cli against the server until it ends by itself or `until` says that it has printed enough. */
async function redisCli(args: string[], until?: (output: string) => boolean): Promise<string> {
  const cli = spawn('redis-cli', ['-p', String(server.port), ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  for await (const data of cli.stdout) {
    output += data
    if (until?.(output)) cli.kill('SIGTERM')
  }
  if (cli.exitCode === null && cli.signalCode === null) await once(cli, 'exit')
  return output
}

test('redis-cli PUBLISH reaches handlers and says how many', async () => {
  await using subscriber = new Subscriber({ redis: server.url })
  const received: unknown[] = []
  await subscriber.subscribe('cli', (channel, message) => received.push([channel, message]))
  await subscriber.psubscribe('cl*', (pattern, channel, message) => received.push([pattern, channel, message]))
  expect((await redisCli(['PUBLISH', 'cli', 'Hello, World!'])).trim()).toBe('2')
  expect((await redisCli(['PUBLISH', 'cli', '{"a":1}'])).trim()).toBe('2')
  await expect
    .poll(() => received)
    .toEqual([
      ['cli', 'Hello, World!'],
      ['cl*', 'cli', 'Hello, World!'],
      ['cli', { a: 1 }],
      ['cl*', 'cli', { a: 1 }],
    ])
})

test('redis-cli SUBSCRIBE and PSUBSCRIBE print what Tidings publishes', async () => {
  await using publisher = new Publisher({ redis: server.url })
  const subscribed = redisCli(['SUBSCRIBE', 'shown'], (output) => output.includes('"kind"'))
  const psubscribed = redisCli(['PSUBSCRIBE', 'show?'], (output) => output.includes('"kind"'))
  await expect.poll(() => publisher.getChannelSubscribers('shown')).toBe(1)
  await expect.poll(() => publisher.getPatternCount()).toBe(1)
  expect(await publisher.publish('shown', 'a text')).toBe(2)
  expect(await publisher.publish('shown', { kind: 'json' })).toBe(2)
  expect((await subscribed).trim().split('\n')).toEqual([
    ...['subscribe', 'shown', '1'],
    ...['message', 'shown', 'a text'],
    ...['message', 'shown', '{"kind":"json"}'],
  ])
  expect((await psubscribed).trim().split('\n')).toEqual([
    ...['psubscribe', 'show?', '1'],
    ...['pmessage', 'show?', 'shown', 'a text'],
    ...['pmessage', 'show?', 'shown', '{"kind":"json"}'],
  ])
})
