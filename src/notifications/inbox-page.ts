import { TidingsError } from '../core/errors.ts'
import type { InboxState, NotificationType } from '../core/inbox.ts'
import type { InboxView } from '../core/inbox-store.ts'
import { type Broadcast, broadcastState } from './broadcast.ts'
import type { Notification } from './notification.ts'
import { showBroadcast } from './notification-view.ts'

/** Which notifications a page has. */
export interface InboxFilter {
  /** `'inbox'` (default): neither archived nor snoozed; `'unread'`: of these the unread; `'all'`: everything. */
  readonly view?: InboxView | undefined
  readonly type?: NotificationType | undefined
  readonly topic?: string | undefined
}

/** Where a page ends: the next one has own ones below `own`, and broadcasts below `broadcast`. */
export interface PageCursor {
  readonly own: number
  readonly broadcast: number
}

export function formatCursor({ own, broadcast }: PageCursor): string {
  return `${own}.${broadcast}`
}

/** @throws TidingsError `INVALID_OPTION` */
export function parseCursor(text: unknown): PageCursor | undefined {
  if (text === undefined) return undefined
  const match = typeof text === 'string' ? /^(\d{1,16})\.(\d{1,16})$/.exec(text) : null
  if (match !== null) return { own: Number(match[1]), broadcast: Number(match[2]) }
  throw new TidingsError('INVALID_OPTION', 'The option "before" must be the "next" of a page.')
}

/** Whether a broadcast belongs to a view. */
export function isInView(broadcast: Broadcast, view: InboxView, state: InboxState): boolean {
  const { read, archived, snoozedUntilMs } = broadcastState(broadcast, state.broadcasts)
  if (view === 'all') return true
  if (view === 'archived') return archived
  if (view === 'snoozed') return snoozedUntilMs !== undefined
  if (archived || snoozedUntilMs !== undefined) return false
  return view === 'inbox' || !read
}

/** Whether only some of a view pass. */
export function isFilter({ type, topic }: InboxFilter): boolean {
  return type !== undefined || topic !== undefined
}

export function passes(
  { type, topic }: { readonly type: NotificationType; readonly topic?: string | undefined },
  filter: InboxFilter,
): boolean {
  return (filter.type === undefined || type === filter.type) && (filter.topic === undefined || topic === filter.topic)
}

/** An own notification in a list. */
export interface ListedOwn {
  readonly seq: number
  readonly shown: Notification
}

/** Own ones and broadcasts, each newest first, as one list by their timestamps, newest first. */
export function* merged(
  userId: string,
  state: InboxState,
  own: readonly ListedOwn[],
  broadcasts: readonly Broadcast[],
): Generator<{ readonly shown: Notification; readonly cursor: Partial<PageCursor> }> {
  let at = 0
  for (const broadcast of broadcasts) {
    const shown = showBroadcast(userId, broadcast, state)
    for (; at < own.length && own[at]!.shown.timestamp >= shown.timestamp; at += 1) yield listed(own[at]!)
    yield { shown, cursor: { broadcast: broadcast.seq } }
  }
  for (; at < own.length; at += 1) yield listed(own[at]!)
}

function listed({ seq, shown }: ListedOwn) {
  return { shown, cursor: { own: seq } }
}
