import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  MemoryNodeRegistry,
  MemoryPresenceStore,
  MemoryRevocations,
} from '../../src/backends/memory/presence-stores.ts'
import { RedisPubSub } from '../../src/backends/redis/pub-sub.ts'
import { type PresenceClient, presenceConformance } from '../../src/testing/index.ts'
import { RedisServer } from '../support/redis-server.ts'

function inMemory(namespace: string): PresenceClient {
  const presence = new MemoryPresenceStore(namespace, { namespace })
  const nodes = new MemoryNodeRegistry(namespace, { namespace })
  const revocations = new MemoryRevocations(namespace, { namespace })
  const close = async () => {
    await Promise.all([presence.close(), nodes.close(), revocations.close()])
  }
  return { presence, nodes, revocations, close }
}

function onRedis(port: number, namespace: string, partitions: number): PresenceClient {
  const pubSub = new RedisPubSub({
    client: { host: '127.0.0.1', port },
    commandTimeoutMs: 5_000,
    queue: { maxCount: 100_000, maxBytes: 67_108_864 },
    patternLimit: 16,
  })
  return { ...pubSub.openPresence({ namespace, partitions }), close: () => pubSub.close() }
}

type Step = readonly ['join' | 'leave' | 'renew', client: number, user: number]

const stepsOf: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(fc.constantFrom('join', 'leave', 'renew'), fc.nat({ max: 5 }), fc.nat({ max: 3 })),
  { maxLength: 30 },
)

/** Whatever comes and goes, answers are what plain counting says. */
async function playsAsCounted(open: (namespace: string) => PresenceClient): Promise<void> {
  const client = open(randomUUID())
  let room = 0
  const play = async (steps: readonly Step[]) => {
    room += 1
    const channel = `room${room}`
    const there = new Map<string, string>()
    const clientsOf = (user: string) => [...there.values()].filter((each) => each === user).length
    for (const [kind, c, u] of steps) {
      const [clientId, userId] = [`c${c}`, `u${u}`]
      const member = { clientId, userId, info: undefined }
      if (kind === 'leave') {
        const user = there.get(clientId)
        there.delete(clientId)
        const lastOfUser = user !== undefined && clientsOf(user) === 0
        expect(await client.presence.leave(channel, clientId)).toEqual({ lastOfUser })
        continue
      }
      const isNew = there.get(clientId) !== userId
      there.set(clientId, userId)
      const firstOfUser = isNew && clientsOf(userId) === 1
      if (kind === 'renew') await client.presence.renew(channel, [member], 60_000)
      else expect(await client.presence.join(channel, member, 60_000)).toEqual({ firstOfUser })
    }
    expect(await client.presence.stats(channel)).toEqual({ clients: there.size, users: new Set(there.values()).size })
    const listed = await client.presence.list(channel)
    expect(new Map(listed.map(({ clientId, userId }) => [clientId, userId]))).toEqual(there)
  }
  try {
    await fc.assert(fc.asyncProperty(stepsOf, play), { numRuns: 100 })
  } finally {
    await client.close()
  }
}

describe('presence in memory', () => {
  for (const { name, run } of presenceConformance) {
    const namespace = randomUUID()
    test(name, () => run({ create: async () => inMemory(namespace) }))
  }
  test('any comings and goings are counted truly', () => playsAsCounted(inMemory))
})

// An odd number of partitions beside the default one: nothing may hang on the number.
describe.each([128, 3])('presence on Redis, with %i partitions', (partitions) => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stopWithoutLeaks())

  for (const { name, run } of presenceConformance) {
    const namespace = randomUUID()
    test(name, () => run({ create: async () => onRedis(server.port, namespace, partitions) }))
  }
  test('any comings and goings are counted truly', () =>
    playsAsCounted((namespace) => onRedis(server.port, namespace, partitions)))
})
