import { randomUUID } from 'node:crypto'
import { describe, test } from 'vitest'
import { MemoryInboxStore } from '../../src/backends/memory/inbox-store.ts'
import { MemoryPubSub } from '../../src/backends/memory/pub-sub.ts'
import { inboxStoreConformance } from '../../src/testing/index.ts'

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
