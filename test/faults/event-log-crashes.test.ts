import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Appended } from '../../src/core/event-log.ts'
import { channelLog, openEventLog, readAll } from '../support/event-log.ts'
import { eventually } from '../support/eventually.ts'
import { OutcomeLedger } from '../support/outcomes.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const log = channelLog('orders')
const retention = { maxCount: 1_000_000 }

interface Tally {
  sent: number
  acknowledged: number
  lost: number
  doubled: number
  outOfOrder: number
}

/** Appends 5,000 messages a second while `trouble` goes on; then compares what was acknowledged with the log. */
async function underLoad(server: RedisServer, port: number, trouble: () => Promise<void>): Promise<Tally> {
  const eventLog = openEventLog(port, 10_000)
  const ledger = new OutcomeLedger()
  const acknowledged = new Map<number, Appended>()
  let sent = 0
  let loading = true
  const load = (async () => {
    const start = performance.now()
    while (loading) {
      while (sent < (performance.now() - start) * 5) {
        const mine = sent
        sent += 1
        void ledger
          .watch(eventLog.append(log, { channel: 'orders', payload: String(mine), retention }))
          .then((appended) => appended && acknowledged.set(mine, appended))
      }
      await delay(4)
    }
  })()
  try {
    await trouble()
    loading = false
    await load
    await eventually(() => expect(ledger.outcomes.pending).toBe(0), 12_000)
    expect(ledger.outcomes.longestMs).toBeLessThan(11_000)
    expect(ledger.outcomes.rejected).toEqual({})
    const stored = (await readAll(eventLog, log)).map(({ payload }) => Number(payload))
    const there = new Set(stored)
    return {
      sent,
      acknowledged: acknowledged.size,
      lost: [...acknowledged.keys()].filter((n) => !there.has(n)).length,
      doubled: stored.length - there.size,
      outOfOrder: stored.filter((n, index) => n < (stored[index - 1] ?? -1)).length,
    }
  } finally {
    await eventLog.close()
    await eventually(async () => expect(await server.clients()).toEqual([]))
  }
}

async function killTwentyTimes(server: RedisServer): Promise<void> {
  for (let kills = 0; kills < 20; kills += 1) {
    await delay(150 + Math.random() * 250)
    await server.kill()
    await server.restart()
  }
  await delay(300)
}

test('AOF always, kill -9 twenty times under load: nothing acknowledged is lost, nothing doubled or reordered', {
  timeout: 90_000,
}, async () => {
  const server = await RedisServer.start({ config: { appendonly: 'yes', appendfsync: 'always' } })
  try {
    const tally = await underLoad(server, server.port, () => killTwentyTimes(server))
    console.log('appendfsync always, 20 kills:', tally)
    expect(tally).toMatchObject({ lost: 0, doubled: 0, outOfOrder: 0 })
    expect(tally.acknowledged).toBe(tally.sent)
  } finally {
    await server.stop()
  }
})

test('AOF everysec, kill -9 twenty times under load: nothing doubled; what is lost is counted', {
  timeout: 90_000,
}, async () => {
  const server = await RedisServer.start({ config: { appendonly: 'yes', appendfsync: 'everysec' } })
  try {
    const tally = await underLoad(server, server.port, () => killTwentyTimes(server))
    console.log('appendfsync everysec, 20 kills:', tally)
    expect(tally).toMatchObject({ doubled: 0, outOfOrder: 0 })
  } finally {
    await server.stop()
  }
})

test('connections cut and clients killed under load: every message is there once, in order', {
  timeout: 60_000,
}, async () => {
  const server = await RedisServer.start()
  const proxy = await TcpProxy.to(server.port)
  try {
    const tally = await underLoad(server, proxy.port, async () => {
      for (let i = 0; i < 20; i += 1) {
        await delay(50 + Math.random() * 100)
        if (i % 2 === 0) proxy.reset()
        else await server.admin.call('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES')
      }
      await delay(200)
    })
    console.log('20 cut connections:', tally)
    expect(tally).toMatchObject({ lost: 0, doubled: 0, outOfOrder: 0 })
    expect(tally.acknowledged).toBe(tally.sent)
  } finally {
    await proxy.close()
    await server.stop()
  }
})
