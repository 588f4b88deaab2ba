import assert from 'node:assert/strict'
import { bodyOf, type InboxStoreCase, inboxStoreCase, textsOf, titleOf } from './inbox-store-case.ts'

/** One notification for many: groups, and summaries of what is too much. */
export const groupCases: readonly InboxStoreCase[] = [
  inboxStoreCase('a notification replaces the unread one of its group, and counts on', async ({ user }) => {
    const ada = await user()
    const [frames, messages] = [await ada.frames(), await ada.messages()]
    for (const title of ['one', 'two', 'three']) await ada.stored(title, { groupKey: 'likes' })
    await ada.stored('other', { groupKey: 'comments' })
    const { entries, state } = await ada.list('all')
    assert.deepEqual(
      entries.map((entry) => [titleOf(entry), entry.seq, entry.count]),
      [
        ['other', 4, 1],
        ['three', 3, 3],
      ],
    )
    assert.deepEqual([state.own.unread, state.head, state.rev], [2, 4, 4])
    const seen = (await frames.exactly(4)).map(({ kind, own, removed }) => [kind, textsOf(own), textsOf(removed)])
    assert.deepEqual(seen, [
      ['sent', ['1-1'], []],
      ['sent', ['2-1'], ['1-1']],
      ['sent', ['3-1'], ['2-1']],
      ['sent', ['4-1'], []],
    ])
    await messages.has(4)
    assert.deepEqual(
      messages.texts.map((text) => JSON.parse(text).count),
      [1, 2, 3, 1],
    )
    assert.match(messages.texts[1]!, /"read":false,"count":2,"type":"info","title":"two"/)
  }),

  inboxStoreCase('a snoozed one of a group counts on too; a read or archived one begins anew', async ({ user }) => {
    const ada = await user()
    const counts = []
    for (const then of ['snooze', 'read', 'archive', 'unread'] as const) {
      const place = await ada.stored(then, { groupKey: 'likes' })
      if (then === 'snooze') await ada.snooze((await ada.state()).nowMs + 60_000, [place])
      else await ada.to(then, [place])
      counts.push((await ada.list('all')).entries.map(({ count }) => count))
    }
    assert.deepEqual(counts, [[1], [2], [1], [1]])
    const { entries, state } = await ada.list('all')
    assert.deepEqual([entries.length, entries[0]!.count], [1, 1])
    assert.deepEqual([state.own.total, state.own.archived, state.own.snoozed], [1, 0, 0])
    assert.equal(state.nextChangeAtMs, undefined)
  }),

  inboxStoreCase('a group whose notification was deleted begins anew, and removes nothing', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    await ada.to('delete', [await ada.stored('one', { groupKey: 'likes' })])
    await ada.stored('two', { groupKey: 'likes' })
    const { entries } = await ada.list('all')
    assert.deepEqual(
      entries.map((entry) => [titleOf(entry), entry.count]),
      [['two', 1]],
    )
    assert.deepEqual(textsOf((await frames.exactly(3))[2]!.removed), [])
  }),

  inboxStoreCase('the replaced one makes room before the oldest must go', async ({ user }) => {
    const ada = await user()
    await ada.stored('old', { maxCount: 2 })
    await ada.stored('one', { maxCount: 2, groupKey: 'likes' })
    await ada.stored('two', { maxCount: 2, groupKey: 'likes' })
    assert.deepEqual(await ada.titles('all'), ['two', 'old'])
  }),

  inboxStoreCase('beyond the rate one summary counts what came', async ({ user }) => {
    const ada = await user()
    const messages = await ada.messages()
    const rate = { max: 2, windowMs: 60_000, summary: bodyOf('{count} more, {count}!') }
    const kinds = []
    for (const title of ['a', 'b', 'c', 'd', 'e']) kinds.push((await ada.send(title, { rate })).kind)
    assert.deepEqual(kinds, ['stored', 'stored', 'collapsed', 'collapsed', 'collapsed'])
    const { entries, state } = await ada.list('all')
    assert.deepEqual(
      entries.map((entry) => [titleOf(entry), entry.seq, entry.count]),
      [
        ['3 more, 3!', 5, 3],
        ['b', 2, 1],
        ['a', 1, 1],
      ],
    )
    assert.equal(state.own.unread, 3)
    const delta = await ada.sync({ ...state, rev: state.rev - 1 })
    assert.deepEqual(delta.changed.map(titleOf), ['3 more, 3!'])
    await messages.has(5)
    const [, , , fourth, fifth] = messages.texts.map((text) => JSON.parse(text))
    assert.deepEqual([fourth.title, fourth.count, fifth.title, fifth.count], ['2 more, 2!', 2, '3 more, 3!', 3])
  }),

  inboxStoreCase('a summary that was read begins anew at 1', async ({ user }) => {
    const ada = await user()
    const rate = { max: 1, windowMs: 60_000, summary: bodyOf('{count} more') }
    await ada.stored('a', { rate })
    await ada.stored('b', { rate })
    const place = await ada.stored('c', { rate })
    assert.deepEqual(await ada.titles('unread'), ['2 more', 'a'])
    await ada.to('read', [place])
    await ada.stored('d', { rate })
    assert.deepEqual(await ada.titles('unread'), ['1 more', 'a'])
  }),

  inboxStoreCase('a summary does not expire with what it counts', async ({ user }) => {
    const ada = await user()
    const rate = { max: 1, windowMs: 60_000, summary: bodyOf('{count} more') }
    await ada.stored('a', { rate })
    const expiresAtMs = (await ada.state()).nowMs + 60_000
    await ada.stored('b', { rate, expiresAtMs })
    const { entries, state } = await ada.list()
    assert.deepEqual(entries.map(titleOf), ['1 more', 'a'])
    assert.deepEqual([entries[0]?.expiresAtMs, state.nextChangeAtMs], [undefined, undefined])
  }),

  inboxStoreCase('no group of a sender is the one of the summaries', async ({ user }) => {
    const ada = await user()
    const rate = { max: 1, windowMs: 60_000, summary: bodyOf('{count} more') }
    await ada.stored('a', { rate })
    await ada.stored('b', { rate })
    const reserved = ['summary', 'rate', '', ' ', '\0', '*', '__proto__', '{count}', 's', 'g', '-']
    for (const groupKey of reserved) await ada.stored(`of ${groupKey}`, { groupKey })
    assert.equal((await ada.list('all')).entries.length, 2 + reserved.length)
    for (const groupKey of reserved) await ada.stored(`of ${groupKey}`, { groupKey })
    const { entries } = await ada.list('all')
    assert.deepEqual(
      entries.map(({ count }) => count),
      [...reserved.map(() => 2), 1, 1],
    )
  }),

  inboxStoreCase('the window of the rate begins with its first, and a new one after its end', async ({ user }) => {
    const ada = await user()
    const rate = { max: 1, windowMs: 80, summary: bodyOf('{count} more') }
    assert.equal((await ada.send('a', { rate })).kind, 'stored')
    await ada.reaches((await ada.state()).nowMs + 81)
    assert.equal((await ada.send('b', { rate })).kind, 'stored')
    assert.equal((await ada.send('without a rate')).kind, 'stored')
  }),

  inboxStoreCase(
    'what was collapsed is known by its dedupe key; what is a duplicate takes no room',
    async ({ user }) => {
      const ada = await user()
      const rate = { max: 2, windowMs: 60_000, summary: bodyOf('{count} more') }
      const dedupe = (key: string) => ({ key, windowMs: 60_000 })
      const kinds = []
      for (const key of ['a', 'a', 'b', 'c', 'c', 'd'])
        kinds.push((await ada.send(key, { rate, dedupe: dedupe(key) })).kind)
      assert.deepEqual(kinds, ['stored', 'duplicate', 'stored', 'collapsed', 'duplicate', 'collapsed'])
      assert.deepEqual(await ada.titles(), ['2 more', 'b', 'a'])
    },
  ),
]
