import assert from 'node:assert/strict'
import type { CommandOutcome } from '../core/inbox-store.ts'
import { broadcastsAt, type InboxStoreCase, inboxStoreCase, titleOf } from './inbox-store-case.ts'

/** Ids that could be taken for parts of a name, for a pattern, or for another id. */
const ODD_IDS = [
  'a:b',
  'a%3Ab',
  'a%3ab',
  'a',
  'b',
  'a*',
  'a?',
  'a[b]',
  'a:',
  ':b',
  'ä',
  'a\u0308',
  'Ä',
  'A',
  ' a',
  'a ',
  'a/b',
  '__proto__',
  'constructor',
  'live',
  'm',
  's',
  'a:m',
  'a:live',
  'a b',
  '%',
  '%25',
  '日本',
  '😀',
  '0',
  '-1',
  'null',
]

/** Several clients, and several users, at once. */
export const sharingCases: readonly InboxStoreCase[] = [
  inboxStoreCase('rev rises by one with each change, and each has a frame; the rest has none', async ({ user }) => {
    const [ada, other] = [await user(), await user()]
    const frames = await ada.frames()
    const one = await ada.stored('one')
    const two = await other.stored('two')
    const none = { own: [], broadcasts: [] }
    const dedupe = { key: 'k', windowMs: 60_000 }
    await ada.to('read', [one])
    await other.to('read', [one])
    await ada.change({ kind: 'read', ...none })
    await ada.list()
    await ada.sync(await other.state())
    await ada.to('archive', [{ ...one, seq: 99 }])
    await other.send('three', { dedupe })
    await ada.send('three', { dedupe })
    await ada.change({ kind: 'unfollow', topic: 'nothing' })
    await ada.change({ kind: 'mute', muted: { types: [], topics: [] } })
    await ada.all('read-all', { own: one })
    ada.at = broadcastsAt(3)
    await ada.change({ kind: 'join' })
    await ada.to('recall', [], [{ seq: 1, gen: 1 }])
    await other.to('delete', [two])
    await ada.to('delete', [two])
    const { epoch, rev } = await ada.state()
    assert.equal(rev, 5)
    assert.deepEqual(
      (await frames.exactly(5)).map((frame) => [frame.epoch, frame.gen, frame.rev, frame.kind]),
      (['sent', 'sent', 'changed', 'sent', 'removed'] as const).map((kind, index) => [epoch, 1, index + 1, kind]),
    )
  }),

  inboxStoreCase('an answer stays as it was', async ({ user }) => {
    const ada = await user()
    const place = await ada.stored('a')
    ada.at = broadcastsAt(3)
    const { entries, state } = await ada.list()
    const before = structuredClone({ entries, state })
    await ada.to('archive', [place], [{ seq: 1, gen: 1 }])
    await ada.change({ kind: 'mute', muted: { types: ['info'], topics: ['news'] } })
    assert.deepEqual({ entries, state }, before)
  }),

  inboxStoreCase('calls of one client take effect in their order, without being waited for', async ({ user }) => {
    const ada = await user()
    const sent = Array.from({ length: 50 }, (_, index) => ada.send(`m${index}`))
    const [listed] = [ada.titles()]
    const outcomes = await Promise.all(sent)
    assert.deepEqual(
      outcomes.map((outcome) => 'place' in outcome && outcome.place.seq),
      Array.from({ length: 50 }, (_, index) => index + 1),
    )
    assert.equal((await listed).length, 50)
  }),

  inboxStoreCase(
    '500 sends racing 200 reads from 8 clients: nothing is lost, doubled or overwritten',
    async ({ user }) => {
      const users = await Promise.all(Array.from({ length: 8 }, () => user()))
      const watcher = await user()
      const frames = await watcher.frames()
      const sent = new Map<number, string>()
      const read = new Map<number, CommandOutcome[]>()
      let sends = 500
      let reads = 200
      const work = users.map(async (each, who) => {
        for (;;) {
          if (sends > 0) {
            sends -= 1
            const title = `${who}:${sends}`
            const { seq } = await each.stored(title, { maxCount: 1_000 })
            assert.equal(sent.get(seq), undefined)
            sent.set(seq, title)
          }
          if (reads > 0 && sent.size > 0) {
            reads -= 1
            // Two clients often read the same one.
            const seq = Math.max(...sent.keys()) - (reads % 3)
            if (!sent.has(seq)) continue
            const { epoch } = await each.state()
            const [outcome] = await each.to('read', [{ epoch, seq, gen: 1 }])
            read.set(seq, [...(read.get(seq) ?? []), outcome!])
          }
          if (sends === 0 && reads === 0) return
        }
      })
      await Promise.all(work)
      assert.equal(sent.size, 500)
      const { entries, state } = await watcher.list('all')
      assert.deepEqual(
        entries.map((entry) => [entry.seq, titleOf(entry)]),
        Array.from({ length: 500 }, (_, index) => [500 - index, sent.get(500 - index)]),
      )
      for (const [seq, outcomes] of read) {
        assert.equal(outcomes.filter((outcome) => outcome === 'changed').length, 1, `${seq}: ${outcomes}`)
        assert.ok(!outcomes.includes('unknown'))
      }
      const readSeqs = entries.filter((entry) => entry.read).map(({ seq }) => seq)
      assert.deepEqual(
        readSeqs.sort((one, two) => one - two),
        [...read.keys()].sort((one, two) => one - two),
      )
      assert.deepEqual([state.own.total, state.own.unread], [500, 500 - read.size])
      assert.equal((await watcher.list('unread')).entries.length, 500 - read.size)
      assert.equal(state.rev, 500 + read.size)
      const seen = await frames.exactly(state.rev)
      assert.deepEqual(
        seen.map(({ rev }) => rev),
        seen.map((_, index) => index + 1),
      )
      const told = (kind: string) =>
        seen.filter((frame) => frame.kind === kind).flatMap(({ own }) => own.map(({ seq }) => seq))
      assert.deepEqual(
        told('sent'),
        Array.from({ length: 500 }, (_, index) => index + 1),
      )
      assert.deepEqual(
        told('changed').sort((one, two) => one - two),
        [...read.keys()].sort((one, two) => one - two),
      )
    },
  ),

  inboxStoreCase('no user’s inbox is another’s, whatever their ids', async ({ user, client }) => {
    const by = await client()
    const users = await Promise.all(ODD_IDS.map((id) => user(id, by)))
    const watched = await Promise.all(users.map((each) => each.frames()))
    assert.equal(new Set(users.map(({ live }) => live)).size, users.length)
    for (const [index, each] of users.entries()) {
      for (let count = 0; count <= index % 3; count += 1) await each.stored(`for ${each.id}`)
      await each.change({ kind: 'follow', topic: each.id })
    }
    const first = users[0]!
    await first.to('read', [{ epoch: (await first.state()).epoch, seq: 1, gen: 1 }])
    await first.store.erase(first.id)
    const epochs = new Set<string>()
    for (const [index, each] of users.entries()) {
      if (index === 0) {
        assert.deepEqual(await each.titles('all'), [])
        continue
      }
      const { entries, state } = await each.list('all')
      epochs.add(state.epoch)
      assert.deepEqual(entries.map(titleOf), Array(1 + (index % 3)).fill(`for ${each.id}`), each.id)
      assert.equal(state.own.unread, 1 + (index % 3))
      assert.deepEqual(await each.store.topics(each.id), [each.id])
      await watched[index]!.exactly(2 + (index % 3))
    }
    assert.equal(epochs.size, users.length - 1)
  }),

  inboxStoreCase('a place of another user’s inbox is unknown', async ({ user, client }) => {
    const by = await client()
    const [ada, bob] = [await user('ada', by), await user('bob', by)]
    const [hers, his] = [await ada.stored('hers'), await bob.stored('his')]
    assert.deepEqual(await bob.to('delete', [hers]), ['unknown'])
    assert.equal(await bob.all('read-all', { own: hers }), 'already')
    assert.deepEqual(await bob.to('read', [his]), ['changed'])
    assert.deepEqual([await ada.titles('unread'), await bob.titles('unread')], [['hers'], []])
  }),
]
