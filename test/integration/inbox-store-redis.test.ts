import { afterEach, expect, test } from 'vitest'
import type { InboxVersion } from '../../src/core/inbox.ts'
import type { InboxCommand } from '../../src/core/inbox-store.ts'
import { partitionKeys } from '../../src/core/keys.ts'
import { partitionOf, slotOf } from '../../src/core/partitions.ts'
import { eventually } from '../support/eventually.ts'
import {
  at,
  change,
  channelOf,
  message,
  openInboxStore,
  prefixOf,
  stateOf,
  stored,
  titles,
} from '../support/inbox-store.ts'
import { RedisServer } from '../support/redis-server.ts'
import { SlotGuard } from '../support/slot-guard.ts'

const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function start(config: Record<string, string> = {}) {
  const server = await RedisServer.start({ config })
  ending.push(() => server.stopWithoutLeaks())
  const { store, pubSub } = openInboxStore(server.port)
  ending.push(() => pubSub.close())
  return { server, admin: server.admin, store, pubSub }
}

/** Every operation once: what each of them needs is there. */
async function everything({ store }: Pick<Awaited<ReturnType<typeof start>>, 'store'>, user: string): Promise<void> {
  const soon = Date.now() + 60_000
  const dedupe = { key: 'k', windowMs: 60_000 }
  const rate = { max: 1, windowMs: 60_000, summary: '{"type":"info","title":"{count} more"}' }
  await stored(store, user, 'first', { expiresAtMs: soon, groupKey: 'g', dedupe })
  const { seq, gen, epoch } = await stored(store, user, 'second', { type: 'error', groupKey: 'g', topic: 't' })
  await store.send(user, channelOf(user), message('third', { rate }), at)
  expect((await store.send(user, channelOf(user), message('fourth', { rate }), at)).kind).toBe('collapsed')
  const own = [{ seq, gen, epoch }]
  const broadcasts = [{ seq: 7, gen: 1 }]
  const commands: InboxCommand[] = [
    { kind: 'act', action: 'yes', own, broadcasts },
    { kind: 'edit', body: '{}', own, broadcasts: [] },
    { kind: 'snooze', untilMs: soon, own, broadcasts },
    { kind: 'read', own, broadcasts },
    { kind: 'unread', own, broadcasts },
    { kind: 'archive', own, broadcasts },
    { kind: 'read-all', upTo: { own: own[0], broadcasts: { seq: 5, gen: 1 } } },
    { kind: 'see-all', upTo: { own: own[0], broadcasts: { seq: 5, gen: 1 } } },
    { kind: 'mute', muted: { types: ['warning'], topics: ['t'] } },
    { kind: 'follow', topic: 't' },
    { kind: 'delete', own: [], broadcasts },
  ]
  for (const command of commands) await change(store, user, command)
  for (const view of ['inbox', 'unread', 'archived', 'snoozed', 'all'] as const) {
    await store.list(user, { view, limit: 20 }, at)
  }
  await store.sync(user, { epoch, gen, rev: 0 }, at)
  await stored(store, user, 'last', { type: 'success', maxCount: 1 })
}

test('a script touches no key of another slot, declared or not, and no declared keys are of two slots', async () => {
  const opened = await start()
  const guard = await SlotGuard.on(opened.server)
  const monitor = await opened.admin.monitor()
  let slot: number | undefined
  const touched = new Set<string>()
  const offences: string[] = []
  monitor.on('monitor', (_time: string, [name = '', ...rest]: string[], source: string) => {
    if (/^eval(sha)?$/i.test(name)) slot = slotOf(rest[2]!)
    if (source !== 'lua' || /^(info|time|publish)$/i.test(name)) return
    const keys = /^(unlink|exists)$/i.test(name) ? rest : rest.slice(0, 1)
    for (const key of keys) {
      touched.add(key)
      if (slotOf(key) !== slot) offences.push(`${name} ${key}`)
    }
  })
  for (const user of ['ada', 'bob']) await everything(opened, user)
  await opened.store.erase('ada')
  await eventually(() => expect(touched.size).toBeGreaterThan(40))
  monitor.disconnect()
  guard.end()
  expect(offences).toEqual([])
})

test('erasing leaves no key with the name of the user, and nobody else loses anything', async () => {
  const opened = await start()
  await everything(opened, 'ada')
  await everything(opened, 'bob')
  const keys = (await opened.admin.keys(`${prefixOf('bob')}*`)).length
  expect(keys).toBeGreaterThan(5)
  expect(await opened.store.erase('ada')).toBe(true)
  expect(await opened.admin.keys('*ada*')).toEqual([])
  expect(await opened.admin.keys(`${prefixOf('bob')}*`)).toHaveLength(keys)
  expect(await opened.store.erase('ada')).toBe(false)
})

