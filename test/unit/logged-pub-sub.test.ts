import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Gap } from '../../src/core/gap.ts'
import type { LogId } from '../../src/core/log-id.ts'
import type { Message } from '../../src/core/message.ts'
import type { Policies } from '../../src/core/policy.ts'
import type { ConnectionStatus } from '../../src/core/status.ts'
import { LoggedPubSub } from '../../src/log/logged-pub-sub.ts'
import { eventually } from '../support/eventually.ts'
import { FakeEventLog } from '../support/fake-event-log.ts'

const kept = { history: { maxCount: 100 } }
const own = (name: string): LogId => ({ kind: 'channel', name })
let server: FakeEventLog
let bus: LoggedPubSub
let got: string[]
let gaps: Gap[]

const onMessage = ({ channel, text, position }: Message) =>
  got.push(`${channel} ${text} ${position === undefined ? 'live' : `${position.seq}-${position.gen}`}`)
const onGap = (gap: Gap) => gaps.push(gap)

function apply(policies: Policies): void {
  server.stored = { version: server.stored.version + 1, policies }
}

beforeEach(() => {
  server = new FakeEventLog()
  bus = new LoggedPubSub(server.pubSub, server, { namespace: 'tidings', policyMs: 10, lookMs: 60_000 })
  got = []
  gaps = []
  apply({ 'order.*': kept, 'order.live.*': {}, 'audit.*': { ...kept, log: 'audit' }, 'small.*': { maxBytes: 3 } })
})
afterEach(() => bus.close())

describe('publishing', () => {
  test('appends where the policy keeps history, and only there', async () => {
    await bus.subscribe('channel', 'order.1', onMessage)
    await bus.subscribe('channel', 'other', onMessage)
    expect(await bus.publish('order.1', 'a')).toBe(1)
    expect(await bus.publish('other', 'b')).toBe(1)
    expect(await bus.publish('order.live.1', 'c')).toBe(0)
    expect([got, [...server.made.keys()]]).toEqual([['order.1 a 1-1', 'other b live'], ['log:order.1']])
  })

  test('keeps the order of calls that wait for the policies', async () => {
    await server.pubSub.subscribe('pattern', 'x.*', ({ text }) => got.push(text))
    const sent = [bus.publish('x.1', '1'), bus.publish('x.1', '2')]
    const last = sent[0]!.then(() => bus.publish('x.1', '4'))
    sent.push(bus.publish('x.1', '3'))
    await Promise.all([...sent, last])
    expect(got).toEqual(['1', '2', '3', '4'])
  })

  test('refuses what the policy finds too large', async () => {
    await expect(bus.publish('small.1', 'éé')).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect(await bus.publish('small.1', 'é')).toBe(0)
  })

  test('append gives the position, and refuses channels without history', async () => {
    expect(await bus.append('audit.1', 'a')).toMatchObject({ position: { seq: 1 }, duplicate: false })
    expect([...server.made.keys()]).toEqual(['shared:audit'])
    await expect(bus.append('other', 'a')).rejects.toMatchObject({ code: 'NO_HISTORY', retryable: false })
  })

  test('append sees a policy that is newer than the last reading', async () => {
    bus = new LoggedPubSub(server.pubSub, server, { namespace: 'tidings', policyMs: 60_000 })
    await bus.connect()
    apply({ '*': kept })
    expect((await bus.append('other', 'a')).position.seq).toBe(1)
  })
})

