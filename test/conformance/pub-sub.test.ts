import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { MemoryPubSub } from '../../src/backends/memory/pub-sub.ts'
import { RedisPubSub } from '../../src/backends/redis/pub-sub.ts'
import { pubSubConformance } from '../../src/testing/index.ts'
import { RedisServer } from '../support/redis-server.ts'

describe('PubSub in memory', () => {
  const hub = randomUUID()
  for (const { name, run } of pubSubConformance) {
    test(name, () => run({ create: async () => new MemoryPubSub(hub) }))
  }
})

describe('PubSub on Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stopWithoutLeaks())
  const create = async () =>
    new RedisPubSub({
      client: { host: '127.0.0.1', port: server.port },
      commandTimeoutMs: 5_000,
      queue: { maxCount: 100_000, maxBytes: 67_108_864 },
      patternLimit: 16,
    })
  for (const { name, run } of pubSubConformance) test(name, () => run({ create }))
})
