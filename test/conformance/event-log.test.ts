import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts'
import { MemoryPubSub } from '../../src/backends/memory/pub-sub.ts'
import { RedisEventLog } from '../../src/backends/redis/event-log.ts'
import { RedisPubSub } from '../../src/backends/redis/pub-sub.ts'
import type { EventLog } from '../../src/core/event-log.ts'
import type { PubSub } from '../../src/core/pub-sub.ts'
import { type EventLogClient, eventLogConformance } from '../../src/testing/index.ts'
import { RedisServer } from '../support/redis-server.ts'

function clientOf(eventLog: EventLog, pubSub: PubSub): EventLogClient {
  return {
    eventLog,
    pubSub,
    close: async () => {
      await Promise.all([eventLog.close(), pubSub.close()])
    },
  }
}

// An odd number of partitions beside the default one: nothing may hang on the number.
describe.each([128, 3])('EventLog in memory, with %i partitions', (partitions) => {
  for (const { name, run } of eventLogConformance) {
    const namespace = randomUUID()
    const create = async () =>
      clientOf(new MemoryEventLog(namespace, { namespace, partitions }), new MemoryPubSub(namespace))
    test(name, () => run({ create, namespace }))
  }
})

describe.each([128, 3])('EventLog on Redis, with %i partitions', (partitions) => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stopWithoutLeaks())

  for (const { name, run } of eventLogConformance) {
    const namespace = randomUUID()
    const create = async () => {
      const options = {
        client: { host: '127.0.0.1', port: server.port },
        commandTimeoutMs: 5_000,
        queue: { maxCount: 100_000, maxBytes: 67_108_864 },
      }
      const eventLog = new RedisEventLog({ ...options, namespace, partitions })
      return clientOf(eventLog, new RedisPubSub({ ...options, patternLimit: 16 }))
    }
    test(name, () => run({ create, namespace }))
  }
})
