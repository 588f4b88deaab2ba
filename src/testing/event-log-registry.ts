import assert from 'node:assert/strict'
import type { EventLog } from '../core/event-log.ts'
import { logPartition } from '../core/keys.ts'
import { type LogId, logText } from '../core/log-id.ts'
import { until } from './awaiting.ts'
import { append, type EventLogCase, eventLogCase, range, readAll } from './event-log-case.ts'

/** Logs that are in one partition, as many as asked for. */
function neighbours({ partitions }: EventLog, count: number, name: (ending: string) => string): LogId[] {
  const found: LogId[] = [{ kind: 'channel', name: name('0') }]
  const partition = logPartition(found[0]!, partitions)
  for (let number = 1; found.length < count; number += 1) {
    const log: LogId = { kind: number % 2 === 0 ? 'channel' : 'shared', name: name(String(number)) }
    if (logPartition(log, partitions) === partition) found.push(log)
  }
  return found
}

/** What is known of a partition and of the deployment. */
export const registryCases: readonly EventLogCase[] = [
  eventLogCase('tells which logs of a partition changed, in the order of their change', async ({ client, name }) => {
    const [{ eventLog }, other] = [await client(), await client()]
    const [a, b, c] = neighbours(eventLog, 3, name) as [LogId, LogId, LogId]
    const partition = logPartition(a, eventLog.partitions)
    const before = await other.eventLog.changes(partition)
    assert.deepEqual([before.epoch, before.counter, before.logs], ['', 0, []])
    for (const log of [a, b, c, b]) await append(eventLog, log, 'x')
    const after = await other.eventLog.changes(partition, before.counter)
    assert.deepEqual(
      after.logs.map(({ log }) => log),
      [a, c, b],
    )
    assert.ok(after.history !== '' && after.epoch !== '')
    for (const { log, counter } of after.logs) {
      assert.equal(counter, (await readAll(eventLog, log)).at(-1)!.counter)
    }
    assert.equal(after.counter, after.logs.at(-1)!.counter)
    assert.deepEqual((await eventLog.changes(partition)).logs, [])
    await append(eventLog, a, 'x')
    const later = await eventLog.changes(partition, after.counter)
    assert.deepEqual(later, {
      history: after.history,
      epoch: after.epoch,
      counter: later.counter,
      logs: [{ log: a, counter: later.counter }],
    })
    assert.ok(later.counter > after.counter)
    assert.deepEqual((await eventLog.changes(partition, later.counter)).logs, [])
  }),

  eventLogCase('raises the counter with every append, in each partition by itself', async ({ client, name }) => {
    const { eventLog } = await client()
    const [a, b] = neighbours(eventLog, 2, name) as [LogId, LogId]
    for (let round = 0; round < 5; round += 1) for (const log of [a, b]) await append(eventLog, log, 'x')
    const entries = [...(await readAll(eventLog, a)), ...(await readAll(eventLog, b))]
    const counters = entries.map(({ counter }) => counter).sort((one, other) => one - other)
    assert.equal(new Set(counters).size, 10)
    const partition = logPartition(a, eventLog.partitions)
    assert.equal((await eventLog.changes(partition)).counter, counters.at(-1))
    const next = (partition + 1) % eventLog.partitions
    if (next !== partition) assert.equal((await eventLog.changes(next)).counter, 0)
  }),

  eventLogCase('lists the logs of each partition', async ({ client, log, name }) => {
    const [{ eventLog }, other] = [await client(), await client()]
    const logs = range(1, 10).flatMap((number): LogId[] => [
      log(String(number)),
      { kind: 'shared', name: name(String(number)) },
    ])
    await Promise.all(logs.map((each) => append(eventLog, each, 'x')))
    for (const partition of new Set(logs.map((each) => logPartition(each, eventLog.partitions)))) {
      const expected = logs.filter((each) => logPartition(each, eventLog.partitions) === partition)
      const listed = await other.eventLog.logs(partition)
      assert.deepEqual(listed.map(logText).sort(), expected.map(logText).sort())
    }
  }),

  eventLogCase('gives logs that begin at once epochs of their own', async ({ client, name }) => {
    const { eventLog } = await client()
    const appended = await Promise.all(neighbours(eventLog, 100, name).map((each) => append(eventLog, each, 'x')))
    assert.equal(new Set(appended.map(({ position }) => position.epoch)).size, 100)
  }),

  eventLogCase('forgets logs that are gone, also behind one that stays', async ({ client, name }) => {
    const { eventLog } = await client()
    const [stays, ...young] = neighbours(eventLog, 300, name) as [LogId, ...LogId[]]
    const partition = logPartition(stays, eventLog.partitions)
    await append(eventLog, stays, 'x')
    const retention = { maxAgeMs: 20 }
    await Promise.all(young.map((each) => append(eventLog, each, 'x', { retention })))
    const known = async () => {
      for (let round = 0; round < 50; round += 1) await append(eventLog, young[0]!, 'x')
      const logs = (await eventLog.logs(partition)).map(logText)
      assert.ok(logs.includes(logText(stays)))
      return logs.length < 50
    }
    await until(known, true, 'most logs are forgotten')
  }),

  eventLogCase('has the same number of partitions for every client', async ({ client }) => {
    const counts = [await client(), await client()].map(({ eventLog }) => eventLog.partitions)
    assert.ok(Number.isInteger(counts[0]) && counts[0]! >= 1)
    assert.equal(counts[0], counts[1])
  }),

  eventLogCase('has version 0 of the policies at first, and keeps what replaces them', async ({ client }) => {
    const [{ eventLog }, other] = [await client(), await client()]
    assert.deepEqual(await eventLog.policies(), { version: 0, policies: {} })
    const policies = {
      'order.*': { history: { maxCount: 10, maxAgeMs: 1_000 }, log: 'orders', maxBytes: 100 },
      'grüße:{😀}\n*': { history: false },
      live: { durability: { replicas: 1, timeoutMs: 100 } },
    } as const
    const version = await eventLog.replacePolicies(0, policies)
    assert.ok(version !== undefined && version > 0)
    assert.deepEqual(await other.eventLog.policies(), { version, policies })
    const emptied = await other.eventLog.replacePolicies(version, {})
    assert.ok(emptied !== undefined && emptied > version)
    assert.deepEqual(await eventLog.policies(), { version: emptied, policies: {} })
  }),

  eventLogCase('lets one of those who replace the policies at once win', async ({ client }) => {
    const clients = [await client(), await client(), await client()]
    const replace = (version: number) =>
      Promise.all(
        clients.map(({ eventLog }, number) => eventLog.replacePolicies(version, { [`p${number}`]: { maxBytes: 1 } })),
      )
    const versions = await replace(0)
    const winner = versions.findIndex((version) => version !== undefined)
    assert.equal(versions.filter((version) => version !== undefined).length, 1)
    assert.deepEqual(await clients[0]!.eventLog.policies(), {
      version: versions[winner],
      policies: { [`p${winner}`]: { maxBytes: 1 } },
    })
    assert.deepEqual(await replace(0), [undefined, undefined, undefined])
    assert.deepEqual(await replace(99), [undefined, undefined, undefined])
  }),
]
