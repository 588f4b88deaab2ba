import { type BroadcastMarks, type InboxState, isUpTo, type Place, placeText } from '../core/inbox.ts'
import type { NotificationBody } from './notification-body.ts'

/** A broadcast as the log has it. */
export interface Broadcast extends Place {
  readonly id: string
  readonly body: NotificationBody
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

export function broadcastState(place: Place, marks: BroadcastMarks): BroadcastState {
  const text = placeText(place)
  return {
    read: isUpTo(place, marks.watermark) ? !marks.unread.has(text) : marks.read.has(text),
    seen: isUpTo(place, marks.seenUpTo),
    archived: marks.archived.has(text),
    snoozedUntilMs: marks.snoozed.get(text),
    acted: marks.acted.get(text),
  }
}

/** Whether a broadcast is there for a user at all, but for its audience. */
export function isThere(broadcast: Broadcast, { broadcasts, muted, nowMs }: InboxState): boolean {
  const { body, expiresAtMs, recalled } = broadcast
  if (recalled || (expiresAtMs !== undefined && expiresAtMs <= nowMs)) return false
  if (isUpTo(broadcast, broadcasts.joined) || broadcasts.deleted.has(placeText(broadcast))) return false
  return !muted.types.includes(body.type) && (body.topic === undefined || !muted.topics.includes(body.topic))
}
