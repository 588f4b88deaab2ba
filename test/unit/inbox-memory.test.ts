import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { MemoryInboxStore } from '../../src/backends/memory/inbox-store.ts'

const names = { namespace: 'tidings', partitions: 128 }
const nowhere = { epoch: '', seq: 0, gen: 0, firstSeq: 1 }
const message = { body: '{"title":"x"}', type: 'info', maxCount: 100 } as const
const all = { view: 'all', limit: 10 } as const

test('stores of one hub share their inboxes, by namespace; other hubs have their own', async () => {
  const hub = randomUUID()
  const stores = [
    new MemoryInboxStore(hub, names),
    new MemoryInboxStore(hub, names),
    new MemoryInboxStore(hub, { ...names, namespace: 'other' }),
    new MemoryInboxStore(randomUUID(), names),
  ]
  await stores[0]!.send('ada', 'to:ada', message, nowhere)
  const counts = stores.map(async (store) => (await store.list('ada', all, nowhere)).entries.length)
  expect(await Promise.all(counts)).toEqual([1, 1, 0, 0])
  await Promise.all(stores.map((store) => store.close()))
})

test('a closed store refuses every call, and what was kept is gone with the last client of its hub', async () => {
  const hub = randomUUID()
  const store = new MemoryInboxStore(hub, names)
  await store.send('ada', 'to:ada', message, nowhere)
  await store.close()
  await store.close()
  const closed = { code: 'CLOSED' }
  await expect(store.send('ada', 'to:ada', message, nowhere)).rejects.toMatchObject(closed)
  await expect(store.change('ada', { kind: 'join' }, nowhere)).rejects.toMatchObject(closed)
  await expect(store.list('ada', all, nowhere)).rejects.toMatchObject(closed)
  await expect(store.sync('ada', { epoch: 'x', gen: 1, rev: 0 }, nowhere)).rejects.toMatchObject(closed)
  await expect(store.erase('ada')).rejects.toMatchObject(closed)
  await expect(store.topics('ada')).rejects.toMatchObject(closed)
  await expect(store.addFollower('news', 'ada')).rejects.toMatchObject(closed)
  await expect(store.removeFollower('news', 'ada')).rejects.toMatchObject(closed)
  await expect(store.followers('news')).rejects.toMatchObject(closed)
  const next = new MemoryInboxStore(hub, names)
  expect((await next.list('ada', all, nowhere)).entries).toEqual([])
  await next.close()
})

test('times are those of the clock that it is given: what is due at a moment has come at that moment', async () => {
  let nowMs = 1_000
  const store = new MemoryInboxStore(randomUUID(), { ...names, now: () => nowMs })
  const dedupe = { key: 'k', windowMs: 100 }
  const sent = await store.send('ada', 'to:ada', { ...message, expiresAtMs: 1_500, dedupe }, nowhere)
  if (sent.kind !== 'stored') throw new Error(sent.kind)
  const own = [{ epoch: sent.epoch, ...sent.place }]
  await store.change('ada', { kind: 'snooze', untilMs: 1_200, own, broadcasts: [] }, nowhere)
  const counts = async (timeMs: number) => {
    nowMs = timeMs
    const { own: counted, nextChangeAtMs } = (await store.list('ada', all, nowhere)).state
    return [counted.unread, counted.snoozed, nextChangeAtMs]
  }
  expect(await counts(1_199)).toEqual([0, 1, 1_200])
  expect(await counts(1_200)).toEqual([1, 0, 1_500])
  expect(await counts(1_499)).toEqual([1, 0, 1_500])
  expect(await counts(1_500)).toEqual([0, 0, undefined])
  nowMs = 1_099
  expect((await store.send('ada', 'to:ada', { ...message, dedupe }, nowhere)).kind).toBe('duplicate')
  nowMs = 1_100
  expect((await store.send('ada', 'to:ada', { ...message, dedupe }, nowhere)).kind).toBe('stored')
  await store.close()
})

test('a clock that is set back begins a new window of the rate limit', async () => {
  let nowMs = 100_000
  const store = new MemoryInboxStore(randomUUID(), { ...names, now: () => nowMs })
  const rate = { max: 1, windowMs: 60_000, summary: '{"title":"{count} more"}' }
  const kind = async () => (await store.send('ada', 'to:ada', { ...message, rate }, nowhere)).kind
  expect([await kind(), await kind()]).toEqual(['stored', 'collapsed'])
  nowMs = 5_000
  expect([await kind(), await kind()]).toEqual(['stored', 'collapsed'])
  nowMs = 65_000
  expect(await kind()).toBe('stored')
  await store.close()
})
