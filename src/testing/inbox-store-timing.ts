import assert from 'node:assert/strict'
import { broadcastsAt, type InboxStoreCase, inboxStoreCase, isUnread, textsOf } from './inbox-store-case.ts'

/** Ahead of the store's clock: long enough for some calls before, short enough to wait for. */
const SOON_MS = 300

/** What changes by itself with time. */
export const timingCases: readonly InboxStoreCase[] = [
  inboxStoreCase('what was snoozed wakes unread, whatever it was before', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    const places = [await ada.stored('a'), await ada.stored('b'), await ada.stored('c')]
    await ada.to('read', [places[0]!])
    await ada.to('archive', [places[1]!])
    const wakeMs = (await ada.state()).nowMs + SOON_MS
    await ada.snooze(wakeMs, places)
    assert.equal((await frames.exactly(6))[5]!.nextChangeAtMs, wakeMs)
    await ada.reaches(wakeMs)
    const { own, rev, nextChangeAtMs } = await ada.state()
    assert.deepEqual([own.total, own.unread, own.unseen, own.snoozed], [3, 3, 3, 0])
    assert.deepEqual([rev, nextChangeAtMs], [7, undefined])
    const woken = (await frames.exactly(7))[6]!
    assert.deepEqual([woken.kind, textsOf(woken.own).sort(), woken.removed], ['changed', ['1-1', '2-1', '3-1'], []])
  }),

  inboxStoreCase('what expires goes wholly, in any state', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    const expiresAtMs = (await ada.state()).nowMs + SOON_MS
    const places = []
    for (const title of ['a', 'b', 'c']) places.push(await ada.stored(title, { expiresAtMs }))
    await ada.stored('stays')
    assert.equal((await frames.exactly(4))[0]!.nextChangeAtMs, expiresAtMs)
    await ada.to('archive', [places[0]!])
    await ada.snooze(expiresAtMs + 60_000, [places[1]!])
    await ada.reaches(expiresAtMs)
    const { entries, state } = await ada.list('all')
    assert.deepEqual(textsOf(entries), ['4-1'])
    assert.deepEqual(
      [state.own.total, state.own.archived, state.own.snoozed, state.nextChangeAtMs],
      [1, 0, 0, undefined],
    )
    assert.deepEqual(await ada.to('read', places), ['unknown', 'unknown', 'unknown'])
    const expired = (await frames.exactly(7)).flatMap(({ removed }) => textsOf(removed))
    assert.deepEqual(expired.sort(), ['1-1', '2-1', '3-1'])
  }),

  inboxStoreCase('a broadcast that was snoozed wakes unread', async ({ user }) => {
    const ada = await user()
    await ada.change({ kind: 'join' })
    ada.at = broadcastsAt(3)
    const frames = await ada.frames()
    const place = { seq: 2, gen: 1 }
    await ada.to('archive', [], [place])
    const wakeMs = (await ada.state()).nowMs + SOON_MS
    await ada.snooze(wakeMs, [], [place])
    assert.equal((await frames.exactly(2))[1]!.nextChangeAtMs, wakeMs)
    await ada.reaches(wakeMs)
    const state = await ada.state()
    assert.deepEqual([state.broadcasts.snoozed.size, isUnread(state, place), state.rev], [0, true, 3])
    const woken = (await frames.exactly(3))[2]!
    assert.deepEqual([woken.kind, woken.broadcasts, woken.nextChangeAtMs], ['changed', [place], undefined])
  }),

  inboxStoreCase('all that is due at a call is one change, before what the call does', async ({ user }) => {
    const ada = await user()
    const dueMs = (await ada.state()).nowMs + SOON_MS
    const [sleeps, expires] = [await ada.stored('sleeps'), await ada.stored('expires', { expiresAtMs: dueMs })]
    ada.at = broadcastsAt(1)
    await ada.snooze(dueMs, [sleeps], [{ seq: 1, gen: 1 }])
    const frames = await ada.frames()
    // By another user's clock, so that this one's inbox is not touched.
    const clock = await user('clock')
    await clock.reaches(dueMs)
    await ada.stored('later')
    const [settled, sent] = await frames.exactly(2)
    assert.deepEqual(
      [settled!.kind, textsOf(settled!.own), textsOf(settled!.removed), settled!.broadcasts],
      ['changed', ['1-1'], ['2-1'], [{ seq: 1, gen: 1 }]],
    )
    assert.deepEqual([sent!.kind, sent!.rev], ['sent', settled!.rev + 1])
    assert.deepEqual(await ada.to('read', [expires]), ['unknown'])
    assert.deepEqual(await ada.titles('unread'), ['later', 'sleeps'])
  }),

  inboxStoreCase('every kind of call settles what is due', async ({ user, client }) => {
    const by = await client()
    const calls = ['send', 'list', 'sync', 'change', 'refused'] as const
    const users = await Promise.all(calls.map((call) => user(call, by)))
    const clock = await user('clock', by)
    const dueMs = (await clock.state()).nowMs + SOON_MS
    const before = []
    const watched = []
    for (const each of users) {
      await each.change({ kind: 'mute', muted: { types: ['error'], topics: [] } })
      await each.snooze(dueMs, [await each.stored()])
      before.push((await each.state()).rev)
      watched.push(await each.frames())
    }
    await clock.reaches(dueMs)
    for (const [index, call] of calls.entries()) {
      const each = users[index]!
      if (call === 'send') await each.send()
      if (call === 'list') assert.equal((await each.list()).state.own.unread, 1)
      if (call === 'sync') assert.equal((await each.sync(await each.state())).state.own.unread, 1)
      if (call === 'change') await each.to('read', [{ epoch: 'x', seq: 1, gen: 1 }])
      if (call === 'refused') assert.equal((await each.send('x', { type: 'error' })).kind, 'muted')
      const frames = await watched[index]!.exactly(call === 'send' ? 2 : 1)
      assert.deepEqual([frames[0]!.kind, frames[0]!.rev], ['changed', before[index]! + 1])
    }
  }),

  inboxStoreCase('the next change is the earliest of all, and moves with them', async ({ user }) => {
    const ada = await user()
    const { nowMs } = await ada.state()
    const next = async () => {
      const at = (await ada.state()).nextChangeAtMs
      return at === undefined ? undefined : at - nowMs
    }
    ada.at = broadcastsAt(1)
    const first = await ada.stored('a', { expiresAtMs: nowMs + 90_000 })
    assert.equal(await next(), 90_000)
    const second = await ada.stored('b')
    await ada.snooze(nowMs + 80_000, [second])
    assert.equal(await next(), 80_000)
    await ada.snooze(nowMs + 70_000, [], [{ seq: 1, gen: 1 }])
    assert.equal(await next(), 70_000)
    await ada.to('read', [], [{ seq: 1, gen: 1 }])
    assert.equal(await next(), 80_000)
    await ada.to('archive', [second, first])
    assert.equal(await next(), 90_000)
    await ada.to('delete', [first])
    assert.equal(await next(), undefined)
  }),
]
