import assert from 'node:assert/strict'
import { bodyOf, type InboxStoreCase, inboxStoreCase, textsOf, titleOf } from './inbox-store-case.ts'

/** What is stored, and what is published of it. */
export const sendingCases: readonly InboxStoreCase[] = [
  inboxStoreCase('a new inbox is empty, at generation 1 and rev 0', async ({ user }) => {
    const ada = await user()
    const { entries, more, state } = await ada.list('all')
    assert.deepEqual([entries, more], [[], false])
    assert.match(state.epoch, /^[0-9a-z]{1,32}$/)
    assert.deepEqual([state.gen, state.rev, state.head, state.nextChangeAtMs], [1, 0, 0, undefined])
    const none = { total: 0, unread: 0, unseen: 0, archived: 0, snoozed: 0, unreadByType: [0, 0, 0, 0] }
    assert.deepEqual(state.own, none)
    assert.deepEqual(state.muted, { types: [], topics: [] })
  }),

  inboxStoreCase('numbers notifications from 1, and keeps each as it was sent: unread, unseen', async ({ user }) => {
    const ada = await user()
    for (const [index, title] of ['a', 'b', 'ünï→😀'].entries()) {
      const outcome = await ada.send(title)
      assert.equal(outcome.kind, 'stored')
      assert.ok('place' in outcome)
      assert.deepEqual(outcome.place, { seq: index + 1, gen: 1 })
    }
    const { entries, state } = await ada.list()
    assert.deepEqual(textsOf(entries), ['3-1', '2-1', '1-1'])
    assert.deepEqual(entries[0], {
      seq: 3,
      gen: 1,
      body: bodyOf('ünï→😀'),
      count: 1,
      read: false,
      seen: false,
      archived: false,
      snoozedUntilMs: undefined,
      expiresAtMs: undefined,
      acted: undefined,
    })
    assert.deepEqual([state.rev, state.head], [3, 3])
  }),

  inboxStoreCase('counts unread ones by the type that they were sent with', async ({ user }) => {
    const ada = await user()
    const types = ['info', 'warning', 'error', 'success', 'error', 'success', 'success'] as const
    const places = []
    for (const type of types) places.push(await ada.stored(type, { type }))
    assert.deepEqual((await ada.state()).own.unreadByType, [1, 1, 2, 3])
    await ada.to('read', [places[2]!])
    await ada.to('archive', [places[3]!])
    await ada.change({ kind: 'edit', body: bodyOf('now info', 'info'), own: [places[4]!], broadcasts: [] })
    const { own } = await ada.state()
    assert.deepEqual(own.unreadByType, [1, 1, 1, 2])
    assert.deepEqual([own.total, own.unread, own.unseen, own.archived], [6, 5, 5, 1])
  }),

  inboxStoreCase('publishes the article’s JSON with id, user and body on the given channel', async ({ user }) => {
    const ada = await user('a"b\\c ü')
    const messages = await ada.messages()
    const { epoch } = await ada.stored('first')
    await ada.stored('second')
    await messages.has(2)
    const head = (seq: number) => `{"id":"n${seq}-1@${epoch}","user_id":${JSON.stringify(ada.id)},"read":false,`
    assert.deepEqual(messages.texts, [head(1) + bodyOf('first').slice(1), head(2) + bodyOf('second').slice(1)])
  }),

  inboxStoreCase('keeps what it publishes: who sees a message live finds it in the list at once', async ({ user }) => {
    const [ada, other] = [await user(), await user()]
    const messages = await ada.messages()
    for (let count = 1; count <= 20; count += 1) {
      const sent = other.send(`m${count}`)
      await messages.has(count)
      assert.deepEqual((await ada.titles())[0], `m${count}`)
      await sent
    }
  }),

  inboxStoreCase('says how many got it live on the user’s channel', async ({ user }) => {
    const [ada, other] = [await user(), await user()]
    await ada.frames()
    const outcome = await ada.send()
    assert.ok('receivers' in outcome)
    assert.equal(outcome.receivers, 0)
    await ada.messages()
    await other.messages()
    const heard = await ada.send()
    assert.ok('receivers' in heard)
    assert.equal(heard.receivers, 2)
  }),

  inboxStoreCase('keeps the newest so many, whatever their state, and removes the rest wholly', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    const places = []
    for (const title of ['a', 'b', 'c', 'd']) places.push(await ada.stored(title, { maxCount: 4 }))
    await ada.to('archive', [places[0]!])
    await ada.snooze((await ada.state()).nowMs + 60_000, [places[1]!])
    assert.equal((await ada.state()).own.snoozed, 1)
    await ada.stored('e', { maxCount: 4 })
    await ada.stored('f', { maxCount: 4 })
    assert.deepEqual(await ada.titles('all'), ['f', 'e', 'd', 'c'])
    const { own, nextChangeAtMs } = await ada.state()
    assert.deepEqual([own.total, own.unread, own.archived, own.snoozed, nextChangeAtMs], [4, 4, 0, 0, undefined])
    assert.deepEqual(await ada.to('read', places.slice(0, 3)), ['unknown', 'unknown', 'changed'])
    await ada.stored('g', { maxCount: 2 })
    assert.deepEqual(await ada.titles('all'), ['g', 'f'])
    const removed = (await frames.exactly(10)).map((frame) => textsOf(frame.removed).sort())
    const none: string[] = []
    assert.deepEqual(removed.slice(0, 6), [none, none, none, none, none, none])
    assert.deepEqual(removed.slice(6), [['1-1'], ['2-1'], none, ['3-1', '4-1', '5-1']])
  }),

  inboxStoreCase('a repeat within the dedupe window gets the first place and publishes nothing', async ({ user }) => {
    const [ada, other] = [await user(), await user()]
    const [frames, messages] = [await ada.frames(), await ada.messages()]
    const dedupe = { key: 'order 7', windowMs: 60_000 }
    const first = await ada.stored('first', { dedupe })
    for (const by of [ada, other]) {
      const { epoch, seq, gen } = first
      const expected = { kind: 'duplicate', epoch, place: { seq, gen }, receivers: 0 }
      assert.deepEqual(await by.send('again', { dedupe }), expected)
    }
    await ada.to('delete', [first])
    assert.equal((await ada.send('gone since', { dedupe })).kind, 'duplicate')
    assert.equal((await ada.send('another key', { dedupe: { ...dedupe, key: 'order 8' } })).kind, 'stored')
    assert.deepEqual(await ada.titles(), ['another key'])
    await messages.has(2)
    assert.deepEqual(
      messages.texts.map((text) => titleOf({ body: text })),
      ['first', 'another key'],
    )
    assert.deepEqual(
      (await frames.exactly(3)).map(({ kind }) => kind),
      ['sent', 'removed', 'sent'],
    )
  }),

  inboxStoreCase('a dedupe key is forgotten after its window, and is one user’s own', async ({ user, client }) => {
    const by = await client()
    const [ada, bob] = [await user('ada', by), await user('bob', by)]
    const dedupe = { key: 'k', windowMs: 60 }
    assert.equal((await ada.send('first', { dedupe })).kind, 'stored')
    assert.equal((await bob.send('first', { dedupe })).kind, 'stored')
    await ada.reaches((await ada.state()).nowMs + 61)
    assert.equal((await ada.send('later', { dedupe })).kind, 'stored')
    assert.deepEqual(await ada.titles(), ['later', 'first'])
  }),
]
