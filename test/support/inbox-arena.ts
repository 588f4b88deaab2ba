import { randomUUID } from 'node:crypto'
import { joinHub } from '../../src/backends/memory/hub.ts'
import { MemoryInboxStore } from '../../src/backends/memory/inbox-store.ts'
import { MemoryPubSub } from '../../src/backends/memory/pub-sub.ts'
import { RedisPubSub } from '../../src/backends/redis/pub-sub.ts'
import { decodeInboxFrame, type InboxFrame } from '../../src/core/inbox-frame.ts'
import type { InboxStore } from '../../src/core/inbox-store.ts'
import { inboxChannel } from '../../src/core/keys.ts'
import { ListenerTable } from '../../src/core/listener-table.ts'
import type { PubSub } from '../../src/core/pub-sub.ts'
import { eventually } from './eventually.ts'
import { RedisServer } from './redis-server.ts'
import { TcpProxy } from './tcp-proxy.ts'

const DEPLOYMENT = { namespace: 'tidings', partitions: 128 }

/** A backend with several clients and one user, ada, whose frames are watched; and what can go wrong with it. */
export interface InboxArena {
  readonly stores: readonly InboxStore[]
  readonly frames: readonly InboxFrame[]
  /** Breaks every connection, but not the watcher's. */
  cut(): Promise<void>
  flushAll(): Promise<void>
  /** Remembers the state. */
  save(): Promise<void>
  /** The server goes on from the state that was last saved. Resolves when frames are watched again. */
  failOver(): Promise<void>
  close(): Promise<void>
}

async function watch(pubSub: PubSub): Promise<{ frames: InboxFrame[]; live: string }> {
  const frames: InboxFrame[] = []
  const live = inboxChannel(DEPLOYMENT.namespace, 'ada', DEPLOYMENT.partitions)
  await pubSub.subscribe('channel', live, ({ text }) => {
    const frame = decodeInboxFrame(text)
    if (frame === undefined) throw new Error(`no frame: ${text}`)
    frames.push(frame)
  })
  return { frames, live }
}

export async function memoryInboxArena(): Promise<InboxArena> {
  const name = randomUUID()
  const member = new ListenerTable()
  const hub = joinHub(name, member)
  const space = hub.inboxes(DEPLOYMENT.namespace)
  const stores = [1, 2, 3].map(() => new MemoryInboxStore(name, DEPLOYMENT))
  const pubSub = new MemoryPubSub(name)
  const { frames } = await watch(pubSub)
  let saved = space.snapshot()
  return {
    stores,
    frames,
    cut: async () => {},
    flushAll: async () => space.flushAll(),
    save: async () => {
      saved = space.snapshot()
    },
    failOver: async () => space.failOver(saved),
    close: async () => {
      await Promise.all([...stores.map((store) => store.close()), pubSub.close(), hub.leave(member)])
    },
  }
}

export async function redisInboxArena(): Promise<InboxArena> {
  const server = await RedisServer.start({ config: { dbfilename: 'saved.rdb' } })
  const proxy = await TcpProxy.to(server.port)
  const open = (port: number) =>
    new RedisPubSub({
      client: { host: '127.0.0.1', port },
      commandTimeoutMs: 10_000,
      queue: { maxCount: 100_000, maxBytes: 67_108_864 },
      patternLimit: 16,
    })
  const clients = [1, 2, 3].map(() => open(proxy.port))
  const watcher = open(server.port)
  const { frames, live } = await watch(watcher)
  await server.admin.save()
  return {
    stores: clients.map((client) => client.openInboxStore(DEPLOYMENT)),
    frames,
    cut: async () => proxy.reset(),
    flushAll: async () => {
      await server.admin.flushall()
    },
    save: async () => {
      await server.admin.save()
    },
    failOver: async () => {
      await server.kill()
      await server.restart()
      await eventually(async () => {
        const [, count] = (await server.admin.pubsub('NUMSUB', live)) as [string, number]
        if (count !== 1) throw new Error('The watcher is not back.')
      }, 15_000)
    },
    close: async () => {
      await Promise.all([...clients, watcher].map((client) => client.close()))
      await proxy.close()
      await server.stop()
    },
  }
}
