import assert from 'node:assert/strict'
import type { InboxView } from '../core/inbox-store.ts'
import { type InboxStoreCase, inboxStoreCase, textsOf } from './inbox-store-case.ts'

/** Views, and pages of them. */
export const listingCases: readonly InboxStoreCase[] = [
  inboxStoreCase('a view has its own, newest first', async ({ user }) => {
    const ada = await user()
    const places = []
    for (let count = 1; count <= 8; count += 1) places.push(await ada.stored(`m${count}`))
    await ada.to('read', [places[0]!, places[4]!])
    await ada.to('archive', [places[1]!, places[5]!])
    await ada.snooze(9e12, [places[6]!, places[2]!])
    const expected: Record<InboxView, string[]> = {
      inbox: ['m8', 'm5', 'm4', 'm1'],
      unread: ['m8', 'm4'],
      archived: ['m6', 'm2'],
      snoozed: ['m7', 'm3'],
      all: ['m8', 'm7', 'm6', 'm5', 'm4', 'm3', 'm2', 'm1'],
    }
    for (const [view, titles] of Object.entries(expected)) {
      assert.deepEqual(await ada.titles(view as InboxView), titles, view)
    }
    const { entries } = await ada.list('snoozed')
    assert.deepEqual(
      entries.map(({ snoozedUntilMs }) => snoozedUntilMs),
      [9e12, 9e12],
    )
  }),

  inboxStoreCase('pages of a view follow each other, and say whether there are older ones', async ({ user }) => {
    const ada = await user()
    for (let count = 1; count <= 40; count += 1) {
      const place = await ada.stored(`m${count}`)
      if (count % 4 === 1) await ada.to('archive', [place])
      if (count % 4 === 2) await ada.to('read', [place])
      if (count % 4 === 3) await ada.snooze(9e12, [place])
    }
    for (const view of ['inbox', 'unread', 'archived', 'snoozed', 'all'] as const) {
      const all = (await ada.list(view)).entries
      for (const limit of [1, 3, 5, 10, 40]) {
        const paged = []
        let before: number | undefined
        for (;;) {
          const { entries, more } = await ada.list(view, limit, before)
          paged.push(...entries)
          assert.equal(more, paged.length < all.length, `${view} by ${limit}, at ${paged.length}`)
          if (!more) break
          assert.equal(entries.length, limit)
          before = entries.at(-1)!.seq
        }
        assert.deepEqual(paged, all)
      }
      assert.equal(all.length, view === 'all' ? 40 : view === 'inbox' ? 20 : 10)
    }
  }),

  inboxStoreCase('a page begins below the given number, also where nothing has it', async ({ user }) => {
    const ada = await user()
    const places = []
    for (let count = 1; count <= 5; count += 1) places.push(await ada.stored(`m${count}`))
    await ada.to('delete', [places[3]!])
    assert.deepEqual(textsOf((await ada.list('all', 2, 4)).entries), ['3-1', '2-1'])
    assert.deepEqual(textsOf((await ada.list('all', 2, 5)).entries), ['3-1', '2-1'])
    assert.deepEqual(textsOf((await ada.list('all', 9, 100)).entries), ['5-1', '3-1', '2-1', '1-1'])
    const { entries, more, state } = await ada.list('all', 9, 1)
    assert.deepEqual([entries, more, state.own.total], [[], false, 4])
  }),

  inboxStoreCase('pages have neither holes nor doubles while new ones come', async ({ user }) => {
    const ada = await user()
    for (let count = 1; count <= 12; count += 1) await ada.stored(`m${count}`)
    const seqs = []
    let before: number | undefined
    for (let page = 0; page < 4; page += 1) {
      const { entries } = await ada.list('inbox', 3, before)
      seqs.push(...entries.map(({ seq }) => seq))
      before = entries.at(-1)!.seq
      await ada.stored('meanwhile')
    }
    assert.deepEqual(seqs, [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
  }),
]