const KINDS = {
  hash: ['m', 'ed', 'at', 'gr', 'bt'],
  sorted: ['u0', 'u1', 'ar', 'sn', 'xp', 'rv', 'br', 'bu', 'ba', 'bd', 'bs', 'mu', 'tp'],
}

test.each([...KINDS.hash, ...KINDS.sorted, 's'])(
  'something of another type at the key %s gives an error, harms nobody else, and is as if it had never been when it goes',
  async (name) => {
    const { store, admin } = await start()
    const user = 'ada'
    const key = prefixOf(user) + name
    await stored(store, 'bob', 'hello')
    const places = [await stored(store, user, 'one'), await stored(store, user, 'two', { type: 'warning' })]
    const before = await stateOf(store, user)
    const had = (await admin.exists(key)) === 1
    if (had) await admin.rename(key, `${key}-away`)
    await admin.set(key, 'foreign')

    const later = Date.now() + 60_000
    const own = places.map(({ seq, gen, epoch }) => ({ seq, gen, epoch }))
    const broadcasts = [{ seq: 7, gen: 1 }]
    const uses: Record<string, () => Promise<unknown>> = {
      ed: () => change(store, user, { kind: 'edit', body: '{}', own, broadcasts: [] }),
      at: () => change(store, user, { kind: 'act', action: 'yes', own, broadcasts }),
      bt: () => change(store, user, { kind: 'act', action: 'yes', own, broadcasts }),
      gr: () => stored(store, user, 'x', { groupKey: 'g' }),
      xp: () => stored(store, user, 'x', { expiresAtMs: later }),
      u1: () => stored(store, user, 'x', { type: 'warning' }),
      ar: () => change(store, user, { kind: 'archive', own, broadcasts }),
      ba: () => change(store, user, { kind: 'archive', own, broadcasts }),
      br: () => change(store, user, { kind: 'read', own, broadcasts }),
      bu: () => change(store, user, { kind: 'unread', own, broadcasts }),
      sn: () => change(store, user, { kind: 'snooze', untilMs: later, own, broadcasts }),
      bs: () => change(store, user, { kind: 'snooze', untilMs: later, own, broadcasts }),
      bd: () => change(store, user, { kind: 'delete', own, broadcasts }),
      mu: () => change(store, user, { kind: 'mute', muted: { types: ['info'], topics: [] } }),
      tp: () => change(store, user, { kind: 'follow', topic: 't' }),
    }
    const refused = await (uses[name] ?? (() => stored(store, user, 'x')))().catch((error) => error)
    expect(refused).toMatchObject({ code: 'REDIS_ERROR', message: expect.stringContaining('WRONGTYPE') })
    await stored(store, 'bob', 'hello again')
    expect(await titles(store, 'bob')).toEqual(['hello again', 'hello'])

    await admin.del(key)
    if (had) await admin.rename(`${key}-away`, key)
    const after = await stateOf(store, user)
    expect({ ...after, rev: 0, head: 0, nowMs: 0 }).toEqual({ ...before, rev: 0, head: 0, nowMs: 0 })
    await stored(store, user, 'three')
    expect(await titles(store, user)).toEqual(['three', 'two', 'one'])
    const { reset, changed } = await store.sync(user, before, at)
    expect({ reset, changed: changed.map(({ body }) => JSON.parse(body).title) }).toEqual({
      reset: false,
      changed: ['three'],
    })
  },
)

test('a full Redis refuses changes, which have then not happened, and still shows what there is', async () => {
  const { store, admin } = await start({ 'maxmemory-policy': 'noeviction' })
  const place = await stored(store, 'ada', 'one')
  const before = await stateOf(store, 'ada')
  await admin.config('SET', 'maxmemory', '1')
  const own = [{ seq: place.seq, gen: place.gen, epoch: place.epoch }]
  for (const call of [
    () => stored(store, 'ada', 'two'),
    () => change(store, 'ada', { kind: 'read', own, broadcasts: [] }),
    () => change(store, 'ada', { kind: 'delete', own, broadcasts: [] }),
    () => stored(store, 'new', 'one'),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'WRITE_REFUSED', retryable: true })
  }
  expect(await titles(store, 'ada', 'unread')).toEqual(['one'])
  expect({ ...(await stateOf(store, 'ada')), nowMs: 0 }).toEqual({ ...before, nowMs: 0 })
  await admin.config('SET', 'maxmemory', '0')
  expect((await stored(store, 'ada', 'two')).seq).toBe(2)
})

