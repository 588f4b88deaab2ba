import assert from 'node:assert/strict'
import { TidingsError } from '../core/errors.ts'
import { append, type EventLogCase, eventLogCase, range, readAll, textsOf } from './event-log-case.ts'

function assertClosed(call: Promise<unknown>): Promise<void> {
  return assert.rejects(call, (error) => error instanceof TidingsError && error.code === 'CLOSED')
}

/** Closing. */
export const eventLogLifecycleCases: readonly EventLogCase[] = [
  eventLogCase('rejects every call with CLOSED from the call of close on', async ({ client, log }) => {
    const { eventLog } = await client()
    await append(eventLog, log('x'), 'x')
    const closing = [eventLog.close(), eventLog.close()]
    for (let round = 0; round < 2; round += 1) {
      await assertClosed(append(eventLog, log('x'), 'x'))
      await assertClosed(eventLog.read(log('x'), { limit: 1 }))
      await assertClosed(eventLog.seek(log('x'), 'time', 0))
      await assertClosed(eventLog.changes(0))
      await assertClosed(eventLog.logs(0))
      await assertClosed(eventLog.policies())
      await assertClosed(eventLog.replacePolicies(0, {}))
      await Promise.all(closing)
    }
    await eventLog.close()
  }),

  eventLogCase('closes without ever having been used', async ({ client, log }) => {
    const { eventLog } = await client()
    await eventLog.close()
    await assertClosed(append(eventLog, log('x'), 'x'))
  }),

  eventLogCase('appends what was accepted before close', async ({ client, log }) => {
    const [writer, reader] = [await client(), await client()]
    await append(reader.eventLog, log('x'), 'before')
    await append(writer.eventLog, log('x'), 'first')
    const texts = range(1, 100).map(String)
    const calls = texts.map((text) => append(writer.eventLog, log('x'), text))
    await writer.eventLog.close()
    const appended = await Promise.all(calls)
    assert.deepEqual(
      appended.map(({ position }) => position.seq),
      range(3, 102),
    )
    assert.deepEqual(textsOf(await readAll(reader.eventLog, log('x'))), ['before', 'first', ...texts])
  }),

  eventLogCase('outlives the client that wrote it', async ({ client, log }) => {
    const [writer, reader] = [await client(), await client()]
    await reader.eventLog.read(log('x'), { limit: 1 })
    const { position } = await append(writer.eventLog, log('x'), 'x')
    await writer.close()
    const { head, entries } = await reader.eventLog.read(log('x'), { limit: 1 })
    assert.deepEqual([head?.epoch, textsOf(entries)], [position.epoch, ['x']])
    assert.deepEqual((await append(reader.eventLog, log('x'), 'y')).position, { ...position, seq: 2 })
  }),
]
