import type { InboxEntry, InboxState } from '../core/inbox.ts'
import { formatPosition, parsePosition } from '../protocol/position.ts'
import { type Broadcast, broadcastState } from './broadcast.ts'
import type { Notification } from './notification.ts'
import type { NotificationBody } from './notification-body.ts'

/** The id of an own notification. */
export function ownId(epoch: string, { seq, gen }: { readonly seq: number; readonly gen: number }): string {
  return `n${formatPosition({ epoch, gen, seq })}`
}

/** Reads {@link ownId}; undefined for what is none. */
export function parseOwnId(id: string): ReturnType<typeof parsePosition> {
  return id.startsWith('n') ? parsePosition(id.slice(1)) : undefined
}

/** An own notification as its user sees it. */
export function showOwn(userId: string, epoch: string, entry: InboxEntry): Notification {
  const { count, read, seen, archived, snoozedUntilMs, acted } = entry
  return {
    id: ownId(epoch, entry),
    userId,
    broadcast: false,
    ...shownBody(JSON.parse(entry.body) as NotificationBody),
    count,
    read,
    seen: seen || read,
    archived,
    snoozedUntil: snoozedUntilMs === undefined ? undefined : new Date(snoozedUntilMs).toISOString(),
    acted,
    stored: true,
  }
}

/** It was brought from elsewhere, with its own time. */
export function isImported(entry: InboxEntry): boolean {
  return (JSON.parse(entry.body) as NotificationBody).imported === true
}

/** A broadcast as a user sees it. */
export function showBroadcast(userId: string, broadcast: Broadcast, { broadcasts }: InboxState): Notification {
  const { read, seen, archived, snoozedUntilMs, acted } = broadcastState(broadcast, broadcasts)
  return {
    ...showForAll(broadcast),
    userId,
    read,
    seen: seen || read,
    archived,
    snoozedUntil: snoozedUntilMs === undefined ? undefined : new Date(snoozedUntilMs).toISOString(),
    acted,
  }
}

/** A broadcast as nobody in particular sees it. */
export function showForAll({ id, body }: Broadcast): Notification {
  return { id, userId: undefined, broadcast: true, ...shownBody(body), ...UNTOUCHED, stored: true }
}

/** One that has just come, or that nobody stored. */
export const UNTOUCHED = {
  count: 1,
  read: false,
  seen: false,
  archived: false,
  snoozedUntil: undefined,
  acted: undefined,
} as const

function shownBody(
  body: NotificationBody,
): Pick<Notification, 'type' | 'title' | 'message' | 'timestamp' | 'data' | 'topic' | 'actions' | 'expiresAt'> {
  const { type, title, message, timestamp, data, topic, actions = [], expires_at: expiresAt } = body
  return { type, title, message, timestamp, data, topic, actions, expiresAt }
}
