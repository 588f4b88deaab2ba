import { TidingsError } from '../core/errors.ts'
import { NOTIFICATION_TYPES } from '../core/inbox.ts'
import { type InboxFilter, type PageCursor, parseCursor } from './inbox-page.ts'
import { assertTopic } from './notification-body.ts'
import { assertOptions, invalidOption, whole } from './notification-options.ts'

export interface ListOptions extends InboxFilter {
  /** The most notifications. Default 20, at most 1,000. */
  readonly limit?: number | undefined
  /** The `next` of the page before. */
  readonly before?: string | undefined
}

/** {@link ListOptions}, checked. */
export interface ListQuery {
  readonly limit: number
  readonly cursor: PageCursor | undefined
  readonly filter: InboxFilter
}

const VIEWS = ['inbox', 'unread', 'archived', 'snoozed', 'all']

/** @throws TidingsError `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_NOTIFICATION` for a topic */
export function readListOptions(options: ListOptions): ListQuery {
  assertOptions('list', options)
  const { limit = 20, before, view, type, topic, ...rest } = options
  whole('limit', limit, undefined, 1_000)
  const cursor = parseCursor(before)
  if (view !== undefined && !VIEWS.includes(view)) throw invalidOption('view', `one of ${VIEWS.join(', ')}`)
  if (type !== undefined && !NOTIFICATION_TYPES.includes(type)) {
    throw invalidOption('type', `one of ${NOTIFICATION_TYPES.join(', ')}`)
  }
  if (topic !== undefined) assertTopic(topic)
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw new TidingsError('UNKNOWN_OPTION', `list has no option "${unknown}".`)
  return { limit, cursor, filter: { view, type, topic } }
}
