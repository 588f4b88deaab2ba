import { type Place, placeText } from '../../core/inbox.ts'
import type { NotificationMessage } from '../../core/inbox-store.ts'
import type { InboxData, StoredNotification } from './inbox-data.ts'
import { trimOwn } from './inbox-own.ts'

/** The group of the summaries, which no sender can name. */
const SUMMARY = 'summary'

/** What stands in the way of a notification by the user's own wish. */
export function unwanted(
  { mutedTypes, mutedTopics, topics }: InboxData,
  { type, topic, followersOnly }: NotificationMessage,
): 'muted' | 'not-following' | undefined {
  if (mutedTypes.has(type) || (topic !== undefined && mutedTopics.has(topic))) return 'muted'
  if (followersOnly && (topic === undefined || !topics.has(topic))) return 'not-following'
  return undefined
}

/** Counts a notification in its window; true if there is no room for it. */
export function exceedsRate(data: InboxData, rate: NotificationMessage['rate'], nowMs: number): boolean {
  if (rate === undefined) return false
  const agoMs = nowMs - (data.rate?.startMs ?? Number.NEGATIVE_INFINITY)
  // A window that begins later than now is of a clock that has been set back.
  const runs = agoMs >= 0 && agoMs < rate.windowMs
  const { startMs, count } = runs && data.rate ? data.rate : { startMs: nowMs, count: 0 }
  const exceeds = count >= rate.max
  data.rate = { startMs, count: exceeds ? count : count + 1 }
  return exceeds
}

/** Stores it at the next number. A summary stands in for the notification, and outlives it: it does not expire. */
export function store(
  data: InboxData,
  message: NotificationMessage,
  collapsed: boolean,
): { stored: StoredNotification; removed: Place[] } {
  const summary = collapsed ? message.rate?.summary : undefined
  const group = summary === undefined ? groupOf(message.groupKey) : SUMMARY
  const former = group === undefined ? undefined : [...data.own.values()].find((each) => each.group === group)
  if (former !== undefined) data.own.delete(former.seq)
  const goesOn = former?.state === 'unread' || former?.state === 'snoozed'
  const count = former !== undefined && goesOn ? former.count + 1 : 1
  data.head += 1
  const stored: StoredNotification = {
    seq: data.head,
    gen: data.gen,
    type: message.type,
    group,
    count,
    expiresAtMs: summary === undefined ? message.expiresAtMs : undefined,
    body: summary?.replaceAll('{count}', String(count)) ?? message.body,
    state: message.imported?.read ? 'read' : 'unread',
    untilMs: undefined,
    acted: undefined,
  }
  data.own.set(stored.seq, stored)
  const trimmed = trimOwn(data, message.maxCount)
  return { stored, removed: former === undefined ? trimmed : [former, ...trimmed] }
}

/** What is published on the user's channel. */
export function articleJson(userId: string, epoch: string, stored: StoredNotification): string {
  const id = `n${placeText(stored)}@${epoch}`
  const count = stored.group === undefined ? '' : `"count":${stored.count},`
  return `{"id":"${id}","user_id":${JSON.stringify(userId)},"read":false,${count}${stored.body.slice(1)}`
}

function groupOf(groupKey: string | undefined): string | undefined {
  return groupKey === undefined ? undefined : `group:${groupKey}`
}
