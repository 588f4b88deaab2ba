import { afterEach, expect, test } from 'vitest'
import { PRESENCE } from '../../src/backends/redis/lua.generated.ts'
import { RedisPubSub } from '../../src/backends/redis/pub-sub.ts'
import { Script } from '../../src/backends/redis/script.ts'
import { presenceKeys } from '../../src/core/keys.ts'
import { eventually } from '../support/eventually.ts'
import { hourAhead } from '../support/hour-ahead.ts'
import { RedisServer } from '../support/redis-server.ts'
import { RespProxy, type Verdict } from '../support/resp-proxy.ts'
import { SlotGuard } from '../support/slot-guard.ts'

const names = { namespace: 'tidings', partitions: 128 }
const { digest } = new Script(PRESENCE)
const { members, leases, users } = presenceKeys('tidings', 'room', 128)
const ada = { clientId: 'c1', userId: 'ada', info: '{"n":1}' }
const alsoAda = { ...ada, clientId: 'c2' }

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function started(env: Record<string, string> = {}) {
  const server = await RedisServer.start({ env })
  ending.push(() => server.stopWithoutLeaks())
  return server
}

function opened(port: number, commandTimeoutMs = 10_000) {
  const pubSub = new RedisPubSub({
    client: { host: '127.0.0.1', port },
    commandTimeoutMs,
    queue: { maxCount: 100_000, maxBytes: 67_108_864 },
    patternLimit: 16,
  })
  ending.push(() => pubSub.close())
  return pubSub.openPresence(names)
}

/** A store whose scripts are decided upon by their operation. */
async function deciding(port: number, decide: (operation: string, number: number) => Verdict) {
  let calls = 0
  const proxy = await RespProxy.to(port, ([name = '', script, count, ...rest]) => {
    if (!/^eval(sha)?$/i.test(name) || (script !== digest && script !== PRESENCE)) return 'pass'
    calls += 1
    return decide(rest[Number(count)]!, calls)
  })
  ending.push(() => proxy.close())
  return { ...opened(proxy.port), calls: () => calls }
}

test('first and last are told truly where the answer is lost on the way', async () => {
  const { port } = await started()
  const cuts = new Set<string>()
  const { presence, calls } = await deciding(port, (operation) => {
    if (operation !== 'join' && operation !== 'leave') return 'pass'
    // Every second attempt.
    return cuts.delete(operation) || !cuts.add(operation) ? 'pass' : 'cut'
  })
  await opened(port).presence.stats('room')
  expect(await presence.join('room', ada, 60_000)).toEqual({ firstOfUser: true })
  expect(await presence.join('room', alsoAda, 60_000)).toEqual({ firstOfUser: false })
  expect(await presence.stats('room')).toEqual({ clients: 2, users: 1 })
  expect(await presence.leave('room', 'c1')).toEqual({ lastOfUser: false })
  expect(await presence.leave('room', 'c2')).toEqual({ lastOfUser: true })
  expect(await presence.leave('room', 'c2')).toEqual({ lastOfUser: false })
  expect(await presence.stats('room')).toEqual({ clients: 0, users: 0 })
  expect(calls()).toBe(12)
})

test('another client may come between a lost answer and the next attempt', async () => {
  const { port } = await started()
  const witness = opened(port).presence
  let joined: Promise<unknown> | undefined
  const { presence } = await deciding(port, (_operation, number) => {
    if (number !== 1) return 'pass'
    joined = eventually(async () => {
      if ((await witness.stats('room')).clients === 0) throw new Error('not there yet')
    }).then(() => witness.join('room', alsoAda, 60_000))
    return 'cut'
  })
  await witness.stats('room')
  expect(await presence.join('room', ada, 60_000)).toEqual({ firstOfUser: true })
  expect(await joined).toEqual({ firstOfUser: false })
})

test('a call that gets no answer in time says that nobody knows, and not of an inbox', async () => {
  const { port } = await started()
  const proxy = await RespProxy.to(port, ([name = '']) => (/^eval/i.test(name) ? 'cut' : 'pass'))
  ending.push(() => proxy.close())
  const { presence } = opened(proxy.port, 500)
  const call = presence.join('room', ada, 60_000)
  await expect(call).rejects.toMatchObject({ code: 'CONNECTION_LOST', message: expect.not.stringContaining('inbox') })
})

test('nothing stays in Redis of a channel on which nobody is, nor of its answers', async () => {
  const { port, admin } = await started()
  const { presence, nodes, revocations } = opened(port, 200)
  await presence.join('left', ada, 60_000)
  await presence.leave('left', 'c1')
  await presence.join('over', ada, 300)
  await presence.renew('over', [alsoAda], 200)
  await nodes.announce({ id: 'a', name: 'a', version: '1', startedAtMs: 1, clients: 0, users: 0, channels: 0 }, 300)
  await revocations.revoke('ada', 1, 300)
  expect(await admin.dbsize()).toBeGreaterThan(0)
  // No call is made: they go by themselves.
  await eventually(async () => expect(await admin.keys('*')).toEqual([]))
})

test('all that one script names is in one slot', async () => {
  const server = await started()
  const guard = await SlotGuard.on(server)
  ending.push(() => guard.end())
  const { presence, nodes, revocations } = opened(server.port)
  for (const channel of ['room', 'a:b', '{x}', 'ü {y}']) {
    await presence.join(channel, ada, 60_000)
    await presence.renew(channel, [ada, alsoAda], 60_000)
    expect(await presence.list(channel)).toHaveLength(2)
    await presence.leave(channel, 'c1')
    await revocations.revoke(`{${channel}`, 1, 60_000)
  }
  await nodes.list()
})

test.each([members, leases, users])('without %s alone the channel is empty until the next renewal', async (key) => {
  const { port, admin } = await started()
  const { presence } = opened(port)
  await presence.renew('room', [ada, alsoAda], 60_000)
  await admin.del(key)
  expect(await presence.stats('room')).toEqual({ clients: 0, users: 0 })
  await presence.renew('room', [ada, alsoAda], 60_000)
  expect(await presence.stats('room')).toEqual({ clients: 2, users: 1 })
})

test.each([members, leases, users])('where somebody has put something else at %s, nothing changes', async (key) => {
  const { port, admin } = await started()
  const { presence } = opened(port)
  await admin.set(key, 'foreign')
  await expect(presence.join('room', ada, 60_000)).rejects.toMatchObject({ code: 'REDIS_ERROR' })
  expect(await admin.keys('*')).toEqual([key])
})

test('after Redis has lost everything, renewals bring back who is there', async () => {
  const server = await started()
  const { presence } = opened(server.port)
  await presence.renew('room', [ada, alsoAda], 60_000)
  await server.kill()
  const renewed = presence.renew('room', [ada, alsoAda], 60_000)
  await server.restart()
  await renewed
  expect(await presence.stats('room')).toEqual({ clients: 2, users: 1 })
})

test('leases and marks go by the clock of Redis', async () => {
  const { env, remove } = hourAhead()
  ending.push(remove)
  const { port } = await started(env)
  const { presence, nodes, revocations } = opened(port)
  await presence.join('room', ada, 60_000)
  await nodes.announce({ id: 'a', name: 'a', version: '1', startedAtMs: 1, clients: 0, users: 0, channels: 0 }, 60_000)
  await revocations.revoke('ada', 1, 60_000)
  expect(await presence.list('room')).toEqual([ada])
  expect(await nodes.list()).toHaveLength(1)
  expect(await revocations.revokedBefore('ada')).toBe(1)
})
