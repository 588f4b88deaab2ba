import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { AppendQueue } from '../../src/backends/redis/append-queue.ts'
import { Link } from '../../src/backends/redis/link.ts'
import { APPEND } from '../../src/backends/redis/lua.generated.ts'
import { channelLog, keysOf, openEventLog, readAll } from '../support/event-log.ts'
import { eventually } from '../support/eventually.ts'
import { LogLedger } from '../support/log-ledger.ts'
import { RedisServer } from '../support/redis-server.ts'
import { RespProxy, type Verdict } from '../support/resp-proxy.ts'

const TRYAGAIN = 'TRYAGAIN Multiple keys request during rehashing of slot'
const LOADING = 'LOADING Redis is loading the dataset in memory'
const digest = createHash('sha1').update(APPEND).digest('hex')

const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function start(config: Record<string, string> = {}): Promise<RedisServer> {
  const server = await RedisServer.start({ config })
  ending.push(() => server.stopWithoutLeaks())
  return server
}

function isAppend([name = '', script]: readonly string[]): boolean {
  return /^eval(sha)?$/i.test(name) && (script === digest || script === APPEND)
}

/** A ledger whose publisher's script calls are decided upon, one after another. */
async function deciding(server: RedisServer, commandTimeoutMs: number, decide: () => Verdict): Promise<LogLedger> {
  const proxy = await RespProxy.to(server.port, (command) => (isAppend(command) ? decide() : 'pass'))
  ending.push(() => proxy.close())
  const ledger = await LogLedger.open({ port: proxy.port, readerPort: server.port, commandTimeoutMs })
  ending.push(() => ledger.close())
  return ledger
}

test.each([
  ['TRYAGAIN', TRYAGAIN],
  ['LOADING', LOADING],
  ['BUSY', 'BUSY Redis is busy running a script.'],
  ['MASTERDOWN', 'MASTERDOWN Link with MASTER is down'],
  ['CLUSTERDOWN', 'CLUSTERDOWN The cluster is down'],
])(
  '%s to the first 40 calls, and to every third after that: every append is made once and in order',
  {
    timeout: 30_000,
  },
  async (_name, error) => {
    const server = await start()
    let calls = 0
    const ledger = await deciding(server, 10_000, () => {
      calls += 1
      return calls <= 40 || calls % 3 === 0 ? { error } : 'pass'
    })
    ledger.start(1_000)
    await ledger.handles(1_000, 15_000)
    await ledger.check(server)
    expect(calls).toBeGreaterThan(100)
    expect(ledger.acknowledged.size).toBe(ledger.sent)
  },
)

test.each([
  ['TRYAGAIN', TRYAGAIN],
  ['LOADING', LOADING],
])('%s until the deadline: each append ends with what Redis said, and nothing is kept', async (_name, error) => {
  const server = await start()
  let refusing = true
  const ledger = await deciding(server, 1_000, () => (refusing ? { error } : 'pass'))
  // More than leave in one call, and than may be on their way at once.
  await Promise.all(Array.from({ length: 2_000 }, () => ledger.append()))
  expect(ledger.refused.size).toBe(2_000)
  const errors = [...ledger.refused.values()]
  console.log(new Set(errors.map(({ code, message }) => `${code}: ${message}`)))
  expect(errors.some(({ code, message }) => code === 'REDIS_ERROR' && message.includes(error))).toBe(true)
  // How calls keep their order is nobody's business.
  expect(errors.filter(({ message }) => message.includes('AHEAD'))).toEqual([])
  refusing = false
  await ledger.append()
  await ledger.check(server)
  expect(ledger.handled).toHaveLength(2)
})

test('of messages that wait together, those whose time runs out while Redis refuses are not appended later', async () => {
  const server = await start()
  let refusing = true
  const proxy = await RespProxy.to(server.port, (command) =>
    isAppend(command) && refusing ? { error: LOADING } : 'pass',
  )
  ending.push(() => proxy.close())
  const timeoutMs = 4_000
  const link: Link = new Link(
    { client: { host: '127.0.0.1', port: proxy.port }, commandTimeoutMs: timeoutMs },
    { ready: () => queue.resume(), down: () => {} },
  )
  const limits = { maxCount: 10, maxBytes: 1_000 }
  const queue = new AppendQueue({ link, namespace: 'tidings', partitions: 128, limits, timeoutMs, foreign: () => {} })
  ending.push(async () => {
    await queue.close(0)
    link.close()
  })
  const log = channelLog('orders')
  const push = (payload: string, ageMs: number) =>
    queue.push(log, { channel: 'orders', payload, retention: { maxCount: 10 } }, performance.now() - ageMs)
  const old = push('old', 3_500)
  const young = push('young', 0)
  await expect(old).rejects.toMatchObject({ code: 'REDIS_ERROR' })
  refusing = false
  expect(await young).toMatchObject({ position: { seq: 1 } })
  const eventLog = openEventLog(server.port)
  ending.push(() => eventLog.close())
  expect((await readAll(eventLog, log)).map(({ payload }) => String(payload))).toEqual(['young'])
})

test('an append that was made, whose reply was lost, and that Redis then refuses until the deadline: nobody knows', async () => {
  const server = await start()
  const verdicts: Verdict[] = []
  const ledger = await deciding(server, 1_000, () => {
    const [next = 'pass'] = verdicts.length > 1 ? verdicts.splice(0, 1) : verdicts
    return next
  })
  // Redis knows the script from here on.
  await ledger.append()
  verdicts.push('cut', { error: TRYAGAIN })
  await ledger.append()
  expect([...ledger.refused.values()].map(({ code }) => code)).toEqual(['CONNECTION_LOST'])
  verdicts.length = 0
  await ledger.check(server)
  expect(ledger.handled.map(({ text }) => text)).toEqual(['0 ', '1 ', '2 end'])
})

