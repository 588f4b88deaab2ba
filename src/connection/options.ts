import { isClientOption, type RedisClientOptions } from '../backends/redis/client-options.ts'
import { TidingsError } from '../core/errors.ts'
import { DEFAULT_NAMESPACE } from '../core/keys.ts'
import type { Logger } from '../core/logger.ts'
import { DEFAULT_PARTITIONS, MAX_PARTITIONS } from '../core/partitions.ts'
import { Connection } from './connection.ts'

/**
 * Where Redis is: a URL (`redis://user:password@host:port/database`, `rediss://` for TLS, the path of a socket),
 * ioredis's options, `'memory:'` for a hub inside this process (`'memory:<name>'` for one of several), or a
 * {@link Connection} to share.
 */
export type RedisOption = string | RedisClientOptions | Connection

/** How much may wait for Redis. */
export interface QueueSettings {
  /** Messages. Default 100,000. */
  readonly maxCount?: number | undefined
  /** Bytes of payload. Default 67,108,864. */
  readonly maxBytes?: number | undefined
}

/** How a connection behaves. */
export interface ConnectionSettings {
  /** Where Tidings logs to, pino's shape. Default: nowhere. */
  readonly logger?: Logger | undefined
  /** Milliseconds until a call that Redis does not answer is rejected. Default 5,000. */
  readonly commandTimeoutMs?: number | undefined
  /** How much may wait for Redis. Beyond, publishing rejects with `QUEUE_FULL`. */
  readonly queue?: QueueSettings | undefined
  /**
   * Patterns that are subscribed in Redis one by one; further ones share broader subscriptions and are picked out
   * in this process, which keeps PUBLISH fast for everybody on that Redis. Default 16.
   */
  readonly patternLimit?: number | undefined
  /**
   * What every name begins with that Tidings uses in Redis for itself. Default `tidings`. Deployments that share a
   * Redis and have different ones do not meet, except on the channels themselves.
   */
  readonly namespace?: string | undefined
  /**
   * Over how many partitions logs are spread, up to 1,024. Default 128. It is fixed when the first message is
   * appended: another number is then refused with `DEPLOYMENT_MISMATCH`.
   */
  readonly partitions?: number | undefined
}

/** What the constructors of all classes take; ioredis's own options may stand at the top level, as in `{ host, port }`. */
export type ConnectionOptions = ConnectionSettings &
  RedisClientOptions & {
    /** Default `redis://127.0.0.1:6379`. */
    readonly redis?: RedisOption | undefined
  }

/** {@link ConnectionOptions} taken apart and checked. */
export interface ReadOptions {
  readonly redis: RedisOption
  readonly logger: Logger | undefined
  readonly commandTimeoutMs: number | undefined
  readonly maxCount: number
  readonly maxBytes: number
  readonly patternLimit: number
  readonly namespace: string
  readonly partitions: number
}

const SETTINGS = ['redis', 'logger', 'commandTimeoutMs', 'queue', 'patternLimit', 'namespace', 'partitions'] as const

/**
 * Takes a constructor's options apart.
 * @param own names of the options that belong to the class itself
 * @throws TidingsError `UNKNOWN_OPTION`, `INVALID_OPTION`
 */
export function readOptions(options: ConnectionOptions, own: readonly string[], who: string): ReadOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TidingsError('INVALID_OPTION', `The options of ${who} must be an object.`)
  }
  const client: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    if (own.includes(name) || (SETTINGS as readonly string[]).includes(name) || value === undefined) continue
    if (!isClientOption(name)) {
      throw new TidingsError('UNKNOWN_OPTION', `${who} has no option "${name}".`, {
        hint: `It knows ${[...own, ...SETTINGS].join(', ')}, and ioredis's options for reaching a server.`,
      })
    }
    client[name] = value
  }
  const { redis, logger, commandTimeoutMs, queue = {}, patternLimit, namespace, partitions } = options
  const top = Object.keys(client)
  if (redis !== undefined && top.length > 0) {
    throw new TidingsError('INVALID_OPTION', `"redis" and "${top[0]}" both say where Redis is.`, { hint: 'Give one.' })
  }
  for (const name of Object.keys(queue)) {
    if (name === 'maxCount' || name === 'maxBytes') continue
    throw new TidingsError('UNKNOWN_OPTION', `The option "queue" has no part "${name}".`, {
      hint: 'It knows maxCount and maxBytes.',
    })
  }
  if (redis instanceof Connection) refuseSettings(options, who)
  return {
    redis: redis ?? (top.length > 0 ? (client as RedisClientOptions) : 'redis://127.0.0.1:6379'),
    logger: checkLogger(logger),
    commandTimeoutMs: commandTimeoutMs === undefined ? undefined : count('commandTimeoutMs', commandTimeoutMs, 0, 1),
    maxCount: count('queue.maxCount', queue.maxCount, 100_000, 1),
    maxBytes: count('queue.maxBytes', queue.maxBytes, 67_108_864, 1),
    patternLimit: count('patternLimit', patternLimit, 16, 0),
    namespace: checkNamespace(namespace),
    partitions: checkPartitions(partitions),
  }
}

/** A whole number of at least `min`. */
export function count(name: string, value: unknown, fallback: number, min: number): number {
  if (value === undefined) return fallback
  if (Number.isSafeInteger(value) && (value as number) >= min) return value as number
  throw new TidingsError('INVALID_OPTION', `The option "${name}" must be a whole number of at least ${min}.`)
}

function checkNamespace(namespace: unknown = DEFAULT_NAMESPACE): string {
  // Braces would put all of it into one slot of a Cluster, or none of it where it belongs.
  if (typeof namespace === 'string' && /^[^{}]{1,100}$/su.test(namespace) && namespace.isWellFormed()) return namespace
  throw new TidingsError(
    'INVALID_OPTION',
    'The option "namespace" must be a string of 1 to 100 characters, without braces.',
  )
}

function checkPartitions(partitions: unknown): number {
  const number = count('partitions', partitions, DEFAULT_PARTITIONS, 1)
  if (number <= MAX_PARTITIONS) return number
  throw new TidingsError('INVALID_OPTION', `The option "partitions" must be at most ${MAX_PARTITIONS}.`)
}

function checkLogger(logger: unknown): Logger | undefined {
  if (logger === undefined) return undefined
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    if (typeof (logger as Partial<Logger> | null)?.[level] !== 'function') {
      throw new TidingsError('INVALID_OPTION', `The option "logger" has no function "${level}".`, {
        hint: 'A pino logger fits.',
      })
    }
  }
  return logger as Logger
}

/** A shared connection has been set up where it was made. */
function refuseSettings(options: ConnectionOptions, who: string): void {
  for (const name of ['commandTimeoutMs', 'queue', 'patternLimit', 'namespace', 'partitions'] as const) {
    if (options[name] === undefined) continue
    throw new TidingsError('INVALID_OPTION', `${who} was given a shared connection, which has its own "${name}".`, {
      hint: 'Give it to connect() instead.',
    })
  }
}
