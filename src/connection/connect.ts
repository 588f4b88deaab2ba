import { MemoryEventLog } from '../backends/memory/event-log.ts'
import { MemoryInboxStore } from '../backends/memory/inbox-store.ts'
import { MemoryNodeRegistry, MemoryPresenceStore, MemoryRevocations } from '../backends/memory/presence-stores.ts'
import { MemoryPubSub } from '../backends/memory/pub-sub.ts'
import { readClientOptions } from '../backends/redis/client-options.ts'
import { RedisPubSub } from '../backends/redis/pub-sub.ts'
import { parseRedisUrl } from '../backends/redis/redis-url.ts'
import { TidingsError } from '../core/errors.ts'
import type { EventLog } from '../core/event-log.ts'
import type { ForeignLists } from '../core/foreign-lists.ts'
import type { InboxStore } from '../core/inbox-store.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import type { NodeRegistry, PresenceStore } from '../core/presence.ts'
import type { PubSub } from '../core/pub-sub.ts'
import type { Revocations } from '../core/revocations.ts'
import { LoggedPubSub } from '../log/logged-pub-sub.ts'
import { Connection } from './connection.ts'
import {
  type ConnectionOptions,
  type ConnectionSettings,
  count,
  type ReadOptions,
  type RedisOption,
  readOptions,
} from './options.ts'

const MEMORY = 'memory:'
const DEFAULT_COMMAND_TIMEOUT_MS = 5_000

/** What a class works with. */
export interface UsedConnection {
  readonly connection: Connection
  /** True where this class opened it, and so has to close it. */
  readonly owned: boolean
  /** The class's own logger, else the connection's. */
  readonly logger: Logger
  readonly hasLogger: boolean
}

/**
 * Opens a connection to share between publishers, subscribers and buses, and waits until it is usable.
 * @param redis default `redis://127.0.0.1:6379`
 * @throws TidingsError `NOT_CONNECTED` when Redis cannot be reached within `commandTimeoutMs`, `AUTH_FAILED`,
 * `UNKNOWN_OPTION`, `INVALID_OPTION`
 */
export async function connect(
  redis: Exclude<RedisOption, Connection> = 'redis://127.0.0.1:6379',
  settings: ConnectionSettings = {},
): Promise<Connection> {
  const connection = open(readOptions({ ...settings, redis }, [], 'connect()'))
  try {
    await connection.pubSub.connect()
  } catch (error) {
    await connection.close()
    throw error
  }
  return connection
}

/**
 * Takes the connection out of a constructor's options, or prepares one: nothing is opened before its first use.
 * @param own names of the options that belong to the class itself
 * @throws TidingsError `UNKNOWN_OPTION`, `INVALID_OPTION`
 */
export function useConnection(options: ConnectionOptions, own: readonly string[], who: string): UsedConnection {
  const read = readOptions(options, own, who)
  const shared = read.redis instanceof Connection
  const connection = open(read)
  return {
    connection,
    owned: !shared,
    logger: read.logger ?? connection.logger,
    hasLogger: read.logger !== undefined || connection.hasLogger,
  }
}

function open(options: ReadOptions): Connection {
  const { redis, logger = silentLogger, namespace } = options
  if (redis instanceof Connection) return redis
  const { pubSub, ...stores } = isMemory(redis)
    ? openMemory(redis.slice(MEMORY.length), options)
    : openRedis(redis, options)
  return new Connection({
    ...stores,
    pubSub: new LoggedPubSub(pubSub, stores.eventLog, { namespace }),
    namespace,
    logger,
    hasLogger: options.logger !== undefined,
  })
}

interface Backend {
  readonly pubSub: PubSub
  readonly eventLog: EventLog
  readonly inboxStore: InboxStore
  readonly presence: PresenceStore
  readonly nodes: NodeRegistry
  readonly revocations: Revocations
  readonly foreignLists: ForeignLists | undefined
}

function openMemory(hubName: string, { namespace, partitions }: ReadOptions): Backend {
  return {
    pubSub: new MemoryPubSub(hubName),
    eventLog: new MemoryEventLog(hubName, { namespace, partitions }),
    inboxStore: new MemoryInboxStore(hubName, { namespace, partitions }),
    presence: new MemoryPresenceStore(hubName, { namespace }),
    nodes: new MemoryNodeRegistry(hubName, { namespace }),
    revocations: new MemoryRevocations(hubName, { namespace }),
    foreignLists: undefined,
  }
}

function isMemory(redis: unknown): redis is string {
  return typeof redis === 'string' && redis.startsWith(MEMORY)
}

function openRedis(redis: Exclude<RedisOption, Connection>, options: ReadOptions): Backend {
  if (typeof redis !== 'string' && (typeof redis !== 'object' || redis === null)) {
    throw new TidingsError('INVALID_OPTION', 'The option "redis" must be a URL, options, or a Connection.')
  }
  const { client, commandTimeoutMs } = readClientOptions(
    (typeof redis === 'string' ? parseRedisUrl(redis) : redis) as Record<string, unknown>,
  )
  const { namespace, partitions, patternLimit, maxCount, maxBytes } = options
  const pubSub = new RedisPubSub({
    client,
    commandTimeoutMs:
      options.commandTimeoutMs ?? count('commandTimeout', commandTimeoutMs, DEFAULT_COMMAND_TIMEOUT_MS, 1),
    queue: { maxCount, maxBytes },
    patternLimit,
  })
  return {
    pubSub,
    eventLog: pubSub.openEventLog({ namespace, partitions }),
    inboxStore: pubSub.openInboxStore({ namespace, partitions }),
    ...pubSub.openPresence({ namespace, partitions }),
    foreignLists: pubSub.foreignLists(),
  }
}