describe('subscribing', () => {
  test('a pattern over both kinds of channels gets each message once', async () => {
    await bus.subscribe('pattern', '*', onMessage)
    for (const channel of ['order.1', 'other', 'audit.1', 'order.live.1']) await bus.publish(channel, 'x')
    await eventually(() => expect(got).toHaveLength(4))
    expect(got.toSorted()).toEqual(['audit.1 x 1-1', 'order.1 x 1-1', 'order.live.1 x live', 'other x live'])
  })

  test('a pattern over logged channels alone does not subscribe to their names', async () => {
    await bus.subscribe('pattern', 'order.p*', onMessage)
    expect(await bus.patternCount()).toBe(1)
    await server.pubSub.publish('order.p1', 'foreign')
    await bus.publish('order.p1', 'x')
    expect(got).toEqual(['order.p1 x 1-1'])
  })

  test('a channel of a shared log gets its own messages alone', async () => {
    await bus.subscribe('channel', 'audit.1', onMessage)
    await bus.publish('audit.2', 'x')
    await bus.publish('audit.1', 'y')
    expect(got).toEqual(['audit.1 y 2-1'])
  })

  test('a gap is told to each subscriber, and once as a status', async () => {
    const statuses: ConnectionStatus[] = []
    bus.onStatus((status) => statuses.push(status))
    await bus.subscribe('channel', 'order.1', onMessage, { onGap })
    await bus.subscribe('channel', 'order.1', onMessage, { onGap })
    await bus.publish('order.1', 'a')
    await server.put(own('order.1'), ['b'], { silent: true })
    server.log(own('order.1')).firstSeq = 3
    await bus.publish('order.1', 'c')
    await eventually(() => expect(gaps).toMatchObject([{ reason: 'trimmed' }, { reason: 'trimmed' }]))
    expect(statuses.filter(({ kind }) => kind === 'gap')).toEqual([{ kind: 'gap', gap: gaps[0] }])
  })

  test('a gap that many slow ones find, each in its own time, is one status too', async () => {
    const statuses: ConnectionStatus[] = []
    bus.onStatus((status) => statuses.push(status))
    const slow = [bus, bus, bus, bus].map((each) => each.subscribe('channel', 'order.1', onMessage, { onGap }))
    const handles = await Promise.all(slow)
    await bus.publish('order.1', 'a')
    for (const handle of handles) handle.pause()
    for (const payload of ['b', 'c', 'd']) await bus.publish('order.1', payload)
    server.log(own('order.1')).firstSeq = 4
    for (const [index, handle] of handles.entries()) {
      handle.resume(Number.POSITIVE_INFINITY)
      await eventually(() => expect(gaps).toHaveLength(index + 1))
    }
    await eventually(() => expect(got.filter((line) => line === 'order.1 d 4-1')).toHaveLength(4))
    await bus.close()
    expect(statuses.filter(({ kind }) => kind === 'gap')).toEqual([{ kind: 'gap', gap: gaps[0] }])
  })

  test('follows its policy from live to kept and back', async () => {
    await bus.subscribe('channel', 'other', onMessage)
    await bus.subscribe('pattern', 'o?her', onMessage)
    await bus.publish('other', 'a')
    expect(got).toEqual(['other a live', 'other a live'])
    apply({ other: kept })
    await eventually(async () => expect(await server.pubSub.activeChannels('*')).toHaveLength(1))
    await eventually(async () => expect(await bus.patternCount()).toBe(2))
    got.length = 0
    await eventually(async () => {
      await bus.publish('other', 'b')
      expect(got.slice(-2).map((line) => line.split(' ')[2])).toEqual([
        expect.stringMatching(/-1$/),
        got.at(-1)!.split(' ')[2],
      ])
    })
    apply({})
    await eventually(async () => expect(await server.pubSub.activeChannels('*')).toEqual(['other']))
    await eventually(async () => expect(await bus.patternCount()).toBe(1))
    got.length = 0
    await bus.publish('other', 'c')
    expect(got).toEqual(['other c live', 'other c live'])
  })

  test('a subscription that ends, or fails, leaves nothing behind', async () => {
    const handles = [
      await bus.subscribe('pattern', '*', onMessage),
      await bus.subscribe('channel', 'order.1', onMessage),
      await bus.subscribe('channel', 'other', onMessage),
    ]
    for (const handle of handles) handle.release()
    server.gate = () => {
      throw new Error('away')
    }
    await expect(bus.subscribe('channel', 'order.2', onMessage)).rejects.toThrow('away')
    await eventually(async () => {
      expect([await server.pubSub.activeChannels('*'), await server.pubSub.patternCount()]).toEqual([[], 0])
    })
  })
})

test('channels and counts are those of the users, not the internal ones', async () => {
  await bus.subscribe('channel', 'order.1', onMessage)
  await bus.subscribe('channel', 'other', onMessage)
  await server.pubSub.subscribe('channel', 'order.1', () => {})
  expect((await bus.activeChannels('*')).toSorted()).toEqual(['order.1', 'other'])
  expect(await bus.activeChannels('ord*')).toEqual(['order.1'])
  expect(await bus.subscriberCounts(['other', 'order.1', 'none', 'order.2'])).toEqual([1, 1 + 1, 0, 0])
})

test('after close every call rejects and nothing is delivered', async () => {
  await bus.subscribe('channel', 'order.1', onMessage)
  await bus.close()
  await expect(bus.subscribe('channel', 'order.1', onMessage)).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(bus.publish('other', 'x')).rejects.toMatchObject({ code: 'CLOSED' })
  expect(got).toEqual([])
})
