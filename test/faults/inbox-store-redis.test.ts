import { createHash } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { INBOX } from '../../src/backends/redis/lua.generated.ts'
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
import { RespProxy, type Verdict } from '../support/resp-proxy.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const digest = createHash('sha1').update(INBOX).digest('hex')
const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function server(config: Record<string, string> = {}): Promise<RedisServer> {
  const started = await RedisServer.start({ config })
  ending.push(() => started.stop())
  return started
}

function opened(port: number, commandTimeoutMs = 10_000) {
  const { store, pubSub } = openInboxStore(port, commandTimeoutMs)
  ending.push(() => pubSub.close())
  return store
}

/** A store whose inbox scripts are decided upon, one after another. */
async function deciding(port: number, decide: (number: number) => Verdict) {
  let calls = 0
  const proxy = await RespProxy.to(port, ([name = '', script]) => {
    if (!/^eval(sha)?$/i.test(name) || (script !== digest && script !== INBOX)) return 'pass'
    calls += 1
    return decide(calls)
  })
  ending.push(() => proxy.close())
  return { store: opened(proxy.port), calls: () => calls }
}

test('a notification whose answer is lost on the way is stored once, and its outcome is the first one', async () => {
  const { port } = await server()
  const reader = opened(port)
  await stateOf(reader, 'ada')
  const { store, calls } = await deciding(port, (number) => (number === 2 || number === 4 ? 'cut' : 'pass'))
  await stateOf(store, 'ada')
  const dedupe = { key: 'k', windowMs: 60_000 }
  expect(await stored(store, 'ada', 'one', { dedupe })).toMatchObject({ seq: 1, receivers: 0 })
  const rate = { max: 0, windowMs: 60_000, summary: '{"title":"{count} more"}' }
  expect(await store.send('ada', channelOf('ada'), message('two', { rate }), at)).toMatchObject({
    kind: 'collapsed',
    place: { seq: 2, gen: 1 },
  })
  expect(calls()).toBe(5)
  expect(await titles(reader, 'ada')).toEqual(['1 more', 'one'])
  expect((await store.send('ada', channelOf('ada'), message('again', { dedupe }), at)).kind).toBe('duplicate')
})

test.each([
  ['TRYAGAIN', 'TRYAGAIN Multiple keys request during rehashing of slot'],
  ['LOADING', 'LOADING Redis is loading the dataset in memory'],
  ['NOSCRIPT', 'NOSCRIPT No matching script.'],
])('%s to every third call: each call is made once', async (_name, error) => {
  const { port } = await server()
  const { store } = await deciding(port, (number) => (number % 3 === 1 ? { error } : 'pass'))
  for (let i = 0; i < 5; i += 1) expect(await stored(store, 'ada', `n${i}`)).toMatchObject({ seq: i + 1 })
  expect(await titles(store, 'ada')).toHaveLength(5)
})

test('connections that break again and again: every notification is stored once', { timeout: 30_000 }, async () => {
  const { port } = await server()
  const way = await TcpProxy.to(port)
  ending.push(() => way.close())
  const store = opened(way.port)
  await stateOf(store, 'ada')
  let done = false
  const places: string[] = []
  const sending = Promise.all(
    Array.from({ length: 10 }, async (_, sender) => {
      for (let i = 0; i < 60; i += 1) {
        const { seq, gen } = await stored(store, 'ada', `${sender}-${i}`)
        places.push(`${seq}-${gen}`)
      }
    }),
  ).finally(() => {
    done = true
  })
  let cuts = 0
  while (!done && cuts < 30) {
    const before = places.length
    await eventually(() => expect(done || places.length >= Math.min(600, before + 20)).toBe(true), 20_000)
    way.reset()
    cuts += 1
  }
  await sending
  expect(cuts).toBeGreaterThan(5)
  expect(new Set(places).size).toBe(600)
  const all = await titles(store, 'ada')
  expect(all).toHaveLength(600)
  expect(new Set(all).size).toBe(600)
})

test('a Redis that says nothing: the call ends in time, and says that nobody knows', async () => {
  const redis = await server()
  const store = opened(redis.port, 500)
  await stored(store, 'ada', 'one')
  redis.pause()
  try {
    await expect(stored(store, 'ada', 'two')).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: false })
  } finally {
    redis.resume()
  }
})

