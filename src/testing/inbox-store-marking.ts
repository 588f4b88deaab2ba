import assert from 'node:assert/strict'
import { broadcastsAt, type InboxStoreCase, inboxStoreCase, isUnread, textsOf } from './inbox-store-case.ts'

const place = (seq: number, gen = 1) => ({ seq, gen })

/** Everything up to there: read, and seen. */
export const markingCases: readonly InboxStoreCase[] = [
  inboxStoreCase('read-all reads what is unread up to there; what came later stays unread', async ({ user }) => {
    const ada = await user()
    const places = []
    for (const title of ['a', 'b', 'c', 'd', 'e']) places.push(await ada.stored(title))
    await ada.to('read', [places[1]!])
    await ada.snooze(9e12, [places[2]!])
    const frames = await ada.frames()
    assert.equal(await ada.all('read-all', { own: places[3]! }), 'changed')
    const { own } = await ada.state()
    assert.deepEqual([own.total, own.unread, own.snoozed], [4, 1, 1])
    assert.deepEqual(await ada.titles('unread'), ['e'])
    assert.equal(await ada.all('read-all', { own: places[3]! }), 'already')
    assert.equal(await ada.all('read-all', { own: places[4]! }), 'changed')
    const [first, second] = await frames.exactly(2)
    assert.deepEqual([first!.kind, textsOf(first!.own).sort(), first!.broadcasts], ['all', ['1-1', '4-1'], []])
    assert.deepEqual([second!.kind, textsOf(second!.own), second!.broadcasts], ['all', ['5-1'], []])
  }),

  inboxStoreCase('read-all is clamped to what there is, and knows its epoch and generation', async ({ user }) => {
    const ada = await user()
    const first = await ada.stored('a')
    for (const stranger of [
      { ...first, epoch: 'another' },
      { ...first, gen: 0 },
    ]) {
      assert.equal(await ada.all('read-all', { own: { ...stranger, seq: 9 } }), 'already')
    }
    assert.equal(await ada.all('read-all', {}), 'already')
    assert.deepEqual(await ada.titles('unread'), ['a'])
    assert.equal(await ada.all('read-all', { own: { ...first, seq: 1_000 } }), 'changed')
    await ada.stored('b')
    assert.deepEqual(await ada.titles('unread'), ['b'])
  }),

  inboxStoreCase('see-all marks as seen up to there, and reads nothing', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    const places = []
    for (const title of ['a', 'b', 'c']) places.push(await ada.stored(title))
    assert.equal(await ada.all('see-all', { own: places[1]! }), 'changed')
    assert.equal(await ada.all('see-all', { own: places[0]! }), 'already')
    assert.equal(await ada.all('see-all', { own: places[1]! }), 'already')
    const { entries, state } = await ada.list()
    assert.deepEqual(
      entries.map(({ seen, read }) => [seen, read]),
      [
        [false, false],
        [true, false],
        [true, false],
      ],
    )
    assert.deepEqual([state.own.unread, state.own.unseen], [3, 1])
    const frame = (await frames.exactly(4))[3]!
    assert.deepEqual([frame.kind, frame.own, frame.broadcasts, frame.rev], ['all', [], [], 4])
  }),

  inboxStoreCase('see-all is clamped to what there is, and knows its epoch and generation', async ({ user }) => {
    const ada = await user()
    const first = await ada.stored('a')
    for (const stranger of [
      { ...first, epoch: 'another' },
      { ...first, gen: 0 },
    ]) {
      assert.equal(await ada.all('see-all', { own: stranger }), 'already')
    }
    assert.equal((await ada.state()).own.unseen, 1)
    assert.equal(await ada.all('see-all', { own: { ...first, seq: 1_000 } }), 'changed')
    await ada.stored('b')
    assert.equal((await ada.state()).own.unseen, 1)
  }),

  inboxStoreCase('one that was seen and is marked as unread stays seen', async ({ user }) => {
    const ada = await user()
    const first = await ada.stored('a')
    await ada.all('see-all', { own: first })
    await ada.all('read-all', { own: first })
    await ada.to('unread', [first])
    const { own } = await ada.state()
    assert.deepEqual([own.unread, own.unseen], [1, 0])
  }),

  inboxStoreCase('read-all of broadcasts moves the watermark: later ones stay unread', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(6)
    await ada.to('read', [], [place(2), place(5)])
    assert.equal(await ada.all('read-all', { broadcasts: place(4) }), 'changed')
    const state = await ada.state()
    assert.deepEqual(state.broadcasts.watermark, place(4))
    const unread = [1, 2, 3, 4, 5, 6].filter((seq) => isUnread(state, place(seq)))
    assert.deepEqual(unread, [6])
    assert.deepEqual([...state.broadcasts.read], ['5-1'])
    assert.equal(await ada.all('read-all', { broadcasts: place(4) }), 'already')
    assert.equal(await ada.all('read-all', { broadcasts: place(3) }), 'already')
    const [, frame] = await frames.exactly(2)
    assert.deepEqual([frame!.kind, frame!.own, frame!.broadcasts], ['all', [], 'all'])
  }),

  inboxStoreCase('read-all of broadcasts is clamped to the log’s head', async ({ user }) => {
    const ada = await user()
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(3, 2)
    for (const far of [place(9, 2), place(1, 3)]) await ada.all('read-all', { broadcasts: far })
    assert.deepEqual((await ada.state()).broadcasts.watermark, place(3, 2))
    ada.at = broadcastsAt(4, 2)
    assert.ok(isUnread(await ada.state(), place(4, 2)))
  }),

  inboxStoreCase('what a failover put in the place of lost broadcasts is not read with them', async ({ user }) => {
    const ada = await user()
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(9)
    await ada.all('read-all', { broadcasts: place(9) })
    ada.at = broadcastsAt(8, 5)
    const state = await ada.state()
    assert.deepEqual(
      [place(6), place(7, 5), place(8, 5)].map((each) => isUnread(state, each)),
      [false, true, true],
    )
    // A reader that still looks at the lost ones reads none of the new ones.
    await ada.all('read-all', { broadcasts: place(9) })
    assert.ok(isUnread(await ada.state(), place(8, 5)))
    assert.equal(await ada.all('read-all', { broadcasts: place(7, 5) }), 'changed')
    const after = await ada.state()
    assert.deepEqual(
      [place(6), place(7, 5), place(8, 5)].map((each) => isUnread(after, each)),
      [false, false, true],
    )
  }),

  inboxStoreCase('read-all reads again what was marked as unread below the watermark', async ({ user }) => {
    const ada = await user()
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(5)
    await ada.all('read-all', { broadcasts: place(5) })
    await ada.to('unread', [], [place(2), place(4)])
    await ada.snooze(9e12, [], [place(3)])
    assert.equal(await ada.all('read-all', { broadcasts: place(3) }), 'changed')
    const state = await ada.state()
    assert.deepEqual([...state.broadcasts.unread].sort(), ['3-1', '4-1'])
    assert.deepEqual([...state.broadcasts.snoozed.keys()], ['3-1'])
    assert.equal(await ada.all('read-all', { broadcasts: place(3) }), 'already')
  }),

  inboxStoreCase('a broadcast that sleeps while everything is read wakes unread', async ({ user }) => {
    const ada = await user()
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(3)
    const wakeMs = (await ada.state()).nowMs + 300
    await ada.snooze(wakeMs, [], [place(2)])
    await ada.all('read-all', { broadcasts: place(3) })
    await ada.reaches(wakeMs)
    const state = await ada.state()
    assert.equal(state.broadcasts.snoozed.size, 0)
    assert.deepEqual(
      [1, 2, 3].filter((seq) => isUnread(state, place(seq))),
      [2],
    )
  }),

  inboxStoreCase('see-all of broadcasts moves its own mark, clamped, never back', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(5, 2)
    assert.equal(await ada.all('see-all', { broadcasts: place(3, 1) }), 'changed')
    assert.deepEqual((await ada.state()).broadcasts.seenUpTo, place(3, 1))
    assert.equal(await ada.all('see-all', { broadcasts: place(2, 1) }), 'already')
    assert.equal(await ada.all('see-all', { broadcasts: place(9, 2) }), 'changed')
    assert.equal(await ada.all('see-all', { broadcasts: place(9, 9) }), 'already')
    const { broadcasts } = await ada.state()
    assert.deepEqual([broadcasts.seenUpTo, broadcasts.watermark], [place(5, 2), place(0, 0)])
    for (const frame of await frames.exactly(2)) assert.deepEqual([frame.kind, frame.broadcasts], ['all', 'all'])
  }),

  inboxStoreCase('own ones and broadcasts are marked together, as one change', async ({ user }) => {
    const ada = await user()
    const own = await ada.stored()
    ada.at = broadcastsAt(3)
    const frames = await ada.frames()
    for (const kind of ['see-all', 'read-all'] as const) {
      assert.equal(await ada.all(kind, { own, broadcasts: place(3) }), 'changed')
      assert.equal(await ada.all(kind, { own, broadcasts: place(3) }), 'already')
    }
    const [seen, read] = await frames.exactly(2)
    assert.deepEqual([seen!.rev, seen!.own, seen!.broadcasts], [2, [], 'all'])
    assert.deepEqual([read!.rev, read!.own, read!.broadcasts], [3, [place(1)], 'all'])
    assert.equal((await ada.state()).own.unread, 0)
  }),
]
