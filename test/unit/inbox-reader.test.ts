import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { MemoryInboxStore } from '../../src/backends/memory/inbox-store.ts'
import { placeText } from '../../src/core/inbox.ts'
import type { InboxStore } from '../../src/core/inbox-store.ts'
import { Audiences } from '../../src/notifications/audiences.ts'
import type { Broadcast } from '../../src/notifications/broadcast.ts'
import type { BroadcastBoard } from '../../src/notifications/broadcast-board.ts'
import { type InboxFilter, parseCursor } from '../../src/notifications/inbox-page.ts'
import { InboxReader } from '../../src/notifications/inbox-reader.ts'
import { seenState } from '../../src/notifications/state-token.ts'

const ending: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0)) await end()
})

function open() {
  const store = new MemoryInboxStore(randomUUID(), { namespace: 'tidings', partitions: 128 })
  ending.push(() => store.close())
  return store
}

/** What a reader uses of a board: one that is at the last of some broadcasts. */
function boardOf(epoch: string, broadcasts: readonly Broadcast[] = []) {
  const position = { epoch, seq: broadcasts.length, gen: epoch === '' ? 0 : 1 }
  return {
    position,
    place: { ...position, firstSeq: 1 },
    all: () => [...broadcasts].reverse(),
    since: (): undefined => undefined,
    hasTrimmed: () => false,
    isPart: () => true,
    reach: async () => {},
  }
}

type FakeBoard = ReturnType<typeof boardOf>

function readerOf(store: InboxStore, board: FakeBoard): InboxReader {
  const audiences = new Audiences({ isAudience: () => true, cacheMs: 0, onError: () => {} })
  return new InboxReader(store, board as unknown as BroadcastBoard, audiences)
}

function broadcastAt(seq: number, title = `b${seq}`, timestamp = new Date().toISOString(), topic?: string): Broadcast {
  const place = { seq, gen: 1 }
  const body = {
    type: 'info',
    title,
    message: '',
    timestamp,
    data: null,
    ...(topic !== undefined && { topic }),
  } as const
  return {
    ...{ id: `b_${seq}`, ...place, text: placeText(place), body, audience: undefined, expiresAtMs: undefined },
    ...{ changedAt: place, recalled: false, former: undefined },
  }
}

test('marks of a log that is gone hide nothing of the one after it, though its first place is the same', async () => {
  const store = open()
  const [old, none, fresh] = [boardOf('old', [broadcastAt(1)]), boardOf(''), boardOf('new', [broadcastAt(1)])]
  const { state } = await store.change('u', { kind: 'join' }, old.place)
  const seen = seenState(state, none.position)
  const { sync } = await readerOf(store, fresh).syncBroadcasts('u', seen, state, undefined)
  expect(sync).toMatchObject({ reset: false, changed: [{ title: 'b1' }], counts: { total: 1 } })
})

test('where the board comes to another log during a call, the store is asked again', async () => {
  const board = boardOf('old', [broadcastAt(1)])
  const store = open()
  let turns = 0
  const turning = (): void => {
    turns += 1
    Object.assign(board, boardOf('new', [broadcastAt(1)]))
  }
  const watched = {
    list: async (...args: Parameters<InboxStore['list']>) => {
      const page = await store.list(...args)
      turning()
      return page
    },
    sync: async (...args: Parameters<InboxStore['sync']>) => {
      const delta = await store.sync(...args)
      turning()
      return delta
    },
    change: store.change.bind(store),
  } as unknown as InboxStore
  const reader = readerOf(watched, board)
  const { state } = await store.change('u', { kind: 'join' }, board.place)
  expect((await reader.list('u', 10, undefined, {})).counts.total).toBe(1)
  expect(turns).toBe(2)

  Object.assign(board, boardOf('third', [broadcastAt(1)]))
  const { sync } = await reader.sync('u', seenState(state, boardOf('').position))
  expect(sync.counts.total).toBe(1)

  Object.assign(board, boardOf('fourth', [broadcastAt(1)]))
  expect((await reader.counts('u', state)).counts.total).toBe(1)
})

/** Every page of a list, as titles; fails where a page but the last is not full. */
async function allPages(reader: InboxReader, limit: number, filter: InboxFilter): Promise<string[]> {
  const titles: string[] = []
  let before: string | undefined
  do {
    const page = await reader.list('u', limit, parseCursor(before), filter)
    titles.push(...page.notifications.map(({ title }) => title))
    before = page.next
    if (before !== undefined) expect(page.notifications).toHaveLength(limit)
  } while (before !== undefined)
  return titles
}

/** An inbox of own ones, every tenth about `rare`, with a broadcast after every hundredth. */
async function filled(count: number) {
  const store = open()
  const broadcasts: Broadcast[] = []
  await store.change('u', { kind: 'join' }, boardOf('log').place)
  for (let n = 1; n <= count; n += 1) {
    const [topic, timestamp] = [n % 10 === 0 ? 'rare' : 'usual', new Date(1_700_000_000_000 + n).toISOString()]
    const body = JSON.stringify({ type: 'info', title: `own ${n}`, message: '', timestamp, data: null, topic })
    await store.send('u', 'u', { body, type: 'info', topic, maxCount: 10_000 }, boardOf('log').place)
    if (n % 100 === 0) broadcasts.push(broadcastAt(n / 100, `b${n}`, timestamp, 'rare'))
  }
  return { store, board: boardOf('log', broadcasts) }
}

test('a list with a filter reads an inbox some at a time, lets others work between, and misses nothing', async () => {
  const { store, board } = await filled(2_000)
  const asked: number[] = []
  let turns = 0
  const watched = {
    list: async (...[userId, query, at]: Parameters<InboxStore['list']>) => {
      asked.push(query.limit)
      setImmediate(() => (turns += 1))
      return store.list(userId, query, at)
    },
  } as unknown as InboxStore
  const reader = readerOf(watched, board)
  const expected = Array.from({ length: 200 }, (_, at) => 2_000 - 10 * at).flatMap((n) =>
    n % 100 === 0 ? [`own ${n}`, `b${n}`] : [`own ${n}`],
  )
  for (const limit of [1, 7, 20, 220, 1_000]) {
    expect(await allPages(reader, limit, { topic: 'rare' })).toEqual(expected)
  }
  expect(await allPages(reader, 50, { topic: 'none' })).toEqual([])
  expect(Math.max(...asked)).toBeLessThanOrEqual(500)

  asked.length = 0
  turns = 0
  const { notifications, counts } = await reader.list('u', 20, undefined, { topic: 'rare' })
  expect([notifications.length, counts.total]).toEqual([20, 2_020])
  expect(asked.reduce((sum, limit) => sum + limit)).toBeLessThan(500)
  expect(asked.length).toBeGreaterThan(1)
  expect(turns).toBeGreaterThanOrEqual(asked.length - 1)
})

test('an inbox that is erased under a list with a filter leaves nothing of itself in the page', async () => {
  const { store, board } = await filled(1_000)
  let calls = 0
  const watched = {
    list: async (...args: Parameters<InboxStore['list']>) => {
      calls += 1
      if (calls === 2) await store.erase('u')
      return store.list(...args)
    },
  } as unknown as InboxStore
  const { notifications, counts } = await readerOf(watched, board).list('u', 100, undefined, { topic: 'rare' })
  expect([notifications, counts.total]).toEqual([[], 0])
})
