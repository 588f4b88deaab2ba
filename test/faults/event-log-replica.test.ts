import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { LogLedger } from '../support/log-ledger.ts'
import { freePort, RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function start(config: Record<string, string> = {}): Promise<RedisServer> {
  const server = await RedisServer.start({ config: { 'repl-diskless-sync-delay': '0', ...config } })
  ending.push(() => server.stop())
  return server
}

async function open(port: number, commandTimeoutMs: number): Promise<LogLedger> {
  const ledger = await LogLedger.open({ port, commandTimeoutMs })
  ending.push(() => ledger.close())
  return ledger
}

/** Makes it the replica of nobody who could be reached: it keeps what it has, and takes no writes. */
async function demote(server: RedisServer): Promise<void> {
  await server.admin.replicaof('127.0.0.1', await freePort())
}

test('a server that is a replica for a second, three times: appends wait, and everything is there once and in order', {
  timeout: 60_000,
}, async () => {
  const server = await start()
  const ledger = await open(server.port, 10_000)
  ledger.start(1_000)
  for (let round = 0; round < 3; round += 1) {
    await ledger.handles(200)
    await demote(server)
    await delay(1_000)
    await server.admin.replicaof('NO', 'ONE')
  }
  await ledger.handles(500)
  await ledger.check(server)
  expect(ledger.acknowledged.size).toBe(ledger.sent)
  // Each time that it becomes a master it begins a generation.
  expect(new Set(ledger.handled.map(({ position }) => position.gen)).size).toBeGreaterThan(3)
})

test('a server that stays a replica: appends end in time with a typed error, and later ones work', {
  timeout: 60_000,
}, async () => {
  const server = await start()
  const ledger = await open(server.port, 1_500)
  ledger.start(1_000)
  await ledger.handles(200)
  await demote(server)
  await delay(4_000)
  expect(ledger.refused.size).toBeGreaterThan(1_000)
  await server.admin.replicaof('NO', 'ONE')
  await ledger.handles(500)
  await ledger.check(server)
  const codes = new Set([...ledger.refused.values()].map(({ code }) => code))
  console.log('refused while it is a replica:', codes)
  expect([...codes].filter((code) => !['WRITE_REFUSED', 'CONNECTION_LOST', 'NOT_CONNECTED'].includes(code))).toEqual([])
})

test('FAILOVER to a replica under load: nothing is lost, doubled or out of order, and no gap is reported', {
  timeout: 60_000,
}, async () => {
  const one = await start()
  const other = await start({ replicaof: `127.0.0.1 ${one.port}` })
  const linked = async (replica: RedisServer) =>
    eventually(async () => expect(await replica.admin.info('replication')).toContain('master_link_status:up'), 20_000)
  await linked(other)
  const way = await TcpProxy.to(one.port)
  ending.push(() => way.close())
  const ledger = await open(way.port, 10_000)
  ledger.start(1_000)
  let [master, replica] = [one, other]
  for (let round = 0; round < 3; round += 1) {
    await ledger.handles(200)
    await master.admin.call('FAILOVER', 'TO', '127.0.0.1', replica.port)
    await eventually(async () => expect(await replica.admin.info('replication')).toContain('role:master'))
    // As a name that has begun to lead to the new master; the old connections still stand.
    way.redirect(replica.port)
    ;[master, replica] = [replica, master]
    await linked(replica)
  }
  // Subscribers may have stayed with a replica, which passes on what the master publishes.
  await ledger.handles(500)
  await ledger.check(master)
  expect(ledger.acknowledged.size).toBe(ledger.sent)
})
