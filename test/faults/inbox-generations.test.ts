import { describe, expect, test } from 'vitest'
import { placeText } from '../../src/core/inbox.ts'
import type { InboxStore, SendOutcome } from '../../src/core/inbox-store.ts'
import { type InboxArena, memoryInboxArena, redisInboxArena } from '../support/inbox-arena.ts'

const nowhere = { epoch: '', seq: 0, gen: 0, firstSeq: 1 }

async function send(store: InboxStore, title: string): Promise<Extract<SendOutcome, { place: unknown }>> {
  const message = { body: JSON.stringify({ title }), type: 'info', maxCount: 100 } as const
  const outcome = await store.send('ada', 'to:ada', message, nowhere)
  if (!('place' in outcome)) throw new Error(outcome.kind)
  return outcome
}

async function unread(store: InboxStore): Promise<string[]> {
  const { entries } = await store.list('ada', { view: 'unread', limit: 100 }, nowhere)
  return entries.map(({ body }) => JSON.parse(body).title)
}

async function state(store: InboxStore) {
  return (await store.change('ada', { kind: 'join' }, nowhere)).state
}

describe.each([
  ['in memory', memoryInboxArena],
  ['on Redis', redisInboxArena],
])('an inbox after a failover, %s', (_where, open) => {
  async function withArena(run: (arena: InboxArena, store: InboxStore) => Promise<void>): Promise<void> {
    const arena = await open()
    try {
      await run(arena, arena.stores[0]!)
    } finally {
      await arena.close()
    }
  }

  test('what comes in the place of lost notifications is not taken for them', () =>
    withArena(async (arena, store) => {
      await send(store, 'kept')
      await arena.save()
      const lost = [await send(store, 'lost 1'), await send(store, 'lost 2'), await send(store, 'lost 3')]
      await arena.failOver()
      const anew = [await send(store, 'new 1'), await send(store, 'new 2')]
      expect(anew.map(({ place }) => place.seq)).toEqual([2, 3])
      expect(anew[0]!.epoch).toBe(lost[0]!.epoch)
      const targets = lost.map(({ epoch, place }) => ({ epoch, ...place }))
      for (const kind of ['read', 'archive', 'delete'] as const) {
        const { outcomes } = await store.change('ada', { kind, own: targets, broadcasts: [] }, nowhere)
        expect(outcomes).toEqual(['unknown', 'unknown', 'unknown'])
      }
      const upTo = { own: targets[2]! }
      const seen = await store.change('ada', { kind: 'see-all', upTo }, nowhere)
      expect([seen.outcomes, seen.state.own.unseen]).toEqual([['changed'], 2])
      expect((await store.change('ada', { kind: 'read-all', upTo }, nowhere)).outcomes).toEqual(['changed'])
      expect(await unread(store)).toEqual(['new 2', 'new 1'])
    }))

  test('a mark of what was lost reaches nothing of any later generation', () =>
    withArena(async (arena, store) => {
      await send(store, 'kept')
      await arena.save()
      await send(store, 'lost 2')
      await send(store, 'lost 3')
      const { epoch, place } = await send(store, 'lost 4')
      await arena.failOver()
      await send(store, 'second generation')
      await arena.save()
      await arena.failOver()
      await send(store, 'third generation')
      await send(store, 'third generation too')
      const upTo = { own: { epoch, ...place } }
      const seen = await store.change('ada', { kind: 'see-all', upTo }, nowhere)
      expect([seen.state.own.unread, seen.state.own.unseen]).toEqual([4, 3])
      await store.change('ada', { kind: 'read-all', upTo }, nowhere)
      expect(await unread(store)).toEqual(['third generation too', 'third generation', 'second generation'])
    }))

  test('two failovers from one past give no place twice', () =>
    withArena(async (arena, store) => {
      await send(store, 'kept')
      await arena.save()
      const places = []
      for (let round = 0; round < 3; round += 1) {
        await arena.failOver()
        places.push(placeText((await send(store, `round ${round}`)).place))
      }
      expect(places.map((place) => place.split('-')[0])).toEqual(['2', '2', '2'])
      expect(new Set(places).size).toBe(3)
    }))

  test('a client that saw what was lost begins anew; one that did not gets what has changed', () =>
    withArena(async (arena, store) => {
      const first = await send(store, 'first')
      const early = await state(store)
      await send(store, 'second')
      const kept = await state(store)
      await arena.save()
      await send(store, 'lost 1')
      const late = await state(store)
      await arena.failOver()
      const sync = async (since: typeof late) => {
        const { reset, changed } = await store.sync('ada', since, nowhere)
        return reset ? 'reset' : changed.map(({ body }) => JSON.parse(body).title)
      }
      expect(await Promise.all([early, kept, late].map(sync))).toEqual([['second'], [], 'reset'])
      await send(store, 'new 1')
      await send(store, 'new 2')
      expect(await Promise.all([early, kept, late].map(sync))).toEqual([
        ['new 2', 'new 1', 'second'],
        ['new 2', 'new 1'],
        'reset',
      ])
      const now = await state(store)
      expect(now.gen).toBeGreaterThan(first.place.gen)
      expect(await sync(now)).toEqual([])
    }))

  test('a failover that lost nothing leaves all as it was', () =>
    withArena(async (arena, store) => {
      const { epoch, place } = await send(store, 'first')
      await send(store, 'second')
      const before = await state(store)
      await arena.save()
      await arena.failOver()
      const { nowMs: _, ...after } = await state(store)
      const { nowMs: __, ...expected } = before
      expect(after).toEqual(expected)
      const own = [{ epoch, ...place }]
      const result = await store.change('ada', { kind: 'read', own, broadcasts: [] }, nowhere)
      expect([result.outcomes, result.state.rev]).toEqual([['changed'], before.rev + 1])
      expect(await unread(store)).toEqual(['second'])
    }))

  test('a server that lost everything begins another epoch: nothing old is known', () =>
    withArena(async (arena, store) => {
      const { epoch, place } = await send(store, 'first')
      const before = await state(store)
      await arena.flushAll()
      const again = await send(store, 'again')
      expect([again.place, again.epoch === epoch]).toEqual([place, false])
      const own = [{ epoch, ...place }]
      expect((await store.change('ada', { kind: 'read', own, broadcasts: [] }, nowhere)).outcomes).toEqual(['unknown'])
      expect((await store.sync('ada', before, nowhere)).reset).toBe(true)
      expect(await unread(store)).toEqual(['again'])
    }))
})
