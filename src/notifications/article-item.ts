import { describeThrown } from '../core/describe.ts'
import { NOTIFICATION_TYPES, type NotificationType } from '../core/inbox.ts'
import { readTimestamp } from '../core/timestamp.ts'
import { assertUserId } from '../core/user-id.ts'
import type { NotificationInput } from './notification.ts'
import { encodeBody, makeBody } from './notification-body.ts'

/** A notification that a list had. */
export interface ArticleItem {
  /** The one that it had there. */
  readonly id: string
  readonly type: NotificationType
  /** The JSON of its body, with its own time. */
  readonly body: string
  readonly read: boolean
}

/** The texts around the user in the names of the lists. */
export interface KeyShape {
  readonly before: string
  readonly after: string
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads a glob that has one `*`, for the user, and nothing else that is special; undefined for any other. */
export function parseKeyPattern(pattern: string): KeyShape | undefined {
  const [before, after, ...more] = pattern.split('*')
  if (before === undefined || after === undefined || more.length > 0 || /[?[\\]/.test(pattern)) return undefined
  return { before, after }
}

/** The user in the name of a list. @throws Error where that can be nobody's id */
export function userOfKey(key: Uint8Array, { before, after }: KeyShape): string {
  const text = utf8.decode(key)
  const userId = text.slice(before.length, text.length - after.length)
  assertUserId(userId)
  return userId
}

/** Reads an item of a user's list. @throws Error that says why it is no notification */
export function readItem(value: Uint8Array, userId: string, maxBytes: number): ArticleItem {
  const item: unknown = JSON.parse(utf8.decode(value))
  if (typeof item !== 'object' || item === null) throw new Error('It is no JSON object.')
  const { id, user_id: owner, type, title, message, timestamp, read, data } = item as Record<string, unknown>
  if (typeof id !== 'string' || id === '') throw new Error('It has no id.')
  // A pattern that takes in too much of the name would give notifications to nobody, or to somebody else.
  const isNamed = typeof owner === 'string' || typeof owner === 'number'
  if (owner !== undefined && !(isNamed && String(owner) === userId)) {
    throw new Error(`It is for the user ${JSON.stringify(owner)}.`)
  }
  if (!(NOTIFICATION_TYPES as readonly unknown[]).includes(type)) {
    throw new Error(`The type ${JSON.stringify(type)} is unknown.`)
  }
  const zoned = typeof timestamp === 'string' ? readTimestamp(timestamp) : undefined
  if (zoned === undefined) throw new Error('It has no ISO timestamp.')
  const input = { type, title, message, data } as NotificationInput
  const body = makeBody(input, new Date(zoned).toISOString())
  return { id, type: body.type, body: encodeBody({ ...body, imported: true }, maxBytes), read: read === true }
}

/** Why a list or an item cannot be imported, in one sentence. */
export function whyNot(thrown: unknown): string {
  if (thrown instanceof SyntaxError) return `It is no JSON: ${thrown.message}`
  if (thrown instanceof TypeError) return 'It is no UTF-8.'
  return describeThrown(thrown)
}
