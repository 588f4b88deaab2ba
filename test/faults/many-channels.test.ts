import { afterAll, beforeAll, expect, test } from 'vitest'
import { Publisher, Subscriber } from '../../src/index.ts'
import { nextEvent } from '../support/next-event.ts'
import { RedisServer } from '../support/redis-server.ts'

const CHANNELS = 100_000

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

function memory(): number {
  globalThis.gc?.()
  return process.memoryUsage().rss
}

test('100,000 channels are subscribed again within five seconds of a break', { timeout: 60_000 }, async () => {
  await using subscriber = new Subscriber({ redis: server.url })
  await using publisher = new Publisher({ redis: server.url })
  subscriber.on('error', () => {})
  const before = memory()
  const received: string[] = []
  const handler = (channel: string) => received.push(channel)
  const started = performance.now()
  await Promise.all(Array.from({ length: CHANNELS }, (_, n) => subscriber.subscribe(`many:${n}`, handler)))
  const subscribedMs = performance.now() - started
  const used = memory() - before

  const interrupted = nextEvent<[{ downMs: number; channels: number }]>(subscriber, 'interruption')
  await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  const [{ downMs, channels }] = await interrupted
  console.log(
    `${CHANNELS} channels: subscribed in ${Math.round(subscribedMs)} ms, again in ${downMs} ms, ` +
      `${Math.round(used / CHANNELS)} bytes of memory each`,
  )
  expect(channels).toBe(CHANNELS)
  expect(downMs).toBeLessThan(5_000)
  for (const n of [0, 511, 512, CHANNELS - 1]) expect(await publisher.publish(`many:${n}`, 1)).toBe(1)
  await expect.poll(() => received).toEqual(['many:0', 'many:511', 'many:512', `many:${CHANNELS - 1}`])
})
