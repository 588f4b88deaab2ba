import assert from 'node:assert/strict'
import { bodyOf, broadcastsAt, type InboxStoreCase, inboxStoreCase, textsOf, titleOf } from './inbox-store-case.ts'

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
const place = (seq: number, gen = 1) => ({ seq, gen })

/** What has changed since a version. */
export const syncCases: readonly InboxStoreCase[] = [
  inboxStoreCase('nothing has changed since now', async ({ user }) => {
    const ada = await user()
    await ada.stored()
    const state = await ada.state()
    const delta = await ada.sync(state)
    assert.deepEqual([delta.reset, delta.changed, delta.removed, delta.broadcasts], [false, [], [], []])
    const { nowMs: _, ...rest } = delta.state
    const { nowMs: __, ...expected } = state
    assert.deepEqual(rest, expected)
  }),

  inboxStoreCase('a delta has what changed, each once and as it is now, newest first', async ({ user }) => {
    const ada = await user()
    const places = []
    for (const title of ['a', 'b', 'c', 'd']) places.push(await ada.stored(title))
    const since = await ada.state()
    await ada.to('read', [places[1]!])
    await ada.to('archive', [places[1]!])
    await ada.snooze(9e12, [places[0]!])
    await ada.change({ kind: 'edit', body: bodyOf('edited'), own: [places[2]!], broadcasts: [] })
    await ada.change({ kind: 'act', action: 'go', own: [places[2]!], broadcasts: [] })
    await ada.stored('new')
    const { reset, changed, removed, broadcasts, state } = await ada.sync(since)
    assert.deepEqual([reset, removed, broadcasts, state.rev], [false, [], [], since.rev + 6])
    assert.deepEqual(changed.map(titleOf), ['new', 'edited', 'b', 'a'])
    const all = (await ada.list('all')).entries
    assert.deepEqual(
      changed,
      all.filter(({ seq }) => seq !== 4),
    )
  }),

  inboxStoreCase('what is no more is in removed alone, whatever became of it before', async ({ user }) => {
    const ada = await user()
    const [old, kept] = [await ada.stored('old'), await ada.stored('kept')]
    const since = await ada.state()
    await ada.to('read', [old, kept])
    await ada.to('delete', [old])
    const born = await ada.stored('born since')
    await ada.to('recall', [born])
    await ada.stored('one', { groupKey: 'g' })
    await ada.stored('two', { groupKey: 'g' })
    const { changed, removed } = await ada.sync(since)
    assert.deepEqual(changed.map(titleOf), ['two', 'kept'])
    assert.deepEqual(textsOf(removed).sort(), ['1-1', '3-1', '4-1'])
  }),

  inboxStoreCase('what retention and expiry took is in removed', async ({ user }) => {
    const ada = await user()
    const expiresAtMs = (await ada.state()).nowMs + 300
    await ada.stored('a', { maxCount: 3 })
    await ada.stored('b', { maxCount: 3, expiresAtMs })
    await ada.stored('c', { maxCount: 3 })
    const since = await ada.state()
    await ada.stored('d', { maxCount: 3 })
    await ada.reaches(expiresAtMs)
    const { changed, removed } = await ada.sync(since)
    assert.deepEqual([changed.map(titleOf), textsOf(removed).sort()], [['d'], ['1-1', '2-1']])
  }),

  inboxStoreCase('read-all is in the delta by what it read', async ({ user }) => {
    const ada = await user()
    const places = []
    for (let count = 1; count <= 60; count += 1) places.push(await ada.stored(`m${count}`))
    await ada.to('read', places.slice(0, 10))
    const since = await ada.state()
    await ada.all('read-all', { own: places[49]! })
    const { reset, changed, state } = await ada.sync(since)
    assert.deepEqual(
      changed.map(({ seq, read }) => [seq, read]),
      Array.from({ length: 40 }, (_, index) => [50 - index, true]),
    )
    assert.deepEqual([reset, state.own.unread], [false, 10])
  }),

  inboxStoreCase('what was seen is in the delta, once, and nothing else', async ({ user }) => {
    const ada = await user()
    const places = []
    for (let count = 1; count <= 6; count += 1) places.push(await ada.stored(`m${count}`))
    await ada.all('see-all', { own: places[1]! })
    const since = await ada.state()
    await ada.all('see-all', { own: places[2]! })
    const between = await ada.state()
    await ada.to('read', [places[3]!])
    await ada.all('see-all', { own: places[3]! })
    await ada.to('delete', [places[2]!])
    const delta = await ada.sync(since)
    assert.deepEqual(
      [delta.reset, textsOf(delta.changed), textsOf(delta.removed), delta.broadcasts],
      [false, ['4-1'], ['3-1'], []],
    )
    assert.deepEqual(
      delta.changed,
      (await ada.list('all')).entries.filter(({ seq }) => seq === 4),
    )
    await ada.all('see-all', { own: places[5]! })
    assert.deepEqual(textsOf((await ada.sync(between)).changed), ['6-1', '5-1', '4-1'])
    assert.deepEqual((await ada.sync(await ada.state())).changed, [])
  }),

  inboxStoreCase('more can be seen at once than is remembered of what changed', async ({ user }) => {
    const ada = await user()
    let last = await ada.stored('first', { maxCount: 1_000 })
    for (let count = 2; count <= 200; count += 1) last = await ada.stored(`m${count}`, { maxCount: 1_000 })
    const since = await ada.state()
    await ada.all('see-all', { own: last })
    const { reset, changed } = await ada.sync(since)
    assert.deepEqual([reset, changed], [false, (await ada.list('all')).entries])
  }),

  inboxStoreCase(
    'broadcasts are in the delta by their places, or as all where the watermark moved',
    async ({ user }) => {
      const ada = await user()
      await ada.change({ kind: 'join' })
      ada.at = broadcastsAt(5)
      const before = await ada.state()
      await ada.to('read', [], [place(2)])
      const since = await ada.state()
      await ada.to('archive', [], [place(2), place(3)])
      await ada.to('delete', [], [place(4)])
      const delta = await ada.sync(since)
      assert.ok(delta.broadcasts !== 'all')
      assert.deepEqual([[...delta.broadcasts].sort(), delta.changed, delta.removed], [['2-1', '3-1', '4-1'], [], []])
      await ada.all('read-all', { broadcasts: place(5) })
      const moved = await ada.state()
      assert.equal((await ada.sync(since)).broadcasts, 'all')
      assert.equal((await ada.sync(before)).broadcasts, 'all')
      await ada.to('unread', [], [place(5)])
      assert.deepEqual((await ada.sync(moved)).broadcasts, ['5-1'])
    },
  ),

  inboxStoreCase(
    'another epoch, an unknown generation, and a rev that is not reached yet are a reset',
    async ({ user }) => {
      const ada = await user()
      await ada.stored('a')
      await ada.stored('b')
      const state = await ada.state()
      const strangers = [
        { ...state, epoch: 'another' },
        { ...state, gen: 2, rev: 1 },
        { ...state, gen: 0, rev: 1 },
        { ...state, rev: 3 },
      ]
      for (const since of strangers) {
        const delta = await ada.sync(since)
        assert.deepEqual([delta.reset, delta.changed, delta.removed, delta.broadcasts], [true, [], [], []])
        assert.deepEqual([delta.state.epoch, delta.state.rev, delta.state.own.unread], [state.epoch, 2, 2])
      }
      assert.equal((await ada.sync({ ...state, rev: 0 })).reset, false)
    },
  ),

  inboxStoreCase('of the last hundred that changed a delta is always to be had', async ({ user }) => {
    const ada = await user()
    for (let count = 1; count <= 150; count += 1) await ada.stored(`m${count}`, { maxCount: 1_000 })
    const since = await ada.state()
    const { entries } = await ada.list('all')
    const hundred = entries.slice(0, 100).map(({ seq, gen }) => ({ epoch: since.epoch, seq, gen }))
    for (const one of hundred) await ada.to('read', [one])
    // Changed again it counts once.
    for (const one of hundred.slice(0, 50)) await ada.to('unread', [one])
    const { reset, changed } = await ada.sync(since)
    assert.deepEqual([reset, changed.length], [false, 100])
    assert.deepEqual(changed, (await ada.list('all', 100)).entries)
  }),

  inboxStoreCase('what changes again is known as long as what has just come', async ({ user }) => {
    const ada = await user()
    const places = []
    for (let count = 1; count <= 120; count += 1) places.push(await ada.stored(`m${count}`, { maxCount: 1_000 }))
    const since = await ada.state()
    for (const place of places.slice(0, 50)) await ada.to('read', [place])
    for (let count = 1; count <= 50; count += 1) await ada.stored(`new ${count}`, { maxCount: 1_000 })
    const { reset, changed } = await ada.sync(since)
    assert.equal(reset, false)
    assert.deepEqual(
      changed.map(({ seq }) => seq),
      [...range(121, 170), ...range(1, 50)].sort((one, other) => other - one),
    )
  }),

  inboxStoreCase('from further back it is a reset or complete, never a part', async ({ user }) => {
    const ada = await user()
    const states = [await ada.state()]
    const many = 400
    for (let count = 1; count <= many; count += 1) {
      await ada.stored(`m${count}`, { maxCount: 1_000 })
      if (count % 50 === 0) states.push(await ada.state())
    }
    for (const since of states) {
      const { reset, changed } = await ada.sync(since)
      assert.equal(changed.length, reset ? 0 : many - since.rev)
      if (since.rev >= many - 100) assert.equal(reset, false)
    }
    // All of them in one change.
    const before = await ada.state()
    await ada.all('read-all', { own: { epoch: before.epoch, seq: many, gen: 1 } })
    const { reset, changed } = await ada.sync(before)
    assert.equal(changed.length, reset ? 0 : many)
    assert.deepEqual((await ada.sync(await ada.state())).reset, false)
  }),
]
