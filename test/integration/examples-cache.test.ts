import { afterAll, beforeAll, expect, test } from 'vitest'
import { EventBus } from '../../src/messaging/event-bus.ts'
import { RedisServer } from '../support/redis-server.ts'

interface Cache {
  get(key: string): Promise<number | undefined>
  readonly watching: Promise<void>
}
type CreateCache = (bus: EventBus, type: string, load: (key: string) => Promise<number | undefined>) => Promise<Cache>

const file = new URL('../../examples/cache-invalidation.mjs', import.meta.url).href
const { createCache } = (await import(file)) as { createCache: CreateCache }

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

async function interruption(statuses: ReturnType<EventBus['status']>): Promise<void> {
  for (;;) {
    const { value, done } = await statuses.next()
    if (done || value.kind === 'interruption') return
  }
}

test('a cache serves nothing stale after an interruption, whatever invalidations it missed', async () => {
  const bus = new EventBus({ redis: server.url })
  const database = new Map([
    ['tea', 0],
    ['honey', 0],
  ])
  const reads: string[] = []
  const cache = await createCache(bus, 'price.changed', async (key) => {
    reads.push(key)
    return database.get(key)
  })
  // What it would be without: to be sure that invalidations were missed.
  const careless = new Map(database)
  await bus.on('price.changed', (event) => careless.delete((event.data as { key: string }).key))
  await using statuses = bus.status()

  for (let round = 1; round <= 5; round += 1) {
    await cache.get('tea')
    await cache.get('honey')
    careless.set('tea', round - 1)
    reads.length = 0
    expect([await cache.get('tea'), await cache.get('honey'), reads]).toEqual([round - 1, 0, []])

    // As one step: the connection is gone before the price changes.
    database.set('tea', round)
    const message = JSON.stringify({ type: 'price.changed', timestamp: new Date().toISOString(), data: { key: 'tea' } })
    const killing = server.admin
      .multi()
      .call('CLIENT', 'KILL', 'TYPE', 'PUBSUB')
      .publish('events:price.changed', message)
    const [, receivers] = (await killing.exec())!
    expect(receivers![1]).toBe(0)

    await interruption(statuses)
    expect(careless.get('tea')).toBe(round - 1)
    expect(await cache.get('tea')).toBe(round)
    expect(await cache.get('honey')).toBe(0)
    expect(reads).toEqual(['tea', 'honey'])
  }
  await bus.close()
  await cache.watching
})

test('a value that is invalidated while it is being read is not kept', async () => {
  await using bus = new EventBus({ redis: server.url })
  let price = 1
  let endReading = (): void => {}
  const cache = await createCache(bus, 'price.changed', async () => {
    const read = price
    await new Promise<void>((resolve) => {
      endReading = resolve
    })
    return read
  })
  const first = cache.get('tea')
  price = 2
  const told = bus.once('price.changed')
  await bus.emit('price.changed', { key: 'tea' })
  await told
  endReading()
  expect(await first).toBe(1)
  const second = cache.get('tea')
  endReading()
  expect(await second).toBe(2)
})
