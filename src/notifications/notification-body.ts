import { TidingsError } from '../core/errors.ts'
import { NOTIFICATION_TYPES, type NotificationType } from '../core/inbox.ts'
import { toJson } from '../messaging/payload.ts'
import type { NotificationAction, NotificationInput } from './notification.ts'

const MAX_TITLE = 1_000
const MAX_TOPIC_BYTES = 256
const MAX_ACTIONS = 10

/** What a notification says, as it is stored and published: the article's fields, and more where there is more. */
export interface NotificationBody {
  readonly type: NotificationType
  readonly title: string
  readonly message: string
  readonly timestamp: string
  readonly data: unknown
  readonly topic?: string
  readonly expires_at?: string
  readonly actions?: readonly NotificationAction[]
  /** For whom a broadcast is, in the program's own terms. */
  readonly audience?: unknown
  /** It is old, from elsewhere: however late it is noticed, it is nothing new. */
  readonly imported?: true
}

/**
 * Checks a notification and makes the body of it.
 * @throws TidingsError `INVALID_NOTIFICATION`
 */
export function makeBody(input: NotificationInput, timestamp: string = new Date().toISOString()): NotificationBody {
  if (typeof input !== 'object' || input === null) {
    throw new TidingsError('INVALID_NOTIFICATION', 'A notification must be an object. Nothing was stored.', {
      context: { field: 'notification' },
    })
  }
  const { type, title, message, data = null, topic, expiresAt, actions } = input
  if (!NOTIFICATION_TYPES.includes(type)) throw invalid('type', `must be one of ${NOTIFICATION_TYPES.join(', ')}`)
  text('title', title, MAX_TITLE)
  if (title === '') throw invalid('title', 'must not be empty')
  text('message', message, Number.POSITIVE_INFINITY)
  if (typeof data === 'function' || typeof data === 'symbol') throw invalid('data', 'must be what JSON can hold')
  if (topic !== undefined) assertTopic(topic)
  return {
    type,
    title,
    message,
    timestamp,
    data,
    ...(topic !== undefined && { topic }),
    ...(expiresAt !== undefined && { expires_at: time('expiresAt', expiresAt).toISOString() }),
    ...(actions !== undefined && actions.length !== 0 && { actions: readActions(actions) }),
  }
}

/** The JSON of a body. @throws TidingsError `INVALID_MESSAGE`, `MESSAGE_TOO_LARGE` */
export function encodeBody(body: NotificationBody, maxBytes: number): string {
  const json = toJson(body)
  const bytes = Buffer.byteLength(json)
  if (bytes <= maxBytes) return json
  throw new TidingsError('MESSAGE_TOO_LARGE', `The notification has ${bytes} bytes; the limit is ${maxBytes}.`, {
    hint: 'Nothing was stored. Store large data elsewhere and send where it is.',
    context: { bytes, maxBytes },
  })
}

/** @throws TidingsError `INVALID_NOTIFICATION` */
export function assertTopic(topic: unknown): asserts topic is string {
  const isGood = typeof topic === 'string' && topic !== '' && topic.isWellFormed()
  if (isGood && Buffer.byteLength(topic) <= MAX_TOPIC_BYTES && !/[\p{Cc}{}]/u.test(topic)) return
  throw invalid('topic', `must be a text of 1 to ${MAX_TOPIC_BYTES} bytes, without braces and control characters`)
}

/** @throws TidingsError `INVALID_NOTIFICATION` */
function time(field: string, value: unknown): Date {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value
  throw invalid(field, 'must be a valid Date')
}

/** As {@link time}, in milliseconds, and not past. */
export function futureTime(field: string, value: unknown): number {
  const ms = time(field, value).getTime()
  if (ms <= Date.now()) throw invalid(field, 'must be in the future')
  return ms
}

export function invalid(field: string, why: string): TidingsError {
  return new TidingsError('INVALID_NOTIFICATION', `The ${field} of a notification ${why}. Nothing was stored.`, {
    context: { field },
  })
}

function text(field: string, value: unknown, max: number): void {
  if (typeof value !== 'string') throw invalid(field, 'must be a string')
  if (!value.isWellFormed()) throw invalid(field, 'must be well-formed Unicode')
  if (value.length > max) throw invalid(field, `must have at most ${max} characters`)
}

function readActions(actions: NonNullable<NotificationInput['actions']>): NotificationAction[] {
  if (!Array.isArray(actions) || actions.length > MAX_ACTIONS) {
    throw invalid('actions', `must be a list of at most ${MAX_ACTIONS}`)
  }
  const read = actions.map((action): NotificationAction => {
    if (typeof action !== 'object' || action === null) throw invalid('actions', 'must be objects with a label')
    const { label, key = label, url } = action
    text('actions', label, 200)
    text('actions', key, 200)
    if (label === '' || key === '') throw invalid('actions', 'must have a label')
    return url === undefined ? { key, label } : { key, label, url: webAddress(url) }
  })
  if (new Set(read.map(({ key }) => key)).size < read.length) throw invalid('actions', 'must have keys that differ')
  return read
}

/** Only what a browser can be sent to without running anything. */
function webAddress(url: unknown): string {
  let parsed: URL | undefined
  try {
    // It also takes out the tabs and line ends that hide `javascript:` from simpler checks.
    parsed = new URL(String(url))
  } catch {
    // Not one.
  }
  if (parsed?.protocol === 'https:' || parsed?.protocol === 'http:') return parsed.href
  throw invalid('actions', 'may lead to http and https addresses only')
}
