import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Gap } from '../../src/core/gap.ts'
import type { LogId } from '../../src/core/log-id.ts'
import { LogTails } from '../../src/log/log-tails.ts'
import { eventually } from '../support/eventually.ts'
import { FakeEventLog } from '../support/fake-event-log.ts'

const own = (name: string): LogId => ({ kind: 'channel', name })
let server: FakeEventLog
let tails: LogTails
let got: string[]
let gaps: Gap[]

function make(lookMs: number, maxIdle?: number): LogTails {
  tails?.close()
  tails = new LogTails({ pubSub: server.pubSub, eventLog: server, namespace: 'tidings', lookMs, maxIdle })
  return tails
}

const listener = (who = '') => ({
  accepts: () => true,
  onMessage: ({ channel, text }: { channel: string; text: string }) => got.push(`${who}${channel} ${text}`),
  onGap: (gap: Gap) => gaps.push(gap),
})

beforeEach(() => {
  server = new FakeEventLog()
  got = []
  gaps = []
  make(60_000)
})
afterEach(async () => {
  tails.close()
  await server.pubSub.close()
})

describe('following logs', () => {
  test('many listeners share one tail and one subscription, and the last one ends it', async () => {
    const one = await tails.follow(own('a'), listener('1 '))
    const two = await tails.follow(own('a'), listener('2 '))
    await server.put(own('a'), ['x'])
    expect(got).toEqual(['1 a x', '2 a x'])
    one.release()
    one.release()
    await server.put(own('a'), ['y'])
    expect([got.slice(2), tails.size]).toEqual([['2 a y'], 1])
    two.release()
    expect(tails.size).toBe(0)
    await eventually(async () => expect(await server.pubSub.activeChannels('*')).toEqual([]))
  })

  test('a rejected call leaves nothing behind, and the next one works', async () => {
    server.gate = () => {
      throw new Error('away')
    }
    await expect(tails.follow(own('a'), listener())).rejects.toThrow('away')
    expect(tails.size).toBe(0)
    server.gate = () => {}
    await tails.follow(own('a'), listener())
    await server.put(own('a'), ['x'])
    expect(got).toEqual(['a x'])
  })

  test('a quiet log that lost its last frame is read after two looks', async () => {
    make(20)
    await tails.follow(own('a'), listener())
    await server.put(own('a'), ['x'])
    await server.put(own('a'), ['y'], { silent: true })
    await eventually(() => expect([got, gaps]).toEqual([['a x', 'a y'], []]))
  })

  test('an interruption makes it look at once', async () => {
    await tails.follow(own('a'), listener())
    await server.put(own('a'), ['x'], { silent: true })
    server.pubSub.interrupt()
    await eventually(() => expect(got).toEqual(['a x']))
  })

  test('an interruption is followed up when Redis cannot be asked at first', async () => {
    make(30)
    await tails.follow(own('a'), listener())
    await server.put(own('a'), ['x'], { silent: true })
    let failures = 2
    server.gate = () => {
      failures -= 1
      if (failures >= 0) throw new Error('away')
    }
    server.pubSub.interrupt()
    await eventually(() => expect(got).toEqual(['a x']))
  })

  test('another history makes it read every log of the partition', async () => {
    make(20)
    await tails.follow(own('a'), listener())
    await server.put(own('a'), ['x'])
    await server.put(own('a'), ['y'])
    server.history = 'two'
    server.fork(own('a'), 1, 9)
    await eventually(() =>
      expect(gaps).toMatchObject([
        { reason: 'diverged', from: expect.stringMatching(/^2-/), to: expect.stringMatching(/^1-/) },
      ]),
    )
  })

  test('looks at what was trimmed once, not for ever', async () => {
    make(20)
    await tails.follow(own('a'), listener())
    await server.put(own('a'), ['x'], { silent: true })
    server.log(own('a')).entries[0] = { ...server.log(own('a')).entries[0]!, seq: 0 }
    await eventually(() => expect(gaps).toMatchObject([{ reason: 'trimmed', to: expect.stringMatching(/^1-/) }]))
    const reads = server.reads.length
    server.put(own('b'), ['x'], { silent: true })
    const asked: number[] = []
    server.gate = () => void asked.push(1)
    await eventually(() => expect(asked.length).toBeGreaterThan(4))
    expect(server.reads.length).toBe(reads)
  })
})

