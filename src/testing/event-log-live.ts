import assert from 'node:assert/strict'
import type { LogId } from '../core/log-id.ts'
import { append, type EventLogCase, eventLogCase, framesOf, range, readAll, seqsOf } from './event-log-case.ts'
import { Inbox } from './inbox.ts'

/** What subscribers get of an append. */
export const liveCases: readonly EventLogCase[] = [
  eventLogCase('publishes the payload unchanged on the channel’s own name', async ({ client, log, name }) => {
    const [{ eventLog }, { pubSub }] = [await client(), await client()]
    const [exact, byPattern] = [new Inbox(), new Inbox()]
    await pubSub.subscribe('channel', name('x'), exact.listener)
    await pubSub.subscribe('pattern', name('*'), byPattern.listener)
    const payloads = ['{"a": 1}', '', Uint8Array.of(0, 255, 10, 200)]
    for (const payload of payloads) await append(eventLog, log('x'), payload)
    for (const inbox of [exact, byPattern]) {
      await inbox.has(3)
      assert.deepEqual(
        inbox.messages.map(({ channel, bytes }) => [channel, [...bytes]]),
        payloads.map((payload) => [name('x'), [...Buffer.from(payload)]]),
      )
    }
  }),

  eventLogCase('publishes frames that hold just what the log holds', async ({ client, log, live }) => {
    const [{ eventLog }, { pubSub }] = [await client(), await client()]
    const inbox = new Inbox()
    await pubSub.subscribe('channel', live(eventLog, log('x')), inbox.listener)
    await append(eventLog, log('x'), Uint8Array.of(10, 0, 255))
    await Promise.all(range(1, 200).map((number) => append(eventLog, log('x'), `ü${number}`)))
    await append(eventLog, log('x'), '')
    const stored = await readAll(eventLog, log('x'))
    assert.equal(stored.length, 202)
    const frames = () => framesOf(inbox.messages, log('x'))
    for (let count = 1; frames().flatMap(({ entries }) => entries).length < 202; count += 1) await inbox.has(count)
    const { head } = await eventLog.read(log('x'), { limit: 1 })
    assert.ok(frames().every(({ epoch }) => epoch === head?.epoch))
    assert.deepEqual(
      frames().flatMap(({ entries }) => entries),
      stored,
    )
  }),

  eventLogCase('counts the receivers on both names, and on patterns', async ({ client, log, live, name }) => {
    const [{ eventLog, pubSub }, other] = [await client(), await client()]
    const ignore = () => {}
    assert.equal((await append(eventLog, log('x'), 'a')).receivers, 0)
    await pubSub.subscribe('channel', name('x'), ignore)
    assert.equal((await append(eventLog, log('x'), 'b')).receivers, 1)
    await other.pubSub.subscribe('channel', live(eventLog, log('x')), ignore)
    assert.equal((await append(eventLog, log('x'), 'c')).receivers, 2)
    await other.pubSub.subscribe('pattern', name('?'), ignore)
    assert.equal((await append(eventLog, log('x'), 'd')).receivers, 3)
    await other.pubSub.subscribe('channel', live(eventLog, log('y')), ignore)
    const both = await Promise.all(['e', 'f'].map((text) => append(eventLog, log('x'), text)))
    assert.deepEqual(
      both.map(({ receivers, duplicate }) => [receivers, duplicate]),
      [
        [3, false],
        [3, false],
      ],
    )
  }),

  eventLogCase('can be read by whoever sees it live', async ({ client, log, live, name }) => {
    const [{ eventLog }, reader] = [await client(), await client()]
    const seen: Promise<number>[] = []
    const inbox = new Inbox()
    for (const channel of [name('x'), live(eventLog, log('x'))]) {
      await reader.pubSub.subscribe('channel', channel, (message) => {
        seen.push(reader.eventLog.read(log('x'), { limit: 1 }).then(({ head }) => head?.seq ?? 0))
        inbox.listener(message)
      })
    }
    for (const seq of range(1, 5)) {
      await append(eventLog, log('x'), String(seq))
      await inbox.has(2 * seq)
      const heads = await Promise.all(seen.splice(0))
      assert.ok(
        heads.every((head) => head >= seq),
        `${seq}: ${heads}`,
      )
    }
  }),

  eventLogCase('keeps the names of the channels that share a log, and their order', async ({ client, name, live }) => {
    const [{ eventLog }, { pubSub }] = [await client(), await client()]
    const log: LogId = { kind: 'shared', name: name('orders') }
    const channels = range(0, 29).map((number) => name(['created', 'paid', 'grüße 😀'][number % 3]!))
    const [frames, plain] = [new Inbox(), new Inbox()]
    await pubSub.subscribe('channel', live(eventLog, log), frames.listener)
    await pubSub.subscribe('channel', name('paid'), plain.listener)
    await Promise.all(channels.map((channel, number) => append(eventLog, log, String(number), { channel })))
    const stored = await readAll(eventLog, log)
    assert.deepEqual(
      stored.map(({ channel, payload }) => [channel, payload.toString()]),
      channels.map((channel, number) => [channel, String(number)]),
    )
    const live30 = () => framesOf(frames.messages, log).flatMap(({ entries }) => entries)
    for (let count = 1; live30().length < 30; count += 1) await frames.has(count)
    assert.deepEqual(live30(), stored)
    await plain.has(10)
    assert.deepEqual(
      plain.texts,
      range(0, 9).map((number) => String(3 * number + 1)),
    )
  }),

  eventLogCase('tells a shared log from the log of a channel with its name', async ({ client, log }) => {
    const { eventLog } = await client()
    const shared: LogId = { kind: 'shared', name: log('x').name }
    await append(eventLog, log('x'), 'a')
    await append(eventLog, log('x'), 'b')
    assert.equal((await append(eventLog, shared, 'c')).position.seq, 1)
    assert.deepEqual(seqsOf(await readAll(eventLog, log('x'))), [1, 2])
    assert.deepEqual(seqsOf(await readAll(eventLog, shared)), [1])
  }),
]
