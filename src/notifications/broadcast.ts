import { type BroadcastMarks, type InboxState, isUpTo, type Place } from '../core/inbox.ts'
import type { NotificationBody } from './notification-body.ts'

/** A broadcast as the log has it. */
export interface Broadcast extends Place {
  readonly id: string
  /** The text of its place, by which users' marks name it. */
  readonly text: string
  readonly body: NotificationBody
  /** The JSON of its audience: equal for equal ones. Undefined for one that is for everybody. */
  readonly audience: string | undefined
  readonly expiresAtMs: number | undefined
  /** Where it came, or was changed or recalled last. */
  readonly changedAt: Place
  readonly recalled: boolean
  /** What it was before the last change. */
  readonly former: Broadcast | undefined
}

/** What one user has done with a broadcast. */
export interface BroadcastState {
  readonly read: boolean
  readonly seen: boolean
  readonly archived: boolean
  readonly snoozedUntilMs: number | undefined
  readonly acted: string | undefined
}

export function broadcastState(broadcast: Broadcast, marks: BroadcastMarks): BroadcastState {
  const { text } = broadcast
  return {
    read: isUpTo(broadcast, marks.watermark) ? !marks.unread.has(text) : marks.read.has(text),
    seen: isUpTo(broadcast, marks.seenUpTo),
    archived: marks.archived.has(text),
    snoozedUntilMs: marks.snoozed.get(text),
    acted: marks.acted.get(text),
  }
}

/** Whether a broadcast is there for a user at all, but for its audience. */
export function isThere(broadcast: Broadcast, { broadcasts, muted, nowMs }: InboxState): boolean {
  const { text, body, expiresAtMs, recalled } = broadcast
  if (recalled || (expiresAtMs !== undefined && expiresAtMs <= nowMs)) return false
  if (isUpTo(broadcast, broadcasts.joined) || broadcasts.deleted.has(text)) return false
  return !muted.types.includes(body.type) && (body.topic === undefined || !muted.topics.includes(body.topic))
}
