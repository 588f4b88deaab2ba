import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Gap } from '../../src/core/gap.ts'
import { decodeFrame } from '../../src/core/live-frame.ts'
import type { LogId } from '../../src/core/log-id.ts'
import { LogTail } from '../../src/log/log-tail.ts'
import { parsePosition } from '../../src/protocol/position.ts'
import { eventually } from '../support/eventually.ts'
import { FakeEventLog } from '../support/fake-event-log.ts'

const log: LogId = { kind: 'channel', name: 'order' }
let server: FakeEventLog
let tail: LogTail
let errors: unknown[]
let got: string[]
let gaps: Gap[]

function follow(id: LogId = log): LogTail {
  const made = new LogTail({
    pubSub: server.pubSub,
    eventLog: server,
    namespace: 'tidings',
    log: id,
    onError: (error) => errors.push(error),
  })
  made.add({
    accepts: () => true,
    onMessage: ({ text, position }) => got.push(`${position?.seq}-${position?.gen} ${text}`),
    onGap: (gap) => gaps.push(gap),
  })
  return made
}

beforeEach(() => {
  server = new FakeEventLog()
  errors = []
  got = []
  gaps = []
  tail = follow()
})
afterEach(async () => {
  tail.close()
  await server.pubSub.close()
})

const seqOf = (position: string) => parsePosition(position)?.seq

/** Numbered texts, one entry each. */
async function putMany(from: number, to: number, silent = false): Promise<void> {
  for (let seq = from; seq <= to; seq += 1) await server.put(log, [`m${seq}`], { silent })
}