describe('watching patterns', () => {
  test('brings every matching log from the moment on, without reading any', async () => {
    await server.put(own('order.1'), ['before'])
    await tails.watch('order.*', [], listener())
    await server.put(own('order.1'), ['a'])
    await server.put(own('order.2'), ['b'])
    await server.put(own('user.1'), ['c'])
    expect([got, server.reads, gaps]).toEqual([['order.1 a', 'order.2 b'], [], []])
  })

  test('repairs a hole in a log that it has seen', async () => {
    await tails.watch('order.*', [], listener())
    await server.put(own('order.1'), ['a'])
    await server.put(own('order.1'), ['b'], { silent: true })
    await server.put(own('order.1'), ['c'])
    await eventually(() => expect(got).toEqual(['order.1 a', 'order.1 b', 'order.1 c']))
  })

  test('finds a log whose birth it missed, from its first entry after the start', async () => {
    make(20)
    await server.put(own('order.1'), ['before'])
    await tails.watch('order.*', [], listener())
    await server.put(own('order.1'), ['a'], { silent: true })
    await server.put(own('order.2'), ['b', 'c'], { silent: true })
    await eventually(() => expect(got.toSorted()).toEqual(['order.1 a', 'order.2 b', 'order.2 c']))
    expect(gaps).toEqual([])
  })

  test('a watch that begins later gets nothing from before it', async () => {
    make(20)
    await tails.follow(own('order.0'), listener('log '))
    await server.put(own('order.1'), ['before'])
    await tails.watch('order.*', [], listener())
    await server.put(own('order.2'), ['a'], { silent: true })
    await eventually(() => expect(got).toEqual(['order.2 a']))
  })

  test('after an interruption the first frame of an unknown log does not hide what was missed', async () => {
    await tails.watch('order.*', [], listener())
    server.pubSub.say({ kind: 'connected' })
    await server.put(own('order.1'), ['a'], { silent: true })
    const open = server.closeGate()
    server.pubSub.interrupt()
    await server.put(own('order.1'), ['b'])
    expect(got).toEqual([])
    open()
    await eventually(() => expect(got).toEqual(['order.1 a', 'order.1 b']))
  })

  test('patterns that overlap, and a channel, get each entry once each', async () => {
    const one = await tails.watch('order.*', [], listener('1 '))
    await tails.watch('*.1', [], listener('2 '))
    const channel = await tails.follow(own('order.1'), listener('3 '))
    await server.put(own('order.1'), ['a'])
    expect(got.toSorted()).toEqual(['1 order.1 a', '2 order.1 a', '3 order.1 a'])
    one.release()
    channel.release()
    await server.put(own('order.1'), ['b'])
    expect(got.slice(3)).toEqual(['2 order.1 b'])
  })

  test('a channel followed beside a pattern costs the pattern nothing of what is just on its way', async () => {
    await tails.watch('order.*', [], listener('pattern '))
    await server.put(own('order.1'), ['a'], { silent: true })
    const open = server.closeGate()
    const following = tails.follow(own('order.1'), listener('channel '))
    await server.put(own('order.1'), ['b'])
    open()
    const handle = await following
    await server.put(own('order.1'), ['c'])
    await eventually(() => expect(got).toHaveLength(4))
    expect(got.filter((line) => line.startsWith('pattern'))).toEqual(
      ['a', 'b', 'c'].map((text) => `pattern order.1 ${text}`),
    )
    expect(got.filter((line) => line.startsWith('channel'))).toEqual(['channel order.1 c'])
    handle.release()
    await server.put(own('order.1'), ['d'])
    expect(got.slice(4)).toEqual(['pattern order.1 d'])
  })

  test('takes of shared logs what matches', async () => {
    const shared: LogId = { kind: 'shared', name: 'orders' }
    const watch = await tails.watch('order.*', ['orders'], listener())
    await server.put(shared, ['a'], { channel: 'order.1' })
    await server.put(shared, ['b'], { channel: 'refund.1' })
    expect(got).toEqual(['order.1 a'])
    watch.release()
    expect(tails.size).toBe(0)
    await eventually(async () => expect(await server.pubSub.patternCount()).toBe(0))
  })

  test('forgets logs without news beyond a limit, and gets nothing twice', async () => {
    make(20, 3)
    await tails.watch('n.*', [], listener())
    const expected: string[] = []
    for (let round = 0; round < 3; round += 1) {
      for (let log = 0; log < 20; log += 1) {
        await server.put(own(`n.${log}`), [`${round}`])
        expected.push(`n.${log} ${round}`)
      }
      await eventually(() => expect(tails.size).toBeLessThanOrEqual(3))
    }
    await server.put(own('n.0'), ['late'], { silent: true })
    await eventually(() => expect(got).toEqual([...expected, 'n.0 late']))
    expect(gaps).toEqual([])
  })

  test('a rejected call leaves nothing behind', async () => {
    server.gate = () => {
      throw new Error('away')
    }
    await expect(tails.watch('order.*', [], listener())).rejects.toThrow('away')
    await eventually(async () => expect(await server.pubSub.patternCount()).toBe(0))
  })
})
