import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LogPage, ReadQuery } from '../../src/core/event-log.ts'
import type { Gap } from '../../src/core/gap.ts'
import type { LogId } from '../../src/core/log-id.ts'
import { readHistory } from '../../src/log/history.ts'
import { LogTails } from '../../src/log/log-tails.ts'
import { mergeOrdered } from '../../src/log/merge.ts'
import { eventually } from '../support/eventually.ts'
import { FakeEventLog } from '../support/fake-event-log.ts'

const own = (name: string): LogId => ({ kind: 'channel', name })

/** Retention goes on after each reading. */
class BusyServer extends FakeEventLog {
  trims: number[] = []

  override async read(id: LogId, query: ReadQuery): Promise<LogPage> {
    const page = await super.read(id, query)
    const firstSeq = this.trims.shift()
    if (firstSeq !== undefined) this.trim(id, firstSeq)
    return page
  }

  trim(id: LogId, firstSeq: number): void {
    const log = this.log(id)
    log.firstSeq = firstSeq
    log.entries = log.entries.filter(({ seq }) => seq >= firstSeq)
  }
}

let server: BusyServer
let tails: LogTails
beforeEach(async () => {
  server = new BusyServer()
  tails = new LogTails({ pubSub: server.pubSub, eventLog: server, namespace: 'tidings', lookMs: 20 })
  for (let n = 1; n <= 10; n += 1) await server.put(own('a'), [`${n}`])
})
afterEach(async () => {
  tails.close()
  await server.pubSub.close()
})

async function read(query: Parameters<typeof readHistory>[2], logs = [own('a')]): Promise<string[]> {
  const got: string[] = []
  for await (const { payload } of readHistory(server, logs, query)) got.push(String(payload))
  return got
}

describe('reading what is kept, while retention goes on', () => {
  test.each([{}, { since: 'start' as const }, { since: new Date(0) }])('of a history, with %j', async (query) => {
    server.trims = [3, 5, 7]
    expect((await read(query)).at(0)).toMatch(/^[35]$/)
  })

  test('of several logs', async () => {
    await server.put(own('b'), ['b'])
    server.trims = [3]
    expect((await read({}, [own('a'), own('b')])).toSorted()).toContain('b')
  })

  test('of one that is gone as a whole before its first entry is read', async () => {
    server.trims = [11]
    expect(await read({})).toEqual([])
  })

  test('of one that expired before: nothing of it has been since', async () => {
    server.trim(own('a'), 11)
    server.seek = async () => 1
    expect(await read({ since: new Date(0) })).toEqual([])
  })

  test('what goes once the first entry has been read is a gap', async () => {
    server.page = 2
    server.trims = [1, 6]
    await expect(read({})).rejects.toMatchObject({ code: 'GAP', context: { reason: 'trimmed' } })
  })

  test('of a live reader that begins with it', async () => {
    const got: string[] = []
    const gaps: Gap[] = []
    const listener = {
      accepts: () => true,
      onMessage: ({ text }: { text: string }) => got.push(text),
      onGap: (gap: Gap) => gaps.push(gap),
    }
    await tails.follow(own('a'), { accepts: () => true, onMessage: () => {} })
    server.trims = [3, 5]
    await tails.follow(own('a'), listener, { since: 'start' })
    await eventually(() => expect(got.at(-1)).toBe('10'))
    expect(gaps).toEqual([])
    await server.put(own('a'), ['11'])
    server.trim(own('a'), 13)
    server.log(own('a')).seq = 12
    await server.put(own('a'), ['13'])
    await eventually(() => expect(gaps).toMatchObject([{ reason: 'trimmed' }]))
  })
})

test('many sources are begun some at a time, so that other work goes on', async () => {
  let begun = 0
  const most: number[] = []
  async function* source(n: number): AsyncGenerator<number> {
    begun += 1
    yield n
  }
  const sources = Array.from({ length: 1_000 }, (_, n) => source(1_000 - n))

  const each = () => new Promise<void>((resolve) => setImmediate(() => resolve(void most.push(begun))))
  const watching = (async () => {
    while (begun < 1_000) await each()
  })()
  const got: number[] = []
  for await (const n of mergeOrdered(sources, (one, other) => one - other)) got.push(n)
  await watching

  expect(got).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 1))
  expect(new Set(most).size).toBeGreaterThan(5)
})
