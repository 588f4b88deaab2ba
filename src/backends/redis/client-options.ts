import type { RedisOptions } from 'ioredis'
import { TidingsError } from '../../core/errors.ts'

/** ioredis's options that are handed to it as they are. */
const PASSED = [
  'host',
  'port',
  'path',
  'family',
  'username',
  'password',
  'db',
  'tls',
  'keepAlive',
  'noDelay',
  'connectionName',
  'connectTimeout',
  'disableClientInfo',
  'clientInfoTag',
  'protocol',
  'reconnectOnError',
  'retryStrategy',
  'sentinels',
  'name',
  'role',
  'sentinelUsername',
  'sentinelPassword',
  'sentinelRetryStrategy',
  'sentinelReconnectStrategy',
  'sentinelCommandTimeout',
  'sentinelMaxConnections',
  'sentinelTLS',
  'enableTLSForSentinelMode',
  'updateSentinels',
  'preferredSlaves',
  'natMap',
  'failoverDetector',
] as const

/**
 * ioredis's options that concern what Tidings does itself. A program written for ioredis may go on passing
 * them: each is accepted as far as Tidings' way gives what was asked for, and refused where it would not.
 */
const MANAGED: Readonly<Record<string, { readonly unless?: unknown; readonly because: string }>> = {
  lazyConnect: { because: 'a connection is made at the first use' },
  enableReadyCheck: { because: 'a connection is used once Redis says that it is ready' },
  maxLoadingRetryTime: { because: 'a connection waits while Redis loads its data' },
  maxRetriesPerRequest: { because: 'commandTimeoutMs bounds how long a call waits' },
  enableAutoPipelining: { because: 'calls made in one tick are sent together' },
  autoPipeliningIgnoredCommands: { because: 'calls made in one tick are sent together' },
  disconnectTimeout: { because: 'a connection that is closed is closed at once' },
  showFriendlyErrorStack: { because: 'errors say what happened' },
  enableOfflineQueue: { unless: false, because: 'calls made while Redis is away wait in a bounded queue' },
  autoResubscribe: { unless: false, because: 'subscriptions are always renewed' },
  autoResendUnfulfilledCommands: { unless: true, because: 'a publish is never sent twice' },
  keyPrefix: { unless: true, because: 'channels travel by their own names; see channelPrefix' },
  readOnly: { unless: true, because: 'publishing is no read' },
  monitor: { unless: true, because: 'it would turn the connection into a MONITOR session' },
}

/** The options of ioredis that may be given, at the top level of a constructor's options or as `redis`. */
export type RedisClientOptions = Pick<RedisOptions, (typeof PASSED)[number]> & {
  /** Milliseconds until a command without an answer fails; the same as `commandTimeoutMs`. */
  readonly commandTimeout?: number
  readonly lazyConnect?: boolean
  readonly enableReadyCheck?: boolean
  readonly maxLoadingRetryTime?: number
  readonly maxRetriesPerRequest?: number | null
  readonly enableAutoPipelining?: boolean
  readonly autoPipeliningIgnoredCommands?: readonly string[]
  readonly disconnectTimeout?: number
  readonly showFriendlyErrorStack?: boolean
  readonly enableOfflineQueue?: true
  readonly autoResubscribe?: true
  readonly autoResendUnfulfilledCommands?: false
  readonly keyPrefix?: ''
  readonly readOnly?: false
  readonly monitor?: false
}

const passed: ReadonlySet<string> = new Set(PASSED)

/** True for a name that {@link readClientOptions} knows. */
export function isClientOption(name: string): boolean {
  return passed.has(name) || name === 'commandTimeout' || Object.hasOwn(MANAGED, name)
}

/**
 * Separates what ioredis is told from what Tidings manages.
 * @throws TidingsError `INVALID_OPTION` for a setting that Tidings cannot give, `UNKNOWN_OPTION` for a name it does not know
 */
export function readClientOptions(given: Readonly<Record<string, unknown>>): {
  readonly client: RedisOptions
  readonly commandTimeoutMs?: number
} {
  const client: Record<string, unknown> = {}
  let commandTimeoutMs: number | undefined
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    if (passed.has(name)) client[name] = value
    else if (name === 'commandTimeout') commandTimeoutMs = value as number
    else checkManaged(name, value)
  }
  return { client, ...(commandTimeoutMs === undefined ? {} : { commandTimeoutMs }) }
}

function checkManaged(name: string, value: unknown): void {
  const rule = Object.hasOwn(MANAGED, name) ? MANAGED[name] : undefined
  if (rule === undefined) {
    throw new TidingsError('UNKNOWN_OPTION', `There is no Redis option "${name}".`, {
      hint: 'The options of ioredis for reaching a server are known: host, port, password, db, tls, sentinels, …',
    })
  }
  const refused = rule.unless === true ? Boolean(value) : rule.unless === false ? value === false : false
  if (refused) {
    throw new TidingsError('INVALID_OPTION', `The Redis option "${name}" cannot be ${JSON.stringify(value)}:`, {
      hint: `${rule.because}. Leave it out.`,
    })
  }
}
