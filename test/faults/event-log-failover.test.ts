import { afterEach, expect, test } from 'vitest'
import type { RedisEventLog } from '../../src/backends/redis/event-log.ts'
import { RedisPubSub } from '../../src/backends/redis/pub-sub.ts'
import type { Gap } from '../../src/core/gap.ts'
import type { Message } from '../../src/core/message.ts'
import { LogTail } from '../../src/log/log-tail.ts'
import { channelLog, openEventLog } from '../support/event-log.ts'
import { eventually } from '../support/eventually.ts'
import { hourAhead } from '../support/hour-ahead.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const log = channelLog('orders')
const ending: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** A master with a replica behind a line that can be cut, and a client behind a line that leads to either. */
async function pair(env: Record<string, string> = {}) {
  const master = await RedisServer.start({ config: { 'repl-diskless-sync-delay': '0' } })
  ending.push(() => master.stop())
  const line = await TcpProxy.to(master.port)
  ending.push(() => line.close())
  const replica = await RedisServer.start({ config: { replicaof: `127.0.0.1 ${line.port}` }, env })
  ending.push(() => replica.stop())
  await eventually(
    async () => expect(await replica.admin.info('replication')).toContain('master_link_status:up'),
    20_000,
  )
  const way = await TcpProxy.to(master.port)
  ending.push(() => way.close())
  const client = { host: '127.0.0.1', port: way.port }
  const eventLog = openEventLog(way.port, 10_000)
  const pubSub = new RedisPubSub({
    client,
    commandTimeoutMs: 10_000,
    queue: { maxCount: 1_000, maxBytes: 1_000_000 },
    patternLimit: 16,
  })
  ending.push(() => Promise.all([eventLog.close(), pubSub.close()]))
  const promote = async () => {
    await master.kill()
    await replica.admin.replicaof('NO', 'ONE')
    way.redirect(replica.port)
    way.reset()
  }
  return { master, replica, line, eventLog, pubSub, promote }
}

async function follow(eventLog: RedisEventLog, pubSub: RedisPubSub) {
  const seen: string[] = []
  const gaps: Gap[] = []
  const tail = new LogTail({ pubSub, eventLog, namespace: 'tidings', log })
  tail.add({
    accepts: () => true,
    onMessage: (message: Message) => seen.push(`${message.text} ${message.position?.seq}`),
    onGap: (gap) => {
      gaps.push(gap)
      seen.push(`gap ${gap.reason}`)
    },
  })
  await tail.start()
  ending.push(async () => tail.close())
  pubSub.onStatus(({ kind }) => kind === 'interruption' && tail.repair())
  return { tail, seen, gaps }
}

const numbers = (from: number, to: number, what: string) =>
  Array.from({ length: to - from + 1 }, (_, i) => `${what}${from + i}`)

async function append(eventLog: RedisEventLog, payloads: readonly string[]) {
  return Promise.all(
    payloads.map((payload) =>
      eventLog.append(log, { channel: 'orders', payload, retention: { maxCount: 1_000, maxAgeMs: 3_600_000 } }),
    ),
  )
}

test.each([
  ['', false],
  [', its clock an hour ahead', true],
])(
  'a promoted replica that lacks 10 entries%s: the reader is told, sees every new entry, and takes none for an old one',
  {
    timeout: 60_000,
  },
  async (_name, fast) => {
    const clock = fast ? hourAhead() : undefined
    if (clock) ending.push(async () => clock.remove())
    const { replica, line, eventLog, pubSub, promote } = await pair(clock?.env)
    const { seen, gaps } = await follow(eventLog, pubSub)
    const kept = await append(eventLog, numbers(1, 40, 'kept'))
    await eventually(async () => expect(await replicaLength(replica)).toBe(40))
    if (fast) expect(Number((await replica.admin.time())[0])).toBeGreaterThan(Date.now() / 1_000 + 3_500)
    line.freeze()
    const lost = await append(eventLog, numbers(41, 50, 'lost'))
    await eventually(() => expect(seen).toHaveLength(50))
    await promote()

    const fresh = await append(eventLog, numbers(41, 60, 'new'))
    await eventually(() => expect(seen.at(-1)).toBe('new60 60'), 20_000)
    expect(seen).toEqual([
      ...numbers(1, 40, 'kept').map((text, i) => `${text} ${i + 1}`),
      ...numbers(41, 50, 'lost').map((text, i) => `${text} ${i + 41}`),
      'gap diverged',
      ...numbers(41, 60, 'new').map((text, i) => `${text} ${i + 41}`),
    ])
    expect(gaps).toMatchObject([
      { reason: 'diverged', from: expect.stringMatching(/^50-1@/), to: expect.stringMatching(/^40-1@/) },
    ])
    const ids = [...kept, ...lost, ...fresh].map(({ position }) => `${position.seq}-${position.gen}`)
    expect(new Set(ids).size).toBe(70)
    expect(fresh[0]!.position.epoch).toBe(kept[0]!.position.epoch)
  },
)

test('a promoted replica that has everything: the reader goes on without a gap', { timeout: 60_000 }, async () => {
  const { replica, eventLog, pubSub, promote } = await pair()
  const { seen, gaps } = await follow(eventLog, pubSub)
  await append(eventLog, numbers(1, 40, 'a'))
  await eventually(async () => expect(await replicaLength(replica)).toBe(40))
  await promote()
  const fresh = await append(eventLog, numbers(41, 50, 'b'))
  await eventually(() => expect(seen.at(-1)).toBe('b50 50'), 20_000)
  expect(seen).toHaveLength(50)
  expect(gaps).toEqual([])
  expect(fresh[0]!.position.gen).toBeGreaterThan(1)
})

test('FLUSHALL under a reader: it is told that the log is lost, and gets all of the new one', async () => {
  const { master, eventLog, pubSub } = await pair()
  const { seen } = await follow(eventLog, pubSub)
  await append(eventLog, ['one', 'two'])
  await eventually(() => expect(seen).toHaveLength(2))
  await master.admin.flushall()
  await append(eventLog, ['three', 'four'])
  await eventually(() => expect(seen.at(-1)).toBe('four 2'))
  expect(seen).toEqual(['one 1', 'two 2', 'gap lost', 'three 1', 'four 2'])
})

test('a restart without persistence under a reader: lost, then all of the new log', { timeout: 30_000 }, async () => {
  const { master, eventLog, pubSub } = await pair()
  const { seen } = await follow(eventLog, pubSub)
  await append(eventLog, ['one', 'two'])
  await eventually(() => expect(seen).toHaveLength(2))
  await master.kill()
  await master.restart()
  await append(eventLog, ['three'])
  await eventually(() => expect(seen.at(-1)).toBe('three 1'), 10_000)
  expect(seen).toEqual(['one 1', 'two 2', 'gap lost', 'three 1'])
})

async function replicaLength(replica: RedisServer): Promise<number> {
  const [key] = await replica.admin.keys('*}:log:orders')
  return key === undefined ? 0 : replica.admin.xlen(key)
}
