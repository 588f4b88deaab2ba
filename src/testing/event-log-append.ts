import assert from 'node:assert/strict'
import { logOfLiveChannel } from '../core/keys.ts'
import type { LogId } from '../core/log-id.ts'
import { append, type EventLogCase, eventLogCase, range, readAll, seqsOf, textsOf } from './event-log-case.ts'
import { Inbox } from './inbox.ts'

/** Names that programs have been seen to trip over. */
const ODD_NAMES = [
  'with space',
  'line\r\nbreak',
  '{brace}',
  '}{',
  '{}',
  'a}:live:log:b',
  'shared:a',
  'log:a',
  '1,2,3,x',
  '%s%1',
  'nul\0byte',
  '*[?\\',
  'constructor',
  'grüße:日本:😀',
]

/** What is in a log after appending: numbers, order, bytes, names. */
export const appendCases: readonly EventLogCase[] = [
  eventLogCase('numbers the entries of a new log from 1-1, rising by one', async ({ client, log }) => {
    const { eventLog } = await client()
    const positions = []
    for (const text of ['a', 'b', 'c']) positions.push((await append(eventLog, log('x'), text)).position)
    const { epoch } = positions[0]!
    assert.match(epoch, /^[0-9a-z]{1,32}$/)
    assert.deepEqual(
      positions,
      [1, 2, 3].map((seq) => ({ epoch, gen: 1, seq })),
    )
    const { head } = await eventLog.read(log('x'), { limit: 1 })
    assert.deepEqual(head, { epoch, gen: 1, seq: 3, firstSeq: 1, chain: [{ gen: 1, firstSeq: 1 }] })
  }),

  eventLogCase('numbers each log by itself', async ({ client, log }) => {
    const { eventLog } = await client()
    for (const name of ['x', 'y', 'x', 'x']) await append(eventLog, log(name), name)
    assert.equal((await append(eventLog, log('y'), 'y')).position.seq, 2)
    assert.equal((await append(eventLog, log('x'), 'x')).position.seq, 4)
  }),

  eventLogCase('keeps the order of 1,000 calls made in one tick over three logs', async ({ client, log }) => {
    const [{ eventLog }, { pubSub }] = [await client(), await client()]
    const logs = ['x', 'y', 'z'].map(log)
    const inboxes = logs.map(() => new Inbox())
    for (const [index, { name }] of logs.entries()) {
      await pubSub.subscribe('channel', name, inboxes[index]!.listener)
    }
    const calls = range(0, 999).map((number) => append(eventLog, logs[number % 3]!, String(number)))
    const appended = await Promise.all(calls)
    for (const [index, each] of logs.entries()) {
      const expected = range(0, 999).filter((number) => number % 3 === index)
      const seqs = expected.map((number) => appended[number]!.position.seq)
      assert.deepEqual(seqs, range(1, expected.length))
      assert.deepEqual(textsOf(await readAll(eventLog, each)), expected.map(String))
      await inboxes[index]!.has(expected.length)
      assert.deepEqual(inboxes[index]!.texts, expected.map(String))
    }
  }),

  eventLogCase('gives dense numbers to clients that append to one log at once', async ({ client, log }) => {
    const clients = [await client(), await client(), await client(), await client()]
    const perClient = await Promise.all(
      clients.map(async ({ eventLog }, who) => {
        const seqs: number[] = []
        for (let round = 0; round < 10; round += 1) {
          const calls = range(0, 9).map((number) => append(eventLog, log('x'), `${who}:${10 * round + number}`))
          seqs.push(...(await Promise.all(calls)).map(({ position }) => position.seq))
        }
        return seqs
      }),
    )
    for (const seqs of perClient)
      assert.deepEqual(
        seqs,
        seqs.toSorted((one, other) => one - other),
      )
    assert.deepEqual(
      perClient.flat().sort((one, other) => one - other),
      range(1, 400),
    )
    const entries = await readAll(clients[0]!.eventLog, log('x'))
    assert.deepEqual(seqsOf(entries), range(1, 400))
    for (const [who, seqs] of perClient.entries()) {
      const texts = textsOf(seqs.map((seq) => entries[seq - 1]!))
      assert.deepEqual(
        texts,
        range(0, 99).map((number) => `${who}:${number}`),
      )
    }
  }),

  eventLogCase('keeps every byte value, and the empty message', async ({ client, log }) => {
    const { eventLog } = await client()
    const all = Uint8Array.from({ length: 256 }, (_, value) => value)
    for (const payload of [all, all.subarray(200, 203), '', new Uint8Array(), 'ünï→😀']) {
      await append(eventLog, log('x'), payload)
    }
    const payloads = (await readAll(eventLog, log('x'))).map(({ payload }) => payload)
    assert.ok(payloads.every((payload) => Buffer.isBuffer(payload)))
    const expected = [all, [200, 201, 202], [], [], Buffer.from('ünï→😀')]
    assert.deepEqual(
      payloads.map((payload) => [...payload]),
      expected.map((payload) => [...payload]),
    )
  }),

  eventLogCase('keeps the bytes as they were at the call', async ({ client, log }) => {
    const { eventLog } = await client()
    for (const expected of ['first', 'later']) {
      const bytes = Buffer.from(expected)
      const call = append(eventLog, log('x'), bytes)
      bytes.fill('!')
      await call
    }
    assert.deepEqual(textsOf(await readAll(eventLog, log('x'))), ['first', 'later'])
  }),

  eventLogCase('takes a hundred messages of 60 KB in one tick', async ({ client, log }) => {
    const { eventLog } = await client()
    const payloads = range(0, 99).map((number) => Buffer.alloc(60_000, String(number)))
    const appended = await Promise.all(payloads.map((payload) => append(eventLog, log('x'), payload)))
    assert.deepEqual(
      appended.map(({ position }) => position.seq),
      range(1, 100),
    )
    const entries = await readAll(eventLog, log('x'))
    assert.equal(entries.length, 100)
    for (const [index, { payload }] of entries.entries()) assert.ok(payload.equals(payloads[index]!))
  }),

  eventLogCase('takes any name for a log and for a channel', async ({ client, name, live }) => {
    const { eventLog, pubSub } = await client()
    const namespace = live(eventLog, { kind: 'channel', name: 'a' }).split(':{')[0]!
    for (const odd of ODD_NAMES.flatMap((each) => [each, name(each)])) {
      for (const kind of ['channel', 'shared'] as const) {
        const log: LogId = { kind, name: odd }
        assert.deepEqual(logOfLiveChannel(namespace, live(eventLog, log)), log)
        const inbox = new Inbox()
        const handle = await pubSub.subscribe('channel', odd, inbox.listener)
        const calls = [append(eventLog, log, 'one'), append(eventLog, log, 'two')]
        const appended = await Promise.all(calls)
        assert.deepEqual(
          appended.map(({ position, receivers }) => [position.seq, receivers]),
          [
            [1, 1],
            [2, 1],
          ],
          odd,
        )
        const entries = await readAll(eventLog, log)
        assert.deepEqual(
          entries.map(({ channel, payload }) => [channel, payload.toString()]),
          [
            [odd, 'one'],
            [odd, 'two'],
          ],
        )
        await inbox.has(2)
        handle.release()
      }
    }
  }),

  eventLogCase('says how many replicas have confirmed, where that was asked for', async ({ client, log }) => {
    const { eventLog } = await client()
    const durability = { replicas: 1, timeoutMs: 10 }
    const asked = await append(eventLog, log('x'), 'asked', { durability })
    assert.ok(asked.reached !== undefined && Number.isInteger(asked.reached) && asked.reached >= 0)
    assert.equal((await append(eventLog, log('x'), 'unasked')).reached, undefined)
    assert.deepEqual(textsOf(await readAll(eventLog, log('x'))), ['asked', 'unasked'])
  }),
]
