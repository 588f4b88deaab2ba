import assert from 'node:assert/strict'
import { until } from './awaiting.ts'
import { append, type EventLogCase, eventLogCase, range, readAll, textsOf } from './event-log-case.ts'
import { Inbox } from './inbox.ts'

const dedupe = { key: 'key', windowMs: 60_000 }

/** Messages that come twice. */
export const dedupeCases: readonly EventLogCase[] = [
  eventLogCase('appends a message once within the window, whoever repeats it', async ({ client, log, live, name }) => {
    const [one, other] = [await client(), await client()]
    const inbox = new Inbox()
    await other.pubSub.subscribe('channel', name('x'), inbox.listener)
    await other.pubSub.subscribe('channel', live(one.eventLog, log('x')), inbox.listener)
    await append(one.eventLog, log('x'), 'before')
    const first = await append(one.eventLog, log('x'), 'first', { dedupe })
    assert.deepEqual([first.position.seq, first.receivers, first.duplicate], [2, 2, false])
    for (const { eventLog } of [one, other]) {
      const again = await append(eventLog, log('x'), 'again', { dedupe })
      assert.deepEqual(again, { position: first.position, receivers: 0, duplicate: true })
    }
    assert.equal((await append(one.eventLog, log('x'), 'after')).position.seq, 3)
    await inbox.has(6)
    assert.ok(inbox.texts.every((text) => !text.includes('again')))
    assert.deepEqual(textsOf(await readAll(one.eventLog, log('x'))), ['before', 'first', 'after'])
  }),

  eventLogCase('appends one of the repeats made in one tick', async ({ client, log }) => {
    const { eventLog } = await client()
    const calls = range(0, 49).map((number) => append(eventLog, log('x'), String(number), { dedupe }))
    const appended = await Promise.all(calls)
    assert.deepEqual(
      appended.map(({ duplicate }) => duplicate),
      range(0, 49).map((number) => number > 0),
    )
    assert.ok(appended.every(({ position }) => position.seq === 1))
    assert.deepEqual(textsOf(await readAll(eventLog, log('x'))), ['0'])
  }),

  eventLogCase('appends the message again when the window is over', async ({ client, log }) => {
    const { eventLog } = await client()
    const short = { dedupe: { key: 'key', windowMs: 100 } }
    await append(eventLog, log('x'), 'first', short)
    const again = async () => (await append(eventLog, log('x'), 'again', short)).duplicate
    await until(again, false, 'the repeat’s being a duplicate')
    const entries = await readAll(eventLog, log('x'))
    assert.deepEqual(textsOf(entries), ['first', 'again'])
    assert.ok(entries[1]!.timeMs - entries[0]!.timeMs >= 100)
  }),

  eventLogCase('tells keys apart, and the same key in two logs', async ({ client, log, name }) => {
    const { eventLog } = await client()
    const keys = ['a', 'A', '', 'a ', 'a,b', 'line\nbreak', '日本 😀', '1:2', 'a\0b', 'k'.repeat(500)]
    const shared = { kind: 'shared', name: name('x') } as const
    for (const round of ['first', 'again']) {
      for (const each of [log('x'), log('y'), shared]) {
        const calls = keys.map((key) => append(eventLog, each, key, { dedupe: { key, windowMs: 60_000 } }))
        assert.deepEqual(
          (await Promise.all(calls)).map(({ position, duplicate }) => [position.seq, duplicate]),
          keys.map((_, index) => [index + 1, round === 'again']),
        )
      }
    }
  }),
]