const numbered = (from: number, to: number, gen = 1) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}-${gen} m${from + index}`)

describe('log tail', () => {
  test('delivers what is appended after it has started, with positions', async () => {
    await putMany(1, 3)
    await tail.start()
    await putMany(4, 6)
    expect([got, gaps]).toEqual([numbered(4, 6), []])
    expect(tail.position).toEqual({ epoch: 'e1', gen: 1, seq: 6 })
    expect(tail.counter).toBe(6)
  })

  test('follows a log that is born later without a reading', async () => {
    await tail.start()
    server.reads.length = 0
    await server.put(log, ['m1', 'm2'])
    expect([got, server.reads]).toEqual([numbered(1, 2), []])
  })

  test('finds the first entries of a log that was born silently', async () => {
    await tail.start()
    await putMany(1, 2, true)
    await putMany(3, 3)
    await eventually(() => expect([got, gaps]).toEqual([numbered(1, 3), []]))
  })

  test('repairs a hole from the log, page by page, in order and once', async () => {
    server.page = 7
    await tail.start()
    await putMany(1, 2)
    await putMany(3, 40, true)
    await putMany(41, 45)
    await eventually(() => expect([got, gaps]).toEqual([numbered(1, 45), []]))
  })

  test('ignores what it has had, and takes the rest of a frame that overlaps', async () => {
    await tail.start()
    const frame = await server.put(log, ['m1', 'm2', 'm3'])
    await server.send(log, frame)
    tail.repair()
    await server.put(log, ['m4', 'm5'], { silent: true })
    await eventually(() => expect(got).toEqual(numbered(1, 5)))
    const { entries } = server.log(log)
    tail.frame({ epoch: 'e1', entries: [...entries.slice(3), { ...entries[0]!, seq: 6, payload: Buffer.from('m6') }] })
    expect(got).toEqual(numbered(1, 6))
  })

  test('holds frames while it reads, and delivers them afterwards', async () => {
    await tail.start()
    await putMany(1, 1, true)
    const open = server.closeGate()
    await putMany(2, 5)
    expect(got).toEqual([])
    open()
    await eventually(() => expect([got, gaps]).toEqual([numbered(1, 5), []]))
  })

  test('lets go of more than ten thousand held entries and reads them instead', async () => {
    await tail.start()
    await putMany(1, 1, true)
    const open = server.closeGate()
    await putMany(2, 12_500)
    open()
    await eventually(() => expect([got, gaps]).toEqual([numbered(1, 12_500), []]))
    await putMany(12_501, 12_501)
    await eventually(() => expect(got.at(-1)).toBe('12501-1 m12501'))
  })

  test('takes a frame of a new generation that lost nothing', async () => {
    await tail.start()
    await putMany(1, 3)
    server.fork(log, 3, 7)
    await putMany(4, 4)
    await putMany(5, 5)
    await eventually(() => expect([got, gaps]).toEqual([[...numbered(1, 3), ...numbered(4, 5, 7)], []]))
  })

  test('tells of a fork behind it and goes on there', async () => {
    await tail.start()
    await putMany(1, 5)
    server.fork(log, 3, 7)
    await putMany(4, 4)
    await eventually(() => expect(got).toEqual([...numbered(1, 5), '4-7 m4']))
    expect(gaps).toEqual([{ log: 'order', reason: 'diverged', from: '5-1@e1', to: '3-1@e1' }])
  })

  test('tells that the log was lost once, and follows the next', async () => {
    await tail.start()
    await putMany(1, 5)
    server.made.clear()
    tail.repair()
    await eventually(() =>
      expect(gaps).toMatchObject([
        { reason: 'lost', from: expect.stringMatching(/^5-/), to: expect.stringMatching(/^0-/) },
      ]),
    )
    await putMany(1, 2)
    await eventually(() => expect(got).toEqual([...numbered(1, 5), ...numbered(1, 2)]))
    expect([gaps.length, tail.position.epoch]).toEqual([1, 'e2'])
  })

  test('tells of entries that were trimmed before it could read them', async () => {
    await tail.start()
    await putMany(1, 2)
    await putMany(3, 9, true)
    server.log(log).firstSeq = 8
    await putMany(10, 10)
    await eventually(() => expect(got).toEqual([...numbered(1, 2), ...numbered(8, 10)]))
    expect(gaps).toMatchObject([
      { reason: 'trimmed', from: expect.stringMatching(/^2-/), to: expect.stringMatching(/^7-/) },
    ])
  })

  test('tells of holes that a stranger made, in the middle and at the head', async () => {
    await tail.start()
    await putMany(1, 9, true)
    const state = server.log(log)
    state.entries = state.entries.filter(({ seq }) => ![4, 5, 8, 9].includes(seq))
    tail.repair()
    await eventually(() => expect(tail.position.seq).toBe(9))
    expect(got).toEqual([...numbered(1, 3), ...numbered(6, 7)])
    expect(gaps.map(({ reason, from, to }) => [reason, seqOf(from), seqOf(to)])).toEqual([
      ['trimmed', 3, 5],
      ['trimmed', 7, 9],
    ])
    await putMany(10, 10)
    expect(got.at(-1)).toBe('10-1 m10')
  })

  test("skips a stranger's entries", async () => {
    await tail.start()
    await putMany(1, 3, true)
    const { entries } = server.log(log)
    entries.splice(1, 0, { ...entries[1]!, gen: 99, payload: Buffer.from('foreign') })
    entries.push({ ...entries[0]!, seq: 3, gen: 100, payload: Buffer.from('foreign') })
    tail.repair()
    await eventually(() => expect([got, gaps]).toEqual([numbered(1, 3), []]))
  })

  test('drops a frame of a history that is no more, after one look at the log', async () => {
    await tail.start()
    await putMany(1, 2)
    server.reads.length = 0
    const [entry] = server.log(log).entries
    tail.frame({ epoch: 'e1', entries: [{ ...entry!, gen: 55, seq: 3 }] })
    await eventually(() => expect([server.reads.length, tail.behind]).toEqual([1, false]))
    await putMany(3, 3)
    expect([got, gaps, server.reads.length]).toEqual([numbered(1, 3), [], 1])
  })

  test('tries a failed repair again until it works, and tells of the trouble once', async () => {
    await tail.start()
    await putMany(1, 1, true)
    let failures = 3
    server.gate = () => {
      failures -= 1
      if (failures >= 0) throw new Error('away')
    }
    await putMany(2, 3)
    await eventually(() => expect([got, gaps]).toEqual([numbered(1, 3), []]))
    expect(errors).toHaveLength(1)
  })

  test('stops trying when it is closed', async () => {
    await tail.start()
    let calls = 0
    server.gate = () => {
      calls += 1
      tail.close()
      throw new Error('away')
    }
    await putMany(2, 3, true)
    tail.repair()
    await eventually(() => expect([calls, tail.behind]).toEqual([1, true]))
    expect([got, errors]).toEqual([[], []])
  })

  test('leaves nothing behind when it cannot start', async () => {
    server.gate = () => {
      throw new Error('away')
    }
    await expect(tail.start()).rejects.toThrow('away')
    await eventually(async () => expect(await server.pubSub.activeChannels('*')).toEqual([]))
  })

  test('takes what comes between its subscription and the reading of the head', async () => {
    const open = server.closeGate()
    const started = tail.start()
    await eventually(() => expect(server.reads).toHaveLength(1))
    await putMany(1, 3)
    open()
    await started
    await putMany(4, 5)
    await eventually(() => expect([got.slice(-2), gaps]).toEqual([numbered(4, 5), []]))
  })

  test('starts behind a position, and at a counter', async () => {
    await putMany(1, 6)
    const later = follow()
    await later.startAtCounter(5, '')
    await eventually(() => expect(got).toEqual(numbered(5, 6)))
    later.close()
    tail.startAfter({ epoch: 'e1', gen: 1, seq: 6 })
    const frame = await server.put(log, ['m7'])
    tail.frame(decodeFrame(frame, 'order')!)
    expect([got, gaps]).toEqual([numbered(5, 7), []])
  })

  test('asks each listener which channels of a shared log it wants, and tells all of a gap', async () => {
    const shared: LogId = { kind: 'shared', name: 'orders' }
    const other = follow(shared)
    const paid: string[] = []
    let told = 0
    other.add({
      accepts: (channel) => channel === 'paid',
      onMessage: ({ channel, text }) => paid.push(`${channel} ${text}`),
      onGap: () => {
        told += 1
      },
    })
    await other.start()
    await server.put(shared, ['1'], { channel: 'placed' })
    await server.put(shared, ['2'], { channel: 'paid' })
    expect([got, paid]).toEqual([['1-1 1', '2-1 2'], ['paid 2']])
    server.made.clear()
    other.repair()
    await eventually(() => expect([told, gaps.length]).toEqual([1, 1]))
    other.close()
  })

  test('a listener that goes gets nothing more, one that comes gets the next entry', async () => {
    await tail.start()
    const late: string[] = []
    const place = tail.add({
      accepts: () => true,
      onMessage: ({ text }) => {
        late.push(`one ${text}`)
        place.remove()
        tail.add({ accepts: () => true, onMessage: (message) => late.push(`two ${message.text}`) })
      },
    })
    await server.put(log, ['a', 'b', 'c'])
    expect(late).toEqual(['one a', 'two b', 'two c'])
  })

  test('random losses, forks and repeats: each entry once and in order, or a gap', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    let state = seed
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return (state >>> 8) % below
    }
    await tail.start()
    let gen = 1
    let gapsExpected = false
    const frames: Buffer[] = []
    for (let turn = 0; turn < 400; turn += 1) {
      const dice = random(20)
      if (dice === 0) {
        gen += 1 + random(5)
        server.fork(log, Math.max(0, server.log(log).seq - random(4)), gen)
        gapsExpected = true
      } else if (dice === 1 && frames.length > 0) await server.send(log, frames[random(frames.length)]!)
      else frames.push(await server.put(log, ['x', 'y'].slice(random(2)), { silent: dice < 8 }))
    }
    tail.repair()
    const { entries } = server.log(log)
    await eventually(() => expect([tail.behind, tail.position.seq]).toEqual([false, server.log(log).seq]))
    const ids = got.map((line) => line.split(' ')[0]!)
    const said = `seed ${seed}`
    expect(new Set(ids).size, said).toBe(ids.length)
    expect(
      gaps.every(({ reason }) => reason === 'diverged' && gapsExpected),
      said,
    ).toBe(true)
    // All that the history kept was delivered.
    expect(
      entries.filter(({ seq, gen: of }) => !ids.includes(`${seq}-${of}`)),
      said,
    ).toEqual([])
  })
})
