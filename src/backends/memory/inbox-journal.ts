import { type InboxEntry, type InboxVersion, type Place, parsePlace, placeText } from '../../core/inbox.ts'
import type { InboxData } from './inbox-data.ts'
import { entryOf, ownAt } from './inbox-own.ts'

/**
 * What has changed, each place once with the `rev` of its last change: what `sync` answers from. Own notifications
 * are there by their place, broadcasts by `b` and their place, and all broadcasts by `b` alone; and what was seen by `s`
 * and the number up to where all was before.
 */
const MAX_CHANGES = 128
const ALL_BROADCASTS = 'b'

export function noteChanges(
  data: InboxData,
  own: readonly Place[],
  broadcasts: readonly Place[] | 'all',
  unseenFrom: number | undefined,
): void {
  const { journal, rev } = data
  const marks = broadcasts === 'all' ? [ALL_BROADCASTS] : broadcasts.map((place) => `b${placeText(place)}`)
  const seen = unseenFrom === undefined ? [] : [`s${unseenFrom}`]
  for (const key of [...own.map(placeText), ...marks, ...seen]) {
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
  const places = keys.filter((key) => /^\d/.test(key)).map(parsePlace)
  const unseenFrom = Math.min(...keys.flatMap((key) => (key.startsWith('s') ? [Number(key.slice(1))] : [])))
  const seen = [...data.own.values()].filter(({ seq }) => seq > unseenFrom && seq <= data.seenUpTo)
  const present = [...new Set([...places.flatMap((place) => ownAt(data, place) ?? []), ...seen])]
  return {
    changed: present.sort((one, other) => other.seq - one.seq).map((stored) => entryOf(data, stored)),
    removed: places.filter((place) => ownAt(data, place) === undefined),
    broadcasts: keys.includes(ALL_BROADCASTS)
      ? 'all'
      : keys.filter((key) => key.startsWith('b')).map((key) => key.slice(1)),
  }
}
