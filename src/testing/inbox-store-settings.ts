import assert from 'node:assert/strict'
import type { Muted } from '../core/inbox.ts'
import { broadcastsAt, type InboxStoreCase, inboxStoreCase } from './inbox-store-case.ts'

const ODD_TOPICS = ['', 'a:b', '*', '{x}', 'line\nbreak', 'nul\0byte', '__proto__', 'ä', 't:info', 'o:a']

/** What users want and do not want, who follows what, and the end of an inbox. */
export const settingCases: readonly InboxStoreCase[] = [
  inboxStoreCase('what is muted, by type or topic, is neither stored nor published', async ({ user }) => {
    const ada = await user()
    const [frames, messages] = [await ada.frames(), await ada.messages()]
    const mute = async (muted: Muted) => (await ada.change({ kind: 'mute', muted })).outcomes
    assert.deepEqual(await mute({ types: ['warning', 'error'], topics: ['sport', 'news'] }), ['changed'])
    assert.deepEqual(await mute({ types: ['error', 'warning'], topics: ['news', 'sport'] }), ['already'])
    const { muted } = await ada.state()
    assert.deepEqual(
      [[...muted.types].sort(), [...muted.topics].sort()],
      [
        ['error', 'warning'],
        ['news', 'sport'],
      ],
    )
    const dedupe = { key: 'k', windowMs: 60_000 }
    assert.deepEqual(await ada.send('x', { type: 'error', dedupe }), { kind: 'muted' })
    assert.deepEqual(await ada.send('x', { topic: 'news', dedupe }), { kind: 'muted' })
    assert.equal((await ada.send('x', { type: 'success', topic: 'art', dedupe })).kind, 'stored')
    assert.deepEqual(await mute({ types: ['success'], topics: [] }), ['changed'])
    assert.equal((await ada.send('x', { type: 'error', topic: 'news' })).kind, 'stored')
    assert.deepEqual(await ada.send('x', { type: 'success' }), { kind: 'muted' })
    assert.deepEqual(await mute({ types: [], topics: [] }), ['changed'])
    assert.equal((await ada.send('x', { type: 'success' })).kind, 'stored')
    await messages.has(3)
    assert.equal(messages.messages.length, 3)
    assert.deepEqual(
      (await frames.exactly(6)).map(({ kind, rev }) => [kind, rev]),
      [
        ['settings', 1],
        ['sent', 2],
        ['settings', 3],
        ['sent', 4],
        ['settings', 5],
        ['sent', 6],
      ],
    )
  }),

  inboxStoreCase('what is muted concerns all broadcasts, what is followed none', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    const before = await ada.state()
    await ada.change({ kind: 'follow', topic: 'news' })
    assert.deepEqual((await ada.sync(before)).broadcasts, [])
    await ada.change({ kind: 'mute', muted: { types: [], topics: ['news'] } })
    const delta = await ada.sync(before)
    assert.deepEqual([delta.reset, delta.broadcasts, delta.state.muted.topics], [false, 'all', ['news']])
    assert.deepEqual(
      (await frames.exactly(2)).map(({ kind, broadcasts }) => [kind, broadcasts]),
      [
        ['settings', []],
        ['settings', 'all'],
      ],
    )
  }),

  inboxStoreCase('what is for followers only reaches who follows the topic', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    const topic = 'repo/1'
    const send = async () => (await ada.send('x', { topic, followersOnly: true })).kind
    const set = async (kind: 'follow' | 'unfollow') => (await ada.change({ kind, topic })).outcomes
    assert.equal(await send(), 'not-following')
    assert.equal((await ada.send('x', { topic })).kind, 'stored')
    assert.equal((await ada.send('x', { followersOnly: true })).kind, 'not-following')
    assert.deepEqual(await set('unfollow'), ['already'])
    assert.deepEqual(await set('follow'), ['changed'])
    assert.deepEqual(await set('follow'), ['already'])
    assert.deepEqual(await ada.store.topics(ada.id), [topic])
    assert.equal(await send(), 'stored')
    await ada.change({ kind: 'mute', muted: { types: [], topics: [topic] } })
    assert.equal(await send(), 'muted')
    await ada.change({ kind: 'mute', muted: { types: [], topics: [] } })
    assert.deepEqual(await set('unfollow'), ['changed'])
    assert.equal(await send(), 'not-following')
    assert.deepEqual(await ada.store.topics(ada.id), [])
    assert.deepEqual(
      (await frames.exactly(6)).map(({ kind }) => kind),
      ['sent', 'settings', 'sent', 'settings', 'settings', 'settings'],
    )
  }),

  inboxStoreCase('a topic may have any name', async ({ user }) => {
    const ada = await user()
    for (const topic of ODD_TOPICS) {
      assert.equal((await ada.send('x', { topic, followersOnly: true })).kind, 'not-following', topic)
      assert.deepEqual((await ada.change({ kind: 'follow', topic })).outcomes, ['changed'], topic)
      assert.equal((await ada.send('x', { topic, followersOnly: true })).kind, 'stored', topic)
    }
    assert.deepEqual([...(await ada.store.topics(ada.id))].sort(), [...ODD_TOPICS].sort())
    for (const topic of ODD_TOPICS) {
      await ada.change({ kind: 'mute', muted: { types: [], topics: [topic] } })
      assert.deepEqual((await ada.state()).muted, { types: [], topics: [topic] })
      for (const each of ODD_TOPICS) {
        assert.equal((await ada.send('x', { topic: each })).kind, each === topic ? 'muted' : 'stored', each)
      }
    }
  }),

  inboxStoreCase('a topic’s index names each of its followers, page by page', async ({ client }) => {
    const [{ inboxStore }, other] = [await client(), await client()]
    const users = Array.from({ length: 2_500 }, (_, index) => `user-${index}`)
    users.push('a:b', 'a*', 'ä', '__proto__', '日本', '[', '-', '+')
    await Promise.all(users.map((userId) => inboxStore.addFollower('news', userId)))
    await inboxStore.addFollower('news', users[0]!)
    await inboxStore.addFollower('sport', 'somebody')
    const all = async (topic: string) => {
      const found: string[] = []
      let cursor: string | undefined
      do {
        const page = await other.inboxStore.followers(topic, cursor)
        found.push(...page.userIds)
        cursor = page.next
      } while (cursor !== undefined)
      return [...new Set(found)].sort()
    }
    assert.deepEqual(await all('news'), [...users].sort())
    assert.deepEqual(await all('sport'), ['somebody'])
    assert.deepEqual(await all('nothing'), [])
    await Promise.all(users.slice(3).map((userId) => inboxStore.removeFollower('news', userId)))
    await inboxStore.removeFollower('news', 'nobody')
    assert.deepEqual(await all('news'), users.slice(0, 3).sort())
  }),

  inboxStoreCase('what is declared first of the limits holds until it is replaced', async ({ client }) => {
    const [{ inboxStore: one }, { inboxStore: two }] = [await client(), await client()]
    assert.deepEqual(await one.limits({}), {})
    assert.deepEqual(await one.limits({ maxCount: 7 }), { maxCount: 7 })
    assert.deepEqual(await two.limits({ maxCount: 8, maxBroadcasts: 9 }), { maxCount: 7, maxBroadcasts: 9 })
    assert.deepEqual(await one.limits({ maxBroadcasts: 10 }, true), { maxCount: 7, maxBroadcasts: 10 })
    assert.deepEqual(await two.limits({}, true), { maxCount: 7, maxBroadcasts: 10 })
    const declared = await Promise.all([1, 2, 3, 4].map((n) => (n % 2 ? one : two).limits({ maxCount: n }, true)))
    const { maxCount } = await one.limits({})
    assert.ok([1, 2, 3, 4].includes(maxCount!), JSON.stringify(declared))
    assert.deepEqual(await two.limits({}), { maxCount, maxBroadcasts: 10 })
  }),

  inboxStoreCase('erasing removes all of a user, tells live, and lets the user begin anew', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    assert.equal(await ada.store.erase(ada.id), false)
    const place = await ada.stored('a', { groupKey: 'g' })
    ada.at = broadcastsAt(3)
    await ada.to('archive', [], [{ seq: 2, gen: 1 }])
    await ada.change({ kind: 'follow', topic: 'news' })
    await ada.change({ kind: 'mute', muted: { types: ['error'], topics: [] } })
    const before = await ada.state()
    assert.equal(await ada.store.erase(ada.id), true)
    assert.equal(await ada.store.erase(ada.id), false)
    assert.deepEqual(await ada.store.topics(ada.id), [])
    const erased = (await frames.exactly(5))[4]!
    const { epoch, gen, rev, kind, nextChangeAtMs, own, removed } = erased
    assert.deepEqual([epoch, gen, rev, kind], [before.epoch, 1, before.rev + 1, 'erased'])
    assert.deepEqual([nextChangeAtMs, own, removed], [undefined, [], []])
    const after = await ada.state()
    assert.notEqual(after.epoch, before.epoch)
    assert.deepEqual([after.gen, after.rev, after.head, after.own.total], [1, 0, 0, 0])
    assert.deepEqual([after.muted, after.broadcasts.archived.size], [{ types: [], topics: [] }, 0])
    assert.deepEqual(after.broadcasts.joined, { seq: 3, gen: 1 })
    assert.deepEqual(await ada.to('read', [place]), ['unknown'])
    assert.equal((await ada.sync(before)).reset, true)
    const again = await ada.stored('b', { groupKey: 'g' })
    assert.deepEqual([again.seq, (await ada.list()).entries[0]!.count], [1, 1])
  }),

  inboxStoreCase('who follows an inbox that is erased makes nothing anew, and is told when it is', async ({ user }) => {
    const ada = await user()
    ada.at = broadcastsAt(3)
    await ada.stored('a')
    const before = await ada.state()
    await ada.store.erase(ada.id)
    const frames = await ada.frames()
    const gone = await ada.sync(before)
    const { epoch, gen, rev, own, broadcasts } = gone.state
    assert.deepEqual([gone.reset, epoch, gen, rev, own.total], [true, '', 0, 0, 0])
    assert.deepEqual(broadcasts.joined, { seq: Number.MAX_SAFE_INTEGER, gen: Number.MAX_SAFE_INTEGER })
    const { reset, changed, state } = await ada.sync(gone.state)
    assert.deepEqual([reset, changed, { ...state, nowMs: 0 }], [false, [], { ...gone.state, nowMs: 0 }])
    const { outcomes } = await ada.change({ kind: 'settle' })
    const peek = { view: 'all', limit: 10, joins: false } as const
    const { entries, more } = await ada.store.list(ada.id, peek, ada.at)
    assert.deepEqual([outcomes, entries, more], [['already'], [], false])
    assert.equal(await ada.store.erase(ada.id), false)
    await ada.stored('b')
    assert.equal((await ada.store.list(ada.id, peek, ada.at)).entries.length, 1)
    assert.equal((await ada.sync(gone.state)).reset, true)
    assert.equal((await frames.exactly(1))[0]?.rev, 1)
  }),

  inboxStoreCase('erasing leaves dedupe marks until they expire', async ({ user }) => {
    const ada = await user()
    const dedupe = { key: 'k', windowMs: 60_000 }
    const { seq, gen } = await ada.stored('a', { dedupe })
    await ada.store.erase(ada.id)
    const again = await ada.send('again', { dedupe })
    assert.ok(again.kind === 'duplicate')
    assert.deepEqual([again.place, again.receivers], [{ seq, gen }, 0])
    assert.deepEqual(await ada.titles('all'), [])
  }),
]