test('a connection that breaks after every third call, before its reply: every append is made once and in order', {
  timeout: 30_000,
}, async () => {
  const server = await start()
  let calls = 0
  const ledger = await deciding(server, 10_000, () => {
    calls += 1
    return calls % 3 === 0 && calls < 150 ? 'cut' : 'pass'
  })
  ledger.start(1_000)
  await ledger.handles(2_000, 15_000)
  await eventually(() => expect(calls).toBeGreaterThan(150), 15_000)
  await ledger.check(server)
  expect(ledger.acknowledged.size).toBe(ledger.sent)
})

test('a call that reaches Redis only long after it was made again does nothing', async () => {
  const server = await start()
  const calls: (readonly string[])[] = []
  const proxy = await RespProxy.to(server.port, (command) => {
    if (isAppend(command)) calls.push(command)
    return 'pass'
  })
  ending.push(() => proxy.close())
  const ledger = await LogLedger.open({ port: proxy.port, readerPort: server.port, commandTimeoutMs: 5_000 })
  ending.push(() => ledger.close())
  for (let i = 0; i < 40; i += 1) await ledger.append()
  // As one that was under way on another connection, behind a proxy that held it back.
  const late = calls.slice(0, 10).map(([command = '', ...args]) => server.admin.call(command, ...args))
  await Promise.allSettled(late)
  await ledger.check(server)
  expect(ledger.handled).toHaveLength(41)
})

test('a server that starts again and loads for seconds: appends wait, and everything is there once and in order', {
  timeout: 60_000,
}, async () => {
  const server = await start({
    appendonly: 'yes',
    appendfsync: 'always',
    // As a large file does: a millisecond for each key, with a look at clients now and then.
    'key-load-delay': '1000',
    'loading-process-events-interval-bytes': '1024',
  })
  const pipeline = server.admin.pipeline()
  for (let i = 0; i < 3_000; i += 1) pipeline.set(`ballast:${i}`, 'x'.repeat(100))
  await pipeline.exec()
  const ledger = await LogLedger.open({ port: server.port, commandTimeoutMs: 20_000 })
  ending.push(() => ledger.close())
  ledger.start(500)
  await ledger.handles(200)
  await server.kill()
  const restarted = server.restart()
  const loading = eventually(async () => expect(await askOnce(server.port)).toContain('LOADING'))
  await Promise.all([restarted, loading])
  await ledger.handles(500, 20_000)
  await ledger.check(server)
  expect(ledger.acknowledged.size).toBe(ledger.sent)
})

test('a slot that moves between two nodes of a Cluster: TRYAGAIN is waited out, and nothing is doubled', {
  timeout: 30_000,
}, async () => {
  const [one, other] = [await start({ 'cluster-enabled': 'yes' }), await start({ 'cluster-enabled': 'yes' })]
  await one.admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await one.admin.call('CLUSTER', 'MEET', '127.0.0.1', String(other.port))
  const otherId = String(await other.admin.call('CLUSTER', 'MYID'))
  await eventually(async () => {
    expect(String(await one.admin.call('CLUSTER', 'NODES'))).toContain(otherId)
    expect(String(await one.admin.call('CLUSTER', 'INFO'))).toContain('cluster_state:ok')
  }, 15_000)
  const eventLog = openEventLog(one.port, 5_000)
  ending.push(() => eventLog.close())
  // Two logs of one partition: when its slot moves, the keys of the second one are not there.
  const known = channelLog('orders')
  const append = (name: string, payload: string) =>
    eventLog.append(channelLog(name), { channel: name, payload, retention: { maxCount: 1_000 } })
  await append('orders', 'first')
  const tag = (name: string) => /\{(.+)\}/.exec(keysOf(channelLog(name)).stream)![1]!
  const born = Array.from({ length: 10_000 }, (_, i) => `born.${i}`).find((name) => tag(name) === tag('orders'))!
  const slot = String(await one.admin.call('CLUSTER', 'KEYSLOT', keysOf(known).stream))
  await one.admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', otherId)

  const appends = Array.from({ length: 500 }, (_, i) => append(i % 2 === 0 ? 'orders' : born, String(i)))
  let settled = 0
  for (const each of appends) void each.then(() => (settled += 1))
  await eventually(async () => {
    expect(await one.admin.info('errorstats')).toMatch(/errorstat_TRYAGAIN:count=\d\d/)
  })
  expect(settled).toBe(0)
  await one.admin.call('CLUSTER', 'SETSLOT', slot, 'STABLE')
  await Promise.all(appends)
  const numbers = async (name: string) =>
    (await readAll(eventLog, channelLog(name))).map(({ payload }) => String(payload))
  const expected = (rest: number) => Array.from({ length: 250 }, (_, i) => String(2 * i + rest))
  expect(await numbers('orders')).toEqual(['first', ...expected(0)])
  expect(await numbers(born)).toEqual(expected(1))
})

async function askOnce(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  try {
    return await new Promise((resolve, reject) => {
      socket.once('data', (data) => resolve(String(data)))
      socket.once('error', reject)
      socket.write('GET x\r\n')
    })
  } finally {
    socket.destroy()
  }
}
