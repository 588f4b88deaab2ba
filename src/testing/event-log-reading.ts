import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { ReadQuery } from '../core/event-log.ts'
import { until } from './awaiting.ts'
import { append, type EventLogCase, eventLogCase, range, readAll, seqsOf, textsOf } from './event-log-case.ts'

/** Reading, seeking, and what retention leaves. */
export const readingCases: readonly EventLogCase[] = [
  eventLogCase('knows nothing of a log that was never written to', async ({ client, log }) => {
    const { eventLog } = await client()
    for (const reverse of [false, true]) {
      assert.deepEqual(await eventLog.read(log('x'), { limit: 10, reverse }), { head: undefined, entries: [] })
    }
    assert.equal(await eventLog.seek(log('x'), 'time', 0), 1)
    assert.equal(await eventLog.seek(log('x'), 'counter', 5), 1)
  }),

  eventLogCase('reads what was asked for, in either direction', async ({ client, log }) => {
    const { eventLog } = await client()
    await Promise.all(range(1, 20).map((number) => append(eventLog, log('x'), String(number))))
    const expected: readonly (readonly [ReadQuery, number[]])[] = [
      [{ limit: 100 }, range(1, 20)],
      [{ limit: 5 }, range(1, 5)],
      [{ fromSeq: 7, limit: 100 }, range(7, 20)],
      [{ toSeq: 4, limit: 100 }, range(1, 4)],
      [{ fromSeq: 7, toSeq: 9, limit: 100 }, [7, 8, 9]],
      [{ fromSeq: 7, toSeq: 7, limit: 100 }, [7]],
      [{ fromSeq: 9, toSeq: 7, limit: 100 }, []],
      [{ fromSeq: 21, limit: 100 }, []],
      [{ toSeq: 0, limit: 100 }, []],
      [{ fromSeq: 0, toSeq: 99, limit: 100 }, range(1, 20)],
      [{ limit: 3, reverse: true }, [20, 19, 18]],
      [{ toSeq: 7, limit: 3, reverse: true }, [7, 6, 5]],
      [{ fromSeq: 6, toSeq: 7, limit: 3, reverse: true }, [7, 6]],
    ]
    for (const [query, seqs] of expected) {
      const { head, entries } = await eventLog.read(log('x'), query)
      assert.deepEqual([head?.seq, seqsOf(entries)], [20, seqs], JSON.stringify(query))
      assert.deepEqual(textsOf(entries), seqs.map(String))
    }
  }),

  eventLogCase('reads a long log page by page, in either direction', async ({ client, log }) => {
    const [{ eventLog }, reader] = [await client(), await client()]
    await Promise.all(range(1, 500).map((number) => append(eventLog, log('x'), String(number))))
    assert.deepEqual(seqsOf(await readAll(reader.eventLog, log('x'), 33)), range(1, 500))
    const downwards: number[] = []
    for (let toSeq = 500; toSeq > 0; toSeq = downwards.at(-1)! - 1) {
      const { entries } = await reader.eventLog.read(log('x'), { toSeq, limit: 33, reverse: true })
      assert.ok(entries.length >= 1 && entries.length <= 33)
      downwards.push(...seqsOf(entries))
    }
    assert.deepEqual(downwards, range(1, 500).reverse())
  }),

  eventLogCase('keeps exactly the last maxCount entries', async ({ client, log }) => {
    const { eventLog } = await client()
    const retention = { maxCount: 7 }
    for (const batch of [range(1, 5), range(6, 8), range(9, 400)]) {
      await Promise.all(batch.map((number) => append(eventLog, log('x'), String(number), { retention })))
      const last = batch.at(-1)!
      const firstSeq = Math.max(1, last - 6)
      const { head, entries } = await eventLog.read(log('x'), { fromSeq: 1, limit: 100 })
      assert.deepEqual([head?.firstSeq, head?.seq, seqsOf(entries)], [firstSeq, last, range(firstSeq, last)])
      assert.equal(await eventLog.seek(log('x'), 'time', 0), firstSeq)
      const reversed = await eventLog.read(log('x'), { limit: 100, reverse: true })
      assert.deepEqual(seqsOf(reversed.entries), range(firstSeq, last).reverse())
    }
  }),

  eventLogCase('brings nothing back when more is to be kept', async ({ client, log }) => {
    const { eventLog } = await client()
    for (const maxCount of [2, 2, 2, 2, 100]) await append(eventLog, log('x'), 'x', { retention: { maxCount } })
    const { head, entries } = await eventLog.read(log('x'), { fromSeq: 1, limit: 100 })
    assert.deepEqual([head?.firstSeq, seqsOf(entries)], [3, [3, 4, 5]])
  }),

  eventLogCase('lets go of entries that have become too old when others are appended', async ({ client, log }) => {
    const { eventLog } = await client()
    const maxAgeMs = 300
    const first = await append(eventLog, log('x'), 'x', { retention: { maxAgeMs } })
    const firstTime = (await eventLog.read(log('x'), { limit: 1 })).entries[0]!.timeMs
    for (;;) {
      await append(eventLog, log('x'), 'x', { retention: { maxAgeMs } })
      const { head, entries } = await eventLog.read(log('x'), { fromSeq: 1, limit: 1_000 })
      const lastTime = entries.at(-1)!.timeMs
      assert.equal(head?.epoch, first.position.epoch)
      assert.deepEqual(seqsOf(entries), range(head.firstSeq, head.seq))
      if (head.firstSeq > 1) {
        assert.ok(lastTime - firstTime > maxAgeMs, `gone after ${lastTime - firstTime} ms`)
        assert.ok(lastTime - entries[0]!.timeMs <= maxAgeMs + 50, `${lastTime - entries[0]!.timeMs} ms old`)
        return
      }
      assert.ok(lastTime - firstTime < 10 * maxAgeMs, 'nothing ever goes')
      await delay(5)
    }
  }),

  eventLogCase('goes as a whole when nobody appends, and numbering goes on', async ({ client, log }) => {
    const { eventLog } = await client()
    const retention = { maxAgeMs: 1_000 }
    const calls = ['a', 'b'].map((text) => append(eventLog, log('x'), text, { retention }))
    const [, second] = await Promise.all(calls)
    const countOf = async () => (await eventLog.read(log('x'), { limit: 10 })).entries.length
    assert.equal(await countOf(), 2)
    await until(countOf, 0, 'the number of entries')
    const { head } = await eventLog.read(log('x'), { limit: 10 })
    assert.deepEqual([head?.epoch, head?.seq, head?.firstSeq], [second!.position.epoch, 2, 3])
    const third = await append(eventLog, log('x'), 'c', { retention })
    assert.deepEqual(third.position, { ...second!.position, seq: 3 })
    assert.deepEqual(textsOf(await readAll(eventLog, log('x'))), ['c'])
  }),

  eventLogCase('a shorter age holds from the next append on', async ({ client, log }) => {
    const { eventLog } = await client()
    const day = 86_400_000
    for (const text of ['a', 'b']) await append(eventLog, log('x'), text, { retention: { maxAgeMs: day } })
    await delay(30)
    await append(eventLog, log('x'), 'c', { retention: { maxAgeMs: 20 } })
    assert.deepEqual(textsOf((await eventLog.read(log('x'), { limit: 10 })).entries), ['c'])
  }),

  eventLogCase('finds nothing in what has gone as a whole', async ({ client, log }) => {
    const { eventLog } = await client()
    const retention = { maxAgeMs: 1_000 }
    await Promise.all(['a', 'b'].map((text) => append(eventLog, log('x'), text, { retention })))
    const countOf = async () => (await eventLog.read(log('x'), { limit: 10 })).entries.length
    await until(countOf, 0, 'the number of entries')
    for (const by of ['time', 'counter'] as const) assert.equal(await eventLog.seek(log('x'), by, 0), 3, by)
  }),

  eventLogCase('finds the first entry at or after a time, and a counter', async ({ client, log }) => {
    const { eventLog } = await client()
    const retention = { maxCount: 30 }
    for (const round of range(1, 8)) {
      await Promise.all(range(1, 5).map((number) => append(eventLog, log('x'), `${round}:${number}`, { retention })))
      await delay(3)
    }
    const entries = await readAll(eventLog, log('x'))
    assert.deepEqual(seqsOf(entries), range(11, 40))
    for (const [by, field] of [
      ['time', 'timeMs'],
      ['counter', 'counter'],
    ] as const) {
      const values = entries.map((entry) => entry[field])
      assert.ok(new Set(values).size >= 6, `${values}`)
      for (const value of new Set([0, 1, ...values.flatMap((each) => [each, each + 1]), values.at(-1)! + 10_000])) {
        const expected = entries.find((entry) => entry[field] >= value)?.seq ?? 41
        assert.equal(await eventLog.seek(log('x'), by, value), expected, `${by} ${value} in ${values}`)
      }
    }
  }),
]
