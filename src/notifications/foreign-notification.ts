import { TidingsError } from '../core/errors.ts'
import { NOTIFICATION_TYPES, type NotificationType } from '../core/inbox.ts'
import type { Message } from '../core/message.ts'
import { readTimestamp } from '../core/timestamp.ts'
import type { Notification, NotificationAction } from './notification.ts'
import { UNTOUCHED } from './notification-view.ts'

/** What a notification looks like on its channel: the article's payload. */
type Payload = Readonly<Record<string, unknown>>

/**
 * Reads what came on a channel of notifications, from whoever published it; as not stored, for only its sender can
 * know. What is no notification is returned as an error, `INVALID_NOTIFICATION`.
 */
export function decodeForeign(message: Message, userId: string | undefined): Notification | TidingsError {
  const payload = message.value as Payload | null
  const why = typeof payload !== 'object' || payload === null ? 'it is no JSON object' : problem(payload)
  if (why !== undefined) {
    return new TidingsError('INVALID_NOTIFICATION', `A message on "${message.channel}" is no notification: ${why}.`, {
      context: { channel: message.channel },
      hint: 'A notification is a JSON object with "id", "type", "title", "message" and an ISO "timestamp".',
    })
  }
  const { id, type, title, message: text, timestamp, data = null, topic, expires_at: expiresAt, count } = payload!
  return {
    ...UNTOUCHED,
    id: id as string,
    userId,
    broadcast: userId === undefined,
    type: type as NotificationType,
    title: title as string,
    message: text as string,
    timestamp: readTimestamp(timestamp as string)!,
    data,
    topic: typeof topic === 'string' ? topic : undefined,
    actions: Array.isArray(payload!.actions) ? (payload!.actions.filter(isAction) as NotificationAction[]) : [],
    expiresAt: typeof expiresAt === 'string' ? expiresAt : undefined,
    count: typeof count === 'number' ? count : 1,
    stored: false,
  }
}

function problem({ id, type, title, message, timestamp }: Payload): string | undefined {
  if (typeof id !== 'string' || id === '') return 'it has no id'
  if (!(NOTIFICATION_TYPES as readonly unknown[]).includes(type)) return 'its type is unknown'
  if (typeof title !== 'string') return 'it has no title'
  if (typeof message !== 'string') return 'it has no message'
  if (typeof timestamp !== 'string' || readTimestamp(timestamp) === undefined) return 'it has no ISO timestamp'
  return undefined
}

/** Strangers' links are as little to be trusted as our own callers'. */
function isAction(action: unknown): boolean {
  if (typeof action !== 'object' || action === null) return false
  const { key, label, url } = action as Record<string, unknown>
  if (typeof key !== 'string' || typeof label !== 'string') return false
  return url === undefined || (typeof url === 'string' && /^https?:\/\//i.test(url) && URL.canParse(url))
}