test('a Redis that is gone: what was not sent says so, and closing ends what waits', async () => {
  const redis = await server()
  const { store, pubSub } = openInboxStore(redis.port, 60_000)
  ending.push(() => pubSub.close())
  await stored(store, 'ada', 'one')
  await redis.kill()
  const waiting = stored(store, 'ada', 'two').catch((error) => error.code)
  await pubSub.close(50)
  expect(['CLOSED', 'CONNECTION_LOST', 'NOT_CONNECTED']).toContain(await waiting)
  await expect(stored(store, 'ada', 'three')).rejects.toMatchObject({ code: 'CLOSED' })
})

test('a promoted replica that lacks the last notifications: none that is new is taken for one that is lost', {
  timeout: 60_000,
}, async () => {
  const master = await server({ 'repl-diskless-sync-delay': '0' })
  const line = await TcpProxy.to(master.port)
  ending.push(() => line.close())
  const replica = await server({ replicaof: `127.0.0.1 ${line.port}` })
  await eventually(
    async () => expect(await replica.admin.info('replication')).toContain('master_link_status:up'),
    20_000,
  )
  const way = await TcpProxy.to(master.port)
  ending.push(() => way.close())
  const store = opened(way.port)

  for (let i = 1; i <= 10; i += 1) await stored(store, 'ada', `kept${i}`)
  const common = await stateOf(store, 'ada')
  await eventually(async () => expect(await replica.admin.xlen(`${prefixOf('ada')}s`)).toBe(10))
  line.freeze()
  const lost = []
  for (let i = 11; i <= 13; i += 1)
    lost.push(await stored(store, 'ada', `lost${i}`, { dedupe: { key: `${i}`, windowMs: 60_000 } }))
  const ahead = await stateOf(store, 'ada')
  await master.kill()
  await replica.admin.replicaof('NO', 'ONE')
  way.redirect(replica.port)
  way.reset()

  const fresh = []
  for (let i = 11; i <= 14; i += 1)
    fresh.push(await stored(store, 'ada', `new${i}`, { dedupe: { key: `${i}`, windowMs: 60_000 } }))
  expect(fresh.map(({ seq }) => seq)).toEqual([11, 12, 13, 14])
  expect(new Set(fresh.map(({ epoch }) => epoch))).toEqual(new Set([common.epoch]))
  expect(fresh[0]!.gen).toBeGreaterThan(lost[0]!.gen)

  // What a reader of the old server still believes.
  const own = lost.map(({ seq, gen, epoch }) => ({ seq, gen, epoch }))
  for (const kind of ['read', 'archive', 'delete'] as const) {
    const { outcomes } = await change(store, 'ada', { kind, own, broadcasts: [] })
    expect(outcomes).toEqual(['unknown', 'unknown', 'unknown'])
  }
  expect((await change(store, 'ada', { kind: 'see-all', upTo: { own: own[2] } })).state.own).toMatchObject({
    unseen: 4,
  })
  await change(store, 'ada', { kind: 'read-all', upTo: { own: own[2] } })
  expect(await titles(store, 'ada', 'unread')).toEqual(['new14', 'new13', 'new12', 'new11'])
  expect(await titles(store, 'ada')).toHaveLength(14)

  // Who was ahead begins anew; who was not goes on.
  expect((await store.sync('ada', ahead, at)).reset).toBe(true)
  const { reset, changed } = await store.sync('ada', common, at)
  expect(reset).toBe(false)
  expect(changed.map(({ seq }) => seq)).toEqual(Array.from({ length: 14 }, (_, i) => 14 - i))
})

test('a restart that loses nothing: everybody goes on, and the next places are of another generation', async () => {
  const redis = await server({ appendonly: 'yes', appendfsync: 'always' })
  const store = opened(redis.port)
  const old = await stored(store, 'ada', 'one')
  const before = await stateOf(store, 'ada')
  await redis.kill()
  await redis.restart()
  const next = await stored(store, 'ada', 'two')
  expect(next).toMatchObject({ seq: 2, epoch: old.epoch })
  expect(next.gen).toBeGreaterThan(old.gen)
  const { reset, changed } = await store.sync('ada', before, at)
  expect({ reset, seqs: changed.map(({ seq }) => seq) }).toEqual({ reset: false, seqs: [2] })
  const own = [old, next].map(({ seq, gen, epoch }) => ({ seq, gen, epoch }))
  expect((await change(store, 'ada', { kind: 'delete', own, broadcasts: [] })).outcomes).toEqual(['changed', 'changed'])
  expect((await store.sync('ada', before, at)).removed).toEqual(own.map(({ seq, gen }) => ({ seq, gen })))
})
