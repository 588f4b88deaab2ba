import { type InboxEntry, type InboxVersion, type Place, parsePlace, placeText } from '../../core/inbox.ts'
import type { InboxData } from './inbox-data.ts'
import { entryOf, ownAt } from './inbox-own.ts'

/**
 * What has changed, each place once with the `rev` of its last change: what `sync` answers from. Own notifications
 * are there by their place, broadcasts by `b` and their place, and all broadcasts by `b` alone.
 */
const MAX_CHANGES = 128
const ALL_BROADCASTS = 'b'

export function noteChanges(data: InboxData, own: readonly Place[], broadcasts: readonly Place[] | 'all'): void {
  const { journal, rev } = data
  const marks = broadcasts === 'all' ? [ALL_BROADCASTS] : broadcasts.map((place) => `b${placeText(place)}`)
  for (const key of [...own.map(placeText), ...marks]) {
    // Anew, so that it stands at the end.
    journal.delete(key)
    journal.set(key, rev)
  }
  for (const [key, oldRev] of journal) {
    if (journal.size <= MAX_CHANGES) break
    journal.delete(key)
    data.floor = oldRev
  }
}

/** Whether what has changed since a version is still known. */
export function isKnown({ epoch, gen, rev, previous, floor }: InboxData, since: InboxVersion): boolean {
  if (since.epoch !== epoch || since.rev > rev || since.rev < floor) return false
  return since.gen === gen || (since.gen === previous?.gen && since.rev <= previous.rev)
}

export function changesSince(
  data: InboxData,
  sinceRev: number,
): { changed: InboxEntry[]; removed: Place[]; broadcasts: string[] | 'all' } {
  const keys = [...data.journal].filter(([, rev]) => rev > sinceRev).map(([key]) => key)
  const places = keys.filter((key) => !key.startsWith('b')).map(parsePlace)
  const present = places.flatMap((place) => ownAt(data, place) ?? [])
  return {
    changed: present.sort((one, other) => other.seq - one.seq).map((stored) => entryOf(data, stored)),
    removed: places.filter((place) => ownAt(data, place) === undefined),
    broadcasts: keys.includes(ALL_BROADCASTS)
      ? 'all'
      : keys.filter((key) => key.startsWith('b')).map((key) => key.slice(1)),
  }
}