test('what somebody else writes into the stream is shown to nobody, and goes with the next notification', async () => {
  const { store, admin } = await start()
  const stream = `${prefixOf('ada')}s`
  for (const title of ['one', 'two', 'three']) await stored(store, 'ada', title)
  for (let i = 0; i < 20; i += 1) await admin.xadd(stream, '*', 'foreign', 'x')
  expect(await titles(store, 'ada')).toEqual(['three', 'two', 'one'])
  expect(await stored(store, 'ada', 'four', { maxCount: 3 })).toMatchObject({ seq: 4, gen: 1 })
  expect(await titles(store, 'ada')).toEqual(['four', 'three', 'two'])
  expect(await admin.xlen(stream)).toBe(3)
  expect((await stateOf(store, 'ada')).own).toMatchObject({ total: 3, unread: 3 })
})

test.each(['m', 's'])(
  'where the key %s is lost, another inbox begins; what was muted and followed stays',
  async (name) => {
    const { store, admin } = await start()
    const { epoch } = await stored(store, 'ada', 'old')
    await change(store, 'ada', { kind: 'mute', muted: { types: ['error'], topics: ['t'] } })
    await change(store, 'ada', { kind: 'follow', topic: 'sport' })
    const before = await stateOf(store, 'ada')
    await admin.del(prefixOf('ada') + name)
    const { reset, state } = await store.sync('ada', before, at)
    expect({ reset, own: state.own }).toMatchObject({ reset: true, own: { total: 0, unread: 0 } })
    expect(state.epoch).not.toBe(epoch)
    expect(state.muted).toEqual({ types: ['error'], topics: ['t'] })
    expect(await store.topics('ada')).toEqual(['sport'])
    expect(await stored(store, 'ada', 'new')).toMatchObject({ seq: 1, gen: 1, epoch: state.epoch })
    expect(await titles(store, 'ada')).toEqual(['new'])
  },
)

test('marks of dedupe keys are forgotten when their time is over', async () => {
  const { store, admin } = await start()
  const dedupe = { key: 'k', windowMs: 40 }
  await stored(store, 'ada', 'one', { dedupe })
  await eventually(() => stored(store, 'ada', 'two', { dedupe }))
  const { marks, markExpiry } = partitionKeys('tidings', partitionOf('inbox:ada', 128), 128)
  await eventually(async () => {
    await stored(store, 'ada', 'three', { dedupe: { key: `other ${await admin.hlen(marks)}`, windowMs: 20 } })
    expect(await admin.hlen(marks)).toBe(1)
    expect(await admin.zcard(markExpiry)).toBe(1)
  })
})

test('a list of more than a thousand is whole and in order, whatever is asked for', async () => {
  const { store } = await start()
  const numbers = Array.from({ length: 2_500 }, (_, i) => i + 1)
  const types = ['info', 'warning', 'error', 'success'] as const
  const places = await Promise.all(
    numbers.map((n) => stored(store, 'ada', String(n), { type: types[n % 4]!, maxCount: 10_000 })),
  )
  const ofEvery = (step: number) => places.filter(({ seq }) => seq % step === 0)
  await change(store, 'ada', { kind: 'archive', own: ofEvery(3), broadcasts: [] })
  await change(store, 'ada', { kind: 'act', action: 'yes', own: ofEvery(500), broadcasts: [] })
  const down = places.map(({ seq }) => seq).reverse()
  const list = async (view: 'all' | 'inbox' | 'unread' | 'archived') => {
    const { entries, more } = await store.list('ada', { view, limit: 2_500 }, at)
    expect(more).toBe(false)
    return entries
  }
  const all = await list('all')
  expect(all.map(({ seq }) => seq)).toEqual(down)
  expect(all.filter(({ archived }) => archived).map(({ seq }) => seq)).toEqual(down.filter((seq) => seq % 3 === 0))
  expect(all.filter(({ acted }) => acted === 'yes').map(({ seq }) => seq)).toEqual([2_500, 2_000, 1_500, 1_000, 500])
  for (const view of ['inbox', 'unread'] as const) {
    expect((await list(view)).map(({ seq }) => seq)).toEqual(down.filter((seq) => seq % 3 !== 0))
  }
  expect((await list('archived')).map(({ seq }) => seq)).toEqual(down.filter((seq) => seq % 3 === 0))
})

