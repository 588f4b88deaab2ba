import assert from 'node:assert/strict'
import type { InboxCommand, Targets } from '../core/inbox-store.ts'
import { broadcastsAt, type InboxStoreCase, inboxStoreCase, isUnread, textsOf } from './inbox-store-case.ts'

const place = (seq: number, gen = 1) => ({ seq, gen })

const ON_BROADCASTS: readonly ((targets: Targets) => InboxCommand)[] = [
  ...(['read', 'unread', 'archive', 'delete'] as const).map((kind) => (targets: Targets) => ({ kind, ...targets })),
  (targets) => ({ kind: 'snooze', untilMs: 9e12, ...targets }),
  (targets) => ({ kind: 'act', action: 'a', ...targets }),
]

/** What a user does with broadcasts, which are stored elsewhere, once for everybody. */
export const broadcastCases: readonly InboxStoreCase[] = [
  inboxStoreCase(
    'a user joins where the broadcasts are at the first call but to follow what is there',
    async ({ user, client }) => {
      const by = await client()
      const calls = ['send', 'list', 'sync', 'settle', 'peek', 'change'] as const
      for (const call of calls) {
        const one = await user(call, by)
        one.at = broadcastsAt(7, 3)
        if (call === 'send') await one.send()
        if (call === 'list') await one.list()
        if (call === 'sync') await one.store.sync(one.id, { epoch: 'x', gen: 1, rev: 0 }, one.at)
        if (call === 'settle') await one.change({ kind: 'settle' })
        if (call === 'peek') await one.store.list(one.id, { view: 'all', limit: 9, joins: false }, one.at)
        one.at = broadcastsAt(9, 3)
        const { broadcasts } = await one.state()
        const { epoch, joined, watermark, seenUpTo } = broadcasts
        const first = call === 'send' || call === 'list' ? place(7, 3) : place(9, 3)
        assert.deepEqual([epoch, joined, watermark, seenUpTo], ['news', first, first, first], call)
      }
    },
  ),

  inboxStoreCase('joining and settling say once that they did something', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    ada.at = broadcastsAt(3)
    assert.deepEqual((await ada.change({ kind: 'join' })).outcomes, ['changed'])
    assert.deepEqual((await ada.change({ kind: 'join' })).outcomes, ['already'])
    const { outcomes, state } = await ada.change({ kind: 'settle' })
    assert.deepEqual([outcomes, state.rev], [['already'], 0])
    await ada.stored()
    assert.equal((await frames.exactly(1))[0]?.rev, 1)
  }),

  inboxStoreCase('what was broadcast before the user joined is unknown to every command', async ({ user }) => {
    const ada = await user()
    ada.at = broadcastsAt(5, 2)
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(8, 3)
    for (const command of ON_BROADCASTS) {
      const before = [place(5, 2), place(4, 1), place(1, 2)]
      const { outcomes, state } = await ada.change(command({ own: [], broadcasts: before }))
      assert.deepEqual([outcomes, state.rev], [['unknown', 'unknown', 'unknown'], 0])
    }
    // Its number had been used before, by what a failover has lost.
    assert.deepEqual(await ada.to('read', [], [place(5, 3), place(6, 2)]), ['changed', 'changed'])
  }),

  inboxStoreCase('whether a broadcast has expired is for the clock of the store to say', async ({ user, client }) => {
    const by = await client()
    for (const [index, command] of ON_BROADCASTS.entries()) {
      const ada = await user(`user-${index}`, by)
      await ada.change({ kind: 'join' })
      ada.at = broadcastsAt(5)
      const { nowMs } = await ada.state()
      // To begin with something that every command changes.
      await ada.to('archive', [], [place(3), place(4)])
      const { kind } = command({ own: [], broadcasts: [] })
      if (kind === 'archive' || kind === 'read') await ada.to('unread', [], [place(3), place(4)])
      const broadcasts = [
        { ...place(1), expiresAtMs: nowMs - 1 },
        { ...place(2), expiresAtMs: nowMs },
        { ...place(3), expiresAtMs: nowMs + 3_600_000 },
        { ...place(4), expiresAtMs: undefined },
      ]
      const { outcomes } = await ada.change(command({ own: [], broadcasts }))
      assert.deepEqual(outcomes, ['unknown', 'unknown', 'changed', 'changed'])
    }
  }),

  inboxStoreCase('a broadcast is unread until it is read, for each user by itself', async ({ user, client }) => {
    const by = await client()
    const [ada, bob] = [await user('ada', by), await user('bob', by)]
    for (const each of [ada, bob]) await each.change({ kind: 'join' })
    ada.at = bob.at = broadcastsAt(3)
    assert.ok(isUnread(await ada.state(), place(2)))
    assert.deepEqual(await ada.to('read', [], [place(2), place(3), place(2)]), ['changed', 'changed', 'already'])
    const state = await ada.state()
    assert.deepEqual(
      [1, 2, 3].map((seq) => isUnread(state, place(seq))),
      [true, false, false],
    )
    const other = await bob.state()
    assert.deepEqual(
      [1, 2, 3].map((seq) => isUnread(other, place(seq))),
      [true, true, true],
    )
    assert.deepEqual(await ada.to('unread', [], [place(2), place(1)]), ['changed', 'already'])
    assert.ok(isUnread(await ada.state(), place(2)))
  }),

  inboxStoreCase('a broadcast is in one state at a time', async ({ user }) => {
    const ada = await user()
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(3)
    const one = [place(2)]
    // Once above the watermark and once below it: the same must come out.
    for (let round = 0; round < 2; round += 1) {
      const is = async (archived: boolean, snoozed: boolean, unread: boolean) => {
        const state = await ada.state()
        const { broadcasts } = state
        const seen = [broadcasts.archived.has('2-1'), broadcasts.snoozed.has('2-1'), isUnread(state, place(2))]
        assert.deepEqual(seen, [archived, snoozed, unread])
      }
      await is(false, false, round === 0)
      assert.deepEqual(await ada.to('archive', [], one), ['changed'])
      await is(true, false, false)
      assert.deepEqual(await ada.to('archive', [], one), ['already'])
      assert.deepEqual(await ada.to('read', [], one), ['already'])
      assert.deepEqual(await ada.snooze(9e12, [], one), ['changed'])
      await is(false, true, true)
      assert.deepEqual(await ada.snooze(9e12, [], one), ['already'])
      assert.deepEqual(await ada.snooze(9e12 + 1, [], one), ['changed'])
      assert.equal((await ada.state()).broadcasts.snoozed.get('2-1'), 9e12 + 1)
      assert.deepEqual(await ada.to('archive', [], one), ['changed'])
      await is(true, false, false)
      assert.deepEqual(await ada.to('unread', [], one), ['changed'])
      await is(false, false, true)
      assert.deepEqual(await ada.snooze(9e12, [], one), ['changed'])
      assert.deepEqual(await ada.to('read', [], one), ['changed'])
      await is(false, false, false)
      assert.deepEqual(await ada.to('read', [], one), ['already'])
      assert.deepEqual(await ada.snooze(9e12, [], one), ['changed'])
      assert.deepEqual(await ada.to('unread', [], one), ['changed'])
      await is(false, false, true)
      await ada.snooze(9e12, [], one)
      assert.deepEqual(await ada.snooze(1_000, [], one), ['changed'])
      assert.deepEqual(await ada.snooze(1_000, [], one), ['already'])
      await is(false, false, true)
      assert.equal(await ada.all('read-all', { broadcasts: place(3) }), 'changed')
    }
  }),

  inboxStoreCase('a deleted broadcast is unknown from then on, and has no other mark', async ({ user }) => {
    const ada = await user()
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(5)
    const all = [1, 2, 3, 4].map((seq) => place(seq))
    await ada.to('read', [], [all[0]!])
    await ada.to('archive', [], [all[1]!])
    await ada.snooze(9e12, [], [all[2]!])
    await ada.change({ kind: 'act', action: 'accept', own: [], broadcasts: [all[3]!] })
    assert.deepEqual(await ada.to('delete', [], all), Array(4).fill('changed'))
    const { broadcasts, nextChangeAtMs } = await ada.state()
    assert.deepEqual([...broadcasts.deleted].sort(), textsOf(all))
    for (const set of ['read', 'unread', 'archived', 'snoozed'] as const) assert.equal(broadcasts[set].size, 0, set)
    assert.equal(nextChangeAtMs, undefined)
    for (const command of ON_BROADCASTS) {
      const { outcomes } = await ada.change(command({ own: [], broadcasts: all }))
      assert.deepEqual(outcomes, Array(4).fill('unknown'))
    }
  }),

  inboxStoreCase('the first action on a broadcast stays; edits and recalls are for own ones', async ({ user }) => {
    const ada = await user()
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(2)
    const targets = { own: [], broadcasts: [place(1)] }
    assert.deepEqual((await ada.change({ kind: 'act', action: 'accept', ...targets })).outcomes, ['changed'])
    assert.deepEqual((await ada.change({ kind: 'act', action: 'decline', ...targets })).outcomes, ['already'])
    assert.deepEqual([...(await ada.state()).broadcasts.acted], [['1-1', 'accept']])
    assert.deepEqual(await ada.to('recall', [], [place(1)]), ['unknown'])
    assert.deepEqual((await ada.change({ kind: 'edit', body: '{"a":1}', ...targets })).outcomes, ['unknown'])
    assert.equal((await ada.state()).rev, 1)
  }),

  inboxStoreCase('own ones and broadcasts of the same place are two, own ones first', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    const own = await ada.stored()
    ada.at = broadcastsAt(2)
    assert.deepEqual(await ada.to('read', [own], [place(1)]), ['changed', 'changed'])
    assert.deepEqual(await ada.to('delete', [], [place(1)]), ['changed'])
    assert.deepEqual(await ada.to('read', [own], [place(1)]), ['already', 'unknown'])
    assert.equal((await ada.list()).entries.length, 1)
    const [, both, removed] = await frames.exactly(3)
    assert.deepEqual([both!.kind, both!.own, both!.broadcasts], ['changed', [place(1)], [place(1)]])
    assert.deepEqual([removed!.kind, removed!.removed, removed!.broadcasts], ['removed', [], [place(1)]])
  }),

  inboxStoreCase('who joined before the first broadcast adopts the log, and is shown all of it', async ({ user }) => {
    const ada = await user()
    await ada.stored()
    ada.at = broadcastsAt(4)
    const { broadcasts, rev } = await ada.state()
    assert.deepEqual([broadcasts.epoch, broadcasts.joined, rev], ['news', place(0, 0), 1])
    assert.deepEqual(await ada.to('read', [], [place(1)]), ['changed'])
  }),

  inboxStoreCase('of another broadcast log no mark holds; own ones stay', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    ada.at = broadcastsAt(4)
    const own = await ada.stored()
    ada.at = broadcastsAt(9)
    await ada.to('read', [own], [place(5), place(6)])
    await ada.to('archive', [], [place(6)])
    await ada.to('delete', [], [place(7)])
    await ada.snooze(9e12, [], [place(8)])
    await ada.all('see-all', { broadcasts: place(9) })
    await ada.all('read-all', { broadcasts: place(9) })
    await ada.to('unread', [], [place(5)])
    ada.at = broadcastsAt(9, 1, { epoch: 'newer' })
    const { broadcasts, rev, nextChangeAtMs, own: counts } = await ada.state()
    assert.deepEqual([rev, nextChangeAtMs, counts.total, counts.unread], [8, undefined, 1, 0])
    const { epoch, joined, watermark, seenUpTo, ...sets } = broadcasts
    assert.deepEqual([epoch, joined, watermark, seenUpTo], ['newer', place(0, 0), place(0, 0), place(0, 0)])
    for (const [name, set] of Object.entries(sets)) assert.equal(set.size, 0, name)
    assert.deepEqual(await ada.to('delete', [], [place(1), place(7)]), ['changed', 'changed'])
    assert.equal((await frames.exactly(9)).at(-1)!.rev, 9)
  }),

  inboxStoreCase('a call that knows of no broadcasts leaves the marks', async ({ user }) => {
    const ada = await user()
    ada.at = broadcastsAt(2)
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(4)
    await ada.to('archive', [], [place(3)])
    ada.at = { epoch: '', seq: 0, gen: 0, firstSeq: 100 }
    await ada.stored()
    for (const kind of ['read-all', 'see-all'] as const) {
      assert.equal(await ada.all(kind, { broadcasts: place(4) }), 'already')
    }
    const { broadcasts } = await ada.state()
    assert.deepEqual([broadcasts.epoch, broadcasts.joined, [...broadcasts.archived]], ['news', place(2), ['3-1']])
  }),

  inboxStoreCase('marks of broadcasts that are still there outlive the pruning of the others', async ({ user }) => {
    const ada = await user()
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(30)
    const all = Array.from({ length: 30 }, (_, index) => place(index + 1))
    await ada.to('archive', [], all)
    ada.at = broadcastsAt(40, 1, { firstSeq: 21 })
    for (let seq = 31; seq <= 40; seq += 1) await ada.to('read', [], [place(seq)])
    const state = await ada.state()
    for (let seq = 21; seq <= 40; seq += 1) {
      assert.equal(state.broadcasts.archived.has(`${seq}-1`), seq <= 30)
      assert.equal(isUnread(state, place(seq)), false)
    }
  }),
]
