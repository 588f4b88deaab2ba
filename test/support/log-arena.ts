import { randomUUID } from 'node:crypto'
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts'
import { joinHub } from '../../src/backends/memory/hub.ts'
import { MemoryPubSub } from '../../src/backends/memory/pub-sub.ts'
import type { RedisEventLog } from '../../src/backends/redis/event-log.ts'
import { RedisPubSub } from '../../src/backends/redis/pub-sub.ts'
import type { EventLog } from '../../src/core/event-log.ts'
import { ListenerTable } from '../../src/core/listener-table.ts'
import type { LogId } from '../../src/core/log-id.ts'
import type { PubSub } from '../../src/core/pub-sub.ts'
import { keysOf } from './event-log.ts'
import { RedisServer } from './redis-server.ts'
import { TcpProxy } from './tcp-proxy.ts'

/** A backend, and what can go wrong with it. */
export interface LogArena {
  readonly eventLog: EventLog
  readonly pubSub: PubSub
  /** Breaks every connection. */
  cut(): Promise<void>
  /** Removes the entries before a number, as a stranger does. */
  trim(log: LogId, firstSeq: number): Promise<void>
  flushAll(): Promise<void>
  /** Remembers the state. */
  save(): Promise<void>
  /** The server goes on from the state that was last saved, or from nothing. */
  failOver(): Promise<void>
  close(): Promise<void>
}

export async function memoryArena(): Promise<LogArena> {
  const name = randomUUID()
  const member = new ListenerTable()
  const hub = joinHub(name, member)
  const logs = hub.logs('tidings')
  const pubSub = new MemoryPubSub(name)
  const eventLog = new MemoryEventLog(name, { namespace: 'tidings', partitions: 128 })
  let saved = logs.snapshot()
  return {
    eventLog,
    pubSub,
    cut: async () => {},
    trim: async (log, firstSeq) => logs.trim(log, firstSeq),
    flushAll: async () => logs.flushAll(),
    save: async () => {
      saved = logs.snapshot()
    },
    failOver: async () => logs.failOver(saved),
    close: async () => {
      await Promise.all([eventLog.close(), pubSub.close(), hub.leave(member)])
    },
  }
}

export async function redisArena(): Promise<LogArena> {
  const server = await RedisServer.start({ config: { dbfilename: 'saved.rdb' } })
  const proxy = await TcpProxy.to(server.port)
  const pubSub = new RedisPubSub({
    client: { host: '127.0.0.1', port: proxy.port },
    commandTimeoutMs: 10_000,
    queue: { maxCount: 100_000, maxBytes: 67_108_864 },
    patternLimit: 16,
  })
  const eventLog: RedisEventLog = pubSub.openEventLog({ namespace: 'tidings', partitions: 128 })
  return {
    eventLog,
    pubSub,
    cut: async () => proxy.reset(),
    trim: async (log, firstSeq) => {
      await server.admin.xtrim(keysOf(log).stream, 'MINID', `${firstSeq}-0`)
    },
    flushAll: async () => {
      await server.admin.flushall()
    },
    save: async () => {
      await server.admin.save()
    },
    failOver: async () => {
      await server.kill()
      await server.restart()
    },
    close: async () => {
      await pubSub.close()
      await proxy.close()
      await server.stop()
    },
  }
}