test('what changed is kept in little space, and is known for the last hundred', async () => {
  const { store, admin } = await start()
  const key = `${prefixOf('ada')}rv`
  const states = [await stateOf(store, 'ada')]
  for (let i = 1; i <= 400; i += 1) {
    await stored(store, 'ada', String(i), { maxCount: 100 })
    states.push(await stateOf(store, 'ada'))
    if (i % 50 === 0) {
      expect(await admin.object('ENCODING', key)).toBe('listpack')
      // Each notification pushes another one out: fifty of them are a hundred places.
      expect((await store.sync('ada', states[i - 50]!, at)).reset).toBe(false)
    }
  }
  const head = states.at(-1)!.head
  const own = Array.from({ length: 60 }, (_, i) => ({ seq: head - i, gen: 1, epoch: states[0]!.epoch }))
  for (const kind of ['read', 'unread', 'archive'] as const) {
    await change(store, 'ada', { kind, own, broadcasts: [] })
    for (let i = 0; i < 7; i += 1) await stored(store, 'ada', 'x', { maxCount: 100 })
    expect(await admin.object('ENCODING', key)).toBe('listpack')
  }
  expect((await store.sync('ada', states[0]!, at)).reset).toBe(true)
})

test('a notification of 170 bytes takes some 230 in Redis where a user has a hundred', {
  timeout: 60_000,
}, async () => {
  const { store, admin } = await start()
  const used = async () => Number(/used_memory:(\d+)/.exec(await admin.info('memory'))![1])
  const users = Array.from({ length: 500 }, (_, i) => `user-${i}`)
  const body = JSON.stringify({ type: 'info', title: 'Order shipped', message: 'x'.repeat(170) }).slice(0, 168)
  const types = ['info', 'warning', 'error', 'success'] as const
  await Promise.all(users.map((user) => change(store, user, { kind: 'unfollow', topic: 'none' })))
  await Promise.all(users.map((user) => store.erase(user)))
  const before = await used()
  for (let i = 0; i < 100; i += 1) {
    const type = types[i % 4]!
    await Promise.all(
      users.map((user) => store.send(user, channelOf(user), { body: `${body}"}`, type, maxCount: 100 }, at)),
    )
  }
  const fresh = (await used()) - before
  const requests = await admin.keys('*:q*')
  for (const key of requests) await admin.unlink(key)
  const [kept, count] = [(await used()) - before, users.length * 100]
  console.info(
    `${(kept / count).toFixed(1)} bytes for each notification; ${(fresh / count).toFixed(1)} in the first two minutes`,
  )
  expect(kept / count).toBeLessThan(235)
})

test('a window of the rate limit that begins later than the clock of Redis says is over', async () => {
  const { admin, store } = await start()
  const rate = { max: 1, windowMs: 60_000, summary: '{"type":"info","title":"{count} more"}' }
  const kind = async () => (await store.send('ada', channelOf('ada'), message('x', { rate }), at)).kind
  expect([await kind(), await kind()]).toEqual(['stored', 'collapsed'])
  await admin.hset(`${prefixOf('ada')}m`, 'since', Date.now() + 3_600_000)
  expect([await kind(), await kind()]).toEqual(['stored', 'collapsed'])
})

test('where what has changed is lost alone, a sync from before is a reset, and one from later goes on', async () => {
  const { admin, store } = await start()
  const sync = async (version: InboxVersion) => store.sync('ada', version, at)
  const lose = () => admin.del(`${prefixOf('ada')}rv`)
  await stored(store, 'ada', 'a')
  const before = await stateOf(store, 'ada')
  await stored(store, 'ada', 'b')
  const lost = await stateOf(store, 'ada')
  expect(await sync(before)).toMatchObject({ reset: false, changed: [{ seq: 2 }] })
  expect(await lose()).toBe(1)
  expect(await sync(before)).toMatchObject({ reset: true })
  expect(await sync(lost)).toMatchObject({ reset: false, changed: [] })

  await stored(store, 'ada', 'c')
  expect(await sync(before)).toMatchObject({ reset: true })
  expect(await sync(lost)).toMatchObject({ reset: false, changed: [{ seq: 3 }] })

  expect(await lose()).toBe(1)
  await change(store, 'ada', { kind: 'follow', topic: 't' })
  const followed = await stateOf(store, 'ada')
  await change(store, 'ada', { kind: 'unfollow', topic: 't' })
  expect(await sync(lost)).toMatchObject({ reset: true })
  expect(await sync(followed)).toMatchObject({ reset: false, changed: [] })
})
