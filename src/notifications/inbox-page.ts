import { TidingsError } from '../core/errors.ts'
import type { InboxEntry, InboxState, NotificationType } from '../core/inbox.ts'
import type { InboxView } from '../core/inbox-store.ts'
import { type Broadcast, broadcastState } from './broadcast.ts'
import type { Notification } from './notification.ts'
import { showBroadcast, showOwn } from './notification-view.ts'

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

export function passes({ type, topic }: Notification, filter: InboxFilter): boolean {
  return (filter.type === undefined || type === filter.type) && (filter.topic === undefined || topic === filter.topic)
}

/** Own ones and broadcasts, each newest first, as one list by their timestamps, newest first. */
export function* merged(
  userId: string,
  state: InboxState,
  entries: readonly InboxEntry[],
  broadcasts: readonly Broadcast[],
): Generator<{ readonly shown: Notification; readonly entry?: InboxEntry; readonly broadcast?: Broadcast }> {
  let [own, shared] = [0, 0]
  while (own < entries.length || shared < broadcasts.length) {
    const [entry, broadcast] = [entries[own], broadcasts[shared]]
    const left = entry === undefined ? undefined : showOwn(userId, state.epoch, entry)
    const right = broadcast === undefined ? undefined : showBroadcast(userId, broadcast, state)
    if (left !== undefined && (right === undefined || left.timestamp >= right.timestamp)) {
      own += 1
      yield { shown: left, entry: entry! }
    } else {
      shared += 1
      yield { shown: right!, broadcast: broadcast! }
    }
  }
}
