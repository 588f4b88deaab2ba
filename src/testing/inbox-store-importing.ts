import assert from 'node:assert/strict'
import { type InboxStoreCase, inboxStoreCase, textsOf, titleOf } from './inbox-store-case.ts'

const imported = (read: boolean) => ({ imported: { read } })

/** What is old and comes from elsewhere. */
export const importingCases: readonly InboxStoreCase[] = [
  inboxStoreCase('stores what is imported as read or unread, counted so', async ({ user }) => {
    const ada = await user()
    await ada.stored('was read', { ...imported(true), type: 'error' })
    await ada.stored('was not', { ...imported(false), type: 'warning' })
    const { entries, state } = await ada.list()
    assert.deepEqual(
      entries.map((entry) => [titleOf(entry), entry.read, entry.archived]),
      [
        ['was not', false, false],
        ['was read', true, false],
      ],
    )
    const { total, unread, unseen, unreadByType } = state.own
    assert.deepEqual([total, unread, unseen, unreadByType], [2, 1, 1, [0, 1, 0, 0]])
    assert.deepEqual(await ada.titles('unread'), ['was not'])
    assert.deepEqual(await ada.to('unread', [{ ...entries[1]!, epoch: state.epoch }]), ['changed'])
    assert.deepEqual((await ada.state()).own.unreadByType, [0, 1, 1, 0])
  }),

  inboxStoreCase('tells what is imported as a change, and publishes nothing of it for the user', async ({ user }) => {
    const ada = await user()
    const [messages, frames] = [await ada.messages(), await ada.frames()]
    const before = await ada.state()
    for (const read of [true, false]) {
      const outcome = await ada.send('old', imported(read))
      assert.ok(outcome.kind === 'stored')
      assert.equal(outcome.receivers, 0)
    }
    await ada.stored('new')
    const told = await frames.exactly(3)
    assert.deepEqual(
      told.map(({ kind, rev, own }) => [kind, rev, textsOf(own)]),
      [
        ['changed', 1, ['1-1']],
        ['changed', 2, ['2-1']],
        ['sent', 3, ['3-1']],
      ],
    )
    await messages.has(1)
    assert.deepEqual(
      messages.texts.map((body) => titleOf({ body })),
      ['new'],
    )
    assert.deepEqual(textsOf((await ada.sync(before)).changed), ['3-1', '2-1', '1-1'])
  }),

  inboxStoreCase('leaves what was imported before as its user has left it', async ({ user }) => {
    const ada = await user()
    const again = { ...imported(true), dedupe: { key: 'old', windowMs: 60_000 } }
    const place = await ada.stored('old', again)
    await ada.to('unread', [place])
    assert.equal((await ada.send('old', again)).kind, 'duplicate')
    assert.deepEqual(await ada.titles('unread'), ['old'])
    await ada.to('delete', [place])
    assert.equal((await ada.send('old', again)).kind, 'duplicate')
    assert.deepEqual(await ada.titles('all'), [])
  }),

  inboxStoreCase('keeps the newest when something is imported, and tells in one frame what went', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    for (const title of ['a', 'b', 'c']) await ada.stored(title, { ...imported(true), maxCount: 2 })
    assert.deepEqual(await ada.titles(), ['c', 'b'])
    const { kind, own, removed } = (await frames.exactly(3))[2]!
    assert.deepEqual([kind, textsOf(own), textsOf(removed)], ['changed', ['3-1'], ['1-1']])
    assert.equal((await ada.state()).own.unread, 0)
  }),
]
