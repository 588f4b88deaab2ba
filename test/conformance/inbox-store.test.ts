import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { MemoryInboxStore } from '../../src/backends/memory/inbox-store.ts'
import { MemoryPubSub } from '../../src/backends/memory/pub-sub.ts'
import { RedisPubSub } from '../../src/backends/redis/pub-sub.ts'
import { inboxStoreConformance } from '../../src/testing/index.ts'
import { RedisServer } from '../support/redis-server.ts'

// An odd number of partitions beside the default one: nothing may hang on the number.
describe.each([128, 3])('InboxStore in memory, with %i partitions', (partitions) => {
  for (const { name, run } of inboxStoreConformance) {
    const namespace = randomUUID()
    const create = async () => {
      const inboxStore = new MemoryInboxStore(namespace, { namespace, partitions })
      const pubSub = new MemoryPubSub(namespace)
      const close = async () => {
        await Promise.all([inboxStore.close(), pubSub.close()])
      }
      return { inboxStore, pubSub, close }
    }
    test(name, () => run({ create, namespace, partitions }))
  }
})

describe.each([128, 3])('InboxStore on Redis, with %i partitions', (partitions) => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stopWithoutLeaks())

  for (const { name, run } of inboxStoreConformance) {
    const namespace = randomUUID()
    const create = async () => {
      const pubSub = new RedisPubSub({
        client: { host: '127.0.0.1', port: server.port },
        commandTimeoutMs: 5_000,
        queue: { maxCount: 100_000, maxBytes: 67_108_864 },
        patternLimit: 16,
      })
      return { inboxStore: pubSub.openInboxStore({ namespace, partitions }), pubSub, close: () => pubSub.close() }
    }
    test(name, () => run({ create, namespace, partitions }))
  }
})
