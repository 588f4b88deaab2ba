import { afterEach, expect, test } from 'vitest'
import type { TidingsError } from '../../src/core/errors.ts'
import { channelLog, keysOf, openEventLog, texts } from '../support/event-log.ts'
import { RedisServer } from '../support/redis-server.ts'

const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** More than one script call moves away. */
const FOREIGN = 250_000

test('250,000 foreign entries: a few appends move them away, readers see none, and numbering goes on', {
  timeout: 60_000,
}, async () => {
  const server = await RedisServer.start()
  ending.push(() => server.stopWithoutLeaks())
  const eventLog = openEventLog(server.port, 20_000)
  ending.push(() => eventLog.close())
  const warnings: TidingsError[] = []
  eventLog.onWarning((error) => warnings.push(error))
  const log = channelLog('orders')
  const { stream } = keysOf(log)
  const append = (payload: string) =>
    eventLog.append(log, { channel: 'orders', payload, retention: { maxCount: 1_000_000 } })
  const first = await append('first')
  for (let added = 0; added < FOREIGN; added += 50_000) {
    const pipeline = server.admin.pipeline()
    for (let i = 0; i < 50_000; i += 1) pipeline.xadd(stream, '*', 'p', `foreign ${added + i}`, 'c', '1', 't', '1')
    await pipeline.exec()
  }
  expect(await server.admin.xlen(stream)).toBe(FOREIGN + 1)

  const kept = ['first']
  const refused: TidingsError[] = []
  let calls = 0
  for (let i = 0; i < 10; i += 1) {
    // One call each: a burst, as a busy log has it.
    const payloads = Array.from({ length: 100 }, (_, j) => `${i}.${j}`)
    const results = await Promise.allSettled(payloads.map(append))
    calls += 1
    expect(warnings.length).toBeLessThanOrEqual(calls)
    results.forEach((result, j) => {
      if (result.status === 'fulfilled') kept.push(payloads[j]!)
      else refused.push(result.reason)
    })
    expect(await texts(eventLog, log)).toEqual(kept)
    if (i > 0 && refused.length === 0) break
  }
  console.log(
    `${calls} calls, ${refused.length} appends refused, moved:`,
    warnings.map(({ context }) => context.count),
    new Set(refused.map(({ code, message }) => `${code} ${message}`)),
  )
  const last = await append('last')
  expect(await texts(eventLog, log)).toEqual([...kept, 'last'])
  expect(last.position).toEqual({ ...first.position, seq: kept.length + 1 })
  expect(await server.admin.xlen(stream)).toBe(kept.length + 1)
  // Until they are gone, appends say that nothing was stored and that calling again helps.
  expect(new Set(refused.map(({ code, retryable }) => `${code} ${retryable}`))).toEqual(new Set(['WRITE_REFUSED true']))
  expect(warnings.every(({ code }) => code === 'FOREIGN_ENTRIES')).toBe(true)
  expect(warnings.reduce((sum, { context }) => sum + Number(context.count), 0)).toBe(FOREIGN)
})
