import { type ConnectionOptions, count } from '../connection/options.ts'
import { TidingsError } from '../core/errors.ts'
import type { InboxLimits } from '../core/inbox-store.ts'
import type { ErrorHandler } from '../messaging/bus-reports.ts'
import type { AudienceTest } from './audiences.ts'

/** More than that a user gets in one window is counted by one notification. */
export interface RateLimit {
  /** Notifications of one user in one window. */
  readonly max: number
  /** A window begins with its first notification. */
  readonly windowMs: number
  /** The title of the one that counts; `{count}` is the number. Default `{count} more notifications`. */
  readonly title?: string | undefined
}

/** How much is to be kept. */
export type LimitsInput = Pick<NotificationServiceOptions, 'maxCount' | 'maxBroadcasts'>

export type NotificationServiceOptions = ConnectionOptions & {
  /** What the channels begin with. Default `notifications:`. */
  readonly channelPrefix?: string | undefined
  /**
   * The newest so many notifications of a user are kept. Kept in Redis for all programs: one that gives another number
   * is refused, one that gives none follows. 100 where nobody has given any.
   */
  readonly maxCount?: number | undefined
  /** The newest so many broadcasts, edits and recalls are kept, for everybody. As `maxCount`; 1,000 for no other. */
  readonly maxBroadcasts?: number | undefined
  /** The most bytes that a notification may have. Default 65,536. */
  readonly maxBytes?: number | undefined
  /** Default: none. */
  readonly rateLimit?: RateLimit | undefined
  /** Whether a broadcast that names an audience is for a user. Without it, such broadcasts are for nobody. */
  readonly isAudience?: AudienceTest | undefined
  /** Milliseconds for which an answer of an asynchronous `isAudience` is kept; 0 for not at all. Default 60,000. */
  readonly audienceCacheMs?: number | undefined
  /** Takes trouble that belongs to no call. */
  readonly onError?: ErrorHandler | undefined
}

/** {@link NotificationServiceOptions}, those of its own, checked. */
export interface ServiceSettings {
  readonly channelPrefix: string
  /** What this program declares. */
  readonly limits: Partial<InboxLimits>
  readonly maxBytes: number
  readonly rateLimit: (RateLimit & { readonly title: string }) | undefined
  readonly isAudience: AudienceTest
  readonly audienceCacheMs: number
}

export const OWN_OPTIONS = [
  'channelPrefix',
  'maxCount',
  'maxBroadcasts',
  'maxBytes',
  'rateLimit',
  'isAudience',
  'audienceCacheMs',
  'onError',
] as const

/** @throws TidingsError `INVALID_OPTION` */
export function readSettings(options: NotificationServiceOptions): ServiceSettings {
  const { channelPrefix = 'notifications:', maxCount, maxBroadcasts, maxBytes, rateLimit } = options
  const { isAudience, audienceCacheMs } = options
  if (typeof channelPrefix !== 'string' || !channelPrefix.isWellFormed() || channelPrefix === '') {
    throw invalidOption('channelPrefix', 'a string of well-formed Unicode, and not empty')
  }
  if (isAudience !== undefined && typeof isAudience !== 'function') throw invalidOption('isAudience', 'a function')
  return {
    channelPrefix,
    limits: readLimits({ maxCount, maxBroadcasts }),
    maxBytes: whole('maxBytes', maxBytes, 65_536),
    rateLimit: rateLimit === undefined ? undefined : readRateLimit(rateLimit),
    isAudience: isAudience ?? (() => false),
    audienceCacheMs: count('audienceCacheMs', audienceCacheMs, 60_000, 0),
  }
}

/** @throws TidingsError `INVALID_OPTION` */
export function readLimits(limits: LimitsInput): Partial<InboxLimits> {
  assertOptions('setLimits', limits)
  const { maxCount, maxBroadcasts, ...rest } = limits
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw new TidingsError('UNKNOWN_OPTION', `setLimits has no option "${unknown}".`)
  return {
    ...(maxCount !== undefined && { maxCount: whole('maxCount', maxCount, undefined, 10_000) }),
    ...(maxBroadcasts !== undefined && { maxBroadcasts: whole('maxBroadcasts', maxBroadcasts, undefined, 100_000) }),
  }
}

function readRateLimit(limit: RateLimit): RateLimit & { readonly title: string } {
  assertOptions('rateLimit', limit)
  const { max, windowMs, title = '{count} more notifications' } = limit
  if (typeof title !== 'string' || title === '') throw invalidOption('rateLimit.title', 'a string, and not empty')
  return { max: whole('rateLimit.max', max), windowMs: whole('rateLimit.windowMs', windowMs), title }
}

/** @throws TidingsError `INVALID_OPTION` */
export function whole(name: string, value: unknown, fallback?: number, max: number = Number.MAX_SAFE_INTEGER): number {
  const number = value ?? fallback
  if (Number.isSafeInteger(number) && (number as number) >= 1 && (number as number) <= max) return number as number
  throw invalidOption(
    name,
    max === Number.MAX_SAFE_INTEGER ? 'a whole number from 1' : `a whole number from 1 to ${max}`,
  )
}

/** @throws TidingsError `INVALID_OPTION` for options that are none */
export function assertOptions(of: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return
  throw new TidingsError('INVALID_OPTION', `The options of ${of} must be an object.`)
}

export function invalidOption(name: string, what: string): TidingsError {
  return new TidingsError('INVALID_OPTION', `The option "${name}" must be ${what}.`)
}
