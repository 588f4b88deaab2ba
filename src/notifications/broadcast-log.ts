import { NOTIFICATION_TYPES } from '../core/inbox.ts'
import type { Message } from '../core/message.ts'
import { randomName } from '../core/random-name.ts'
import { readTimestamp } from '../core/timestamp.ts'
import type { NotificationBody } from './notification-body.ts'

/** What is in the broadcast log: broadcasts, and what was done with them later. */
export type BroadcastEntry =
  | {
      readonly kind: 'broadcast' | 'edit'
      readonly id: string
      readonly body: NotificationBody
      readonly expiresAtMs: number | undefined
    }
  | { readonly kind: 'recall'; readonly id: string }

const BROADCAST_ID = /^b_[0-9a-z]{1,32}$/
/** What every broadcast of ours begins with on its channel. */
const OWN_START = /^\{"id":"b_[0-9a-z]{1,32}"/

export function newBroadcastId(): string {
  return `b_${randomName()}`
}

export function isBroadcastId(id: string): boolean {
  return BROADCAST_ID.test(id)
}

/** The article's payload of a broadcast, given the JSON of its body. */
export function encodeBroadcast(id: string, body: string): string {
  return `{"id":"${id}",${body.slice(1)}`
}

export function isOwnBroadcast(text: string): boolean {
  return OWN_START.test(text)
}

/** Reads an entry of the log; undefined for what is none. */
export function decodeBroadcastEntry(message: Message, broadcastChannel: string): BroadcastEntry | undefined {
  const value = message.value as { id?: unknown; kind?: unknown; body?: unknown } | null
  if (typeof value !== 'object' || value === null || typeof value.id !== 'string') return undefined
  const { id } = value
  if (message.channel !== broadcastChannel) {
    if (value.kind === 'recall') return { kind: 'recall', id }
    if (value.kind !== 'edit') return undefined
    return withExpiry('edit', id, value.body as NotificationBody)
  }
  const { id: _id, ...body } = value
  return withExpiry('broadcast', id, body as unknown as NotificationBody)
}

/** Undefined for what nobody could show. */
function withExpiry(kind: 'broadcast' | 'edit', id: string, body: NotificationBody): BroadcastEntry | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { type, title, message, timestamp, expires_at: expiresAt } = body
  // Anybody may have written it: not all that JSON can hold has a form as text.
  if (expiresAt !== undefined && typeof expiresAt !== 'string') return undefined
  const expiresAtMs = expiresAt === undefined ? undefined : Date.parse(expiresAt)
  if (!NOTIFICATION_TYPES.includes(type) || typeof title !== 'string' || typeof message !== 'string') return undefined
  if (typeof timestamp !== 'string' || readTimestamp(timestamp) === undefined) return undefined
  return Number.isNaN(expiresAtMs) ? undefined : { kind, id, body, expiresAtMs }
}
