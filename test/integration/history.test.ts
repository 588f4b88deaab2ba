import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RedisEventLog } from '../../src/backends/redis/event-log.ts'
import type { Gap } from '../../src/core/gap.ts'
import { type HistoryQuery, readHistory } from '../../src/log/history.ts'
import { channelLog, keysOf, openEventLog } from '../support/event-log.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
let eventLog: RedisEventLog
beforeAll(async () => {
  server = await RedisServer.start()
  eventLog = openEventLog(server.port)
})
afterAll(async () => {
  await eventLog.close()
  await server.stopWithoutLeaks()
})
beforeEach(async () => {
  await server.admin.flushall()
})

const a = channelLog('a')
const append = async (payload: string | number, name = 'a', maxCount = 10_000) =>
  (await eventLog.append(channelLog(name), { channel: name, payload: String(payload), retention: { maxCount } }))
    .position

async function read(query: HistoryQuery = {}, names = ['a']): Promise<string[]> {
  const found: string[] = []
  for await (const { payload } of readHistory(eventLog, names.map(channelLog), query)) found.push(String(payload))
  return found
}

test('reads 2,500 entries in order, page by page, and backwards', async () => {
  const all = Array.from({ length: 2_500 }, (_, i) => String(i))
  await Promise.all(all.map((text) => append(text)))
  expect(await read()).toEqual(all)
  expect(await read({ reverse: true })).toEqual(all.toReversed())
  expect(await read({ limit: 3 })).toEqual(['0', '1', '2'])
  expect(await read({ limit: 3, reverse: true })).toEqual(['2499', '2498', '2497'])
})

test('begins after a position and ends with one', async () => {
  const positions = []
  for (let i = 0; i < 6; i += 1) positions.push(await append(i))
  expect(await read({ since: positions[1]! })).toEqual(['2', '3', '4', '5'])
  expect(await read({ since: positions[5]! })).toEqual([])
  expect(await read({ since: positions[1]!, until: positions[3]! })).toEqual(['2', '3'])
  expect(await read({ since: positions[1]!, reverse: true, limit: 2 })).toEqual(['5', '4'])
})

test('begins and ends at times', async () => {
  await append('before')
  const since = new Date(Date.now() + 20)
  await expect.poll(() => Date.now(), { interval: 5 }).toBeGreaterThan(since.getTime() + 5)
  await append('after')
  expect(await read({ since })).toEqual(['after'])
  expect(await read({ until: since })).toEqual(['before'])
})

test('what is appended while reading is not read', async () => {
  for (let i = 0; i < 20; i += 1) await append(i)
  let count = 0
  for await (const _ of readHistory(eventLog, [a], {})) {
    count += 1
    await append('more')
  }
  expect(count).toBe(20)
})

test('several logs are merged by time', async () => {
  const expected: string[] = []
  for (let i = 0; i < 30; i += 1) {
    await append(i, ['a', 'b', 'c'][i % 3])
    expected.push(String(i))
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  expect(await read({}, ['c', 'a', 'b', 'none'])).toEqual(expected)
  expect(await read({ reverse: true, limit: 10 }, ['c', 'a', 'b'])).toEqual(expected.toReversed().slice(0, 10))
})

test('a position that was trimmed away is a gap, thrown or told', async () => {
  const first = await append(0)
  for (let i = 1; i < 10; i += 1) await append(i, 'a', 4)
  await expect(read({ since: first })).rejects.toMatchObject({ code: 'GAP', context: { reason: 'trimmed' } })
  const gaps: Gap[] = []
  expect(await read({ since: first, onGap: (gap) => gaps.push(gap) })).toEqual(['6', '7', '8', '9'])
  expect(gaps).toMatchObject([
    { log: 'a', reason: 'trimmed', from: expect.stringMatching(/^1-/), to: expect.stringMatching(/^6-/) },
  ])
})

test('a position of a log that is no more is a gap', async () => {
  const first = await append(0)
  await server.admin.flushall()
  await expect(read({ since: first })).rejects.toMatchObject({ code: 'GAP', context: { reason: 'lost' } })
  await append('new')
  await expect(read({ since: first })).rejects.toMatchObject({ code: 'GAP', context: { reason: 'lost' } })
  expect(await read({ since: first, onGap: () => {} })).toEqual(['new'])
})

test('entries that a stranger deleted from the middle are a gap', async () => {
  for (let i = 0; i < 10; i += 1) await append(i)
  await server.admin.xdel(keysOf(a).stream, '4-1', '5-1')
  await expect(read()).rejects.toMatchObject({ code: 'GAP' })
  const gaps: Gap[] = []
  const onGap = (gap: Gap) => gaps.push(gap)
  expect(await read({ onGap })).toEqual(['0', '1', '2', '5', '6', '7', '8', '9'])
  expect(gaps).toMatchObject([
    { reason: 'trimmed', from: expect.stringMatching(/^3-/), to: expect.stringMatching(/^5-/) },
  ])
  expect(await read({ onGap, reverse: true })).toHaveLength(8)
  expect(gaps[1]).toMatchObject({ from: expect.stringMatching(/^3-/), to: expect.stringMatching(/^5-/) })
})

test('a log that is flushed under a reader ends with a gap', async () => {
  for (let i = 0; i < 1_200; i += 1) void append(i)
  await append('last')
  const reading = async () => {
    let count = 0
    for await (const _ of readHistory(eventLog, [a], {})) {
      count += 1
      if (count === 1) await server.admin.flushall()
    }
  }
  await expect(reading()).rejects.toMatchObject({ code: 'GAP', context: { reason: 'lost' } })
})
