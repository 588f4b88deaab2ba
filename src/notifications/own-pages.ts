import { setImmediate } from 'node:timers/promises'
import type { InboxState } from '../core/inbox.ts'
import type { InboxPage } from '../core/inbox-store.ts'
import { type InboxFilter, isFilter, type ListedOwn, passes } from './inbox-page.ts'
import { showOwn } from './notification-view.ts'

/** The fewest and the most entries that are asked for at once where only some of them pass. */
const FEWEST = 50
const MOST = 500

/** Own notifications of an inbox, newest first. */
export interface OwnListed {
  /** At least as many as were asked for, or all that pass. */
  readonly own: readonly ListedOwn[]
  /** There are older ones. */
  readonly more: boolean
  /** From when the first of them were read. */
  readonly state: InboxState
}

/**
 * Reads the newest own notifications that pass a filter. It may pass few of very many: these are read some at a time,
 * with other work between, until one more has come than was asked for. Nothing that comes meanwhile is among them; and
 * what changes meanwhile is told by a sync from the state, whether it is already seen here or not.
 */
export async function readOwn(
  userId: string,
  limit: number,
  before: number | undefined,
  filter: InboxFilter,
  ask: (limit: number, before: number | undefined) => Promise<InboxPage>,
): Promise<OwnListed> {
  const some = isFilter(filter)
  let size = some ? Math.min(Math.max(limit + 1, FEWEST), MOST) : limit
  let page = await ask(size, before)
  const { state } = page
  const own = shownOf(userId, page, filter)
  while (some && page.more && own.length <= limit) {
    await setImmediate()
    size = Math.min(2 * size, MOST)
    page = await ask(size, page.entries.at(-1)!.seq)
    // Erased or lost meanwhile: what has been read is of another inbox.
    if (page.state.epoch !== state.epoch) return readOwn(userId, limit, before, filter, ask)
    own.push(...shownOf(userId, page, filter))
  }
  return { own, more: page.more, state }
}

function shownOf(userId: string, { entries, state }: InboxPage, filter: InboxFilter): ListedOwn[] {
  return entries
    .map((entry) => ({ seq: entry.seq, shown: showOwn(userId, state.epoch, entry) }))
    .filter(({ shown }) => passes(shown, filter))
}
