import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Changes } from '../../src/core/event-log.ts'
import type { Gap } from '../../src/core/gap.ts'
import type { LogId } from '../../src/core/log-id.ts'
import { LogTails } from '../../src/log/log-tails.ts'
import { PatternHistory } from '../../src/log/pattern-history.ts'
import type { TailHandle } from '../../src/log/tail-handle.ts'
import { eventually } from '../support/eventually.ts'
import { FakeEventLog } from '../support/fake-event-log.ts'

const own = (name: string): LogId => ({ kind: 'channel', name })
let server: Server
let tails: LogTails
let got: string[]
let gaps: Gap[]

/** Lets something happen when the counters have been answered, but have not arrived. */
class Server extends FakeEventLog {
  onChanges: (since: number | undefined) => Promise<void> = async () => {}
  epoch = 'fake'

  override async changes(partition: number, since?: number): Promise<Changes> {
    const changes = { ...(await super.changes(partition, since)), epoch: this.epoch }
    await this.onChanges(since)
    return changes
  }
}

function make(lookMs: number): void {
  tails?.close()
  tails = new LogTails({ pubSub: server.pubSub, eventLog: server, namespace: 'tidings', lookMs })
}

const listener = (who = '') => ({
  accepts: () => true,
  onMessage: ({ channel, text }: { channel: string; text: string }) => got.push(`${who}${channel} ${text}`),
  onGap: (gap: Gap) => gaps.push(gap),
})

async function history(pattern: string, shared: readonly string[] = []): Promise<TailHandle> {
  const { accepts, onMessage, onGap } = listener('history ')
  const live = await tails.watch(pattern, shared, { accepts, onMessage, onGap }, { paused: true })
  const onError = () => {}
  const all = { eventLog: server, pattern, since: 'start', live, accepts, onMessage, onGap, onError } as const
  return new PatternHistory(all)
}

const ofHistory = () => got.filter((line) => line.startsWith('history ')).map((line) => line.split(' ')[2])

beforeEach(() => {
  server = new Server()
  got = []
  gaps = []
  make(60_000)
})
afterEach(async () => {
  tails.close()
  await server.pubSub.close()
})

test.each(['start', 'position'])(
  'a channel begins further back, by %s, beside a pattern that covers it',
  async (how) => {
    for (const text of ['a', 'b', 'c']) await server.put(own('order.1'), [text])
    await tails.watch('order.*', [], listener('pattern '))
    const since = how === 'start' ? 'start' : { epoch: server.log(own('order.1')).epoch, gen: 1, seq: 1 }
    const { resumed } = await tails.follow(own('order.1'), listener(), { since })
    expect(resumed).toEqual(how === 'start' ? undefined : { kind: 'recovered' })
    await server.put(own('order.1'), ['d'])
    const expected = ['a', 'b', 'c', 'd'].slice(how === 'start' ? 0 : 1).map((text) => `order.1 ${text}`)
    await eventually(() => expect(got.filter((line) => line.startsWith('order'))).toEqual(expected))
    expect(got.filter((line) => line.startsWith('pattern'))).toEqual(['pattern order.1 d'])
  },
)

test('a second reader of a pattern lacks nothing that the first got while it began', async () => {
  await server.put(own('order.1'), ['a'])
  await tails.watch('order.*', [], listener('first '))
  await server.put(own('order.1'), ['b'])
  let texts = ['c', 'd', 'e']
  server.onChanges = async () => {
    for (const text of texts.splice(0)) await server.put(own('order.1'), [text])
  }
  const handle = await history('order.*')
  handle.resume(Number.POSITIVE_INFINITY)
  await server.put(own('order.1'), ['f'])
  await eventually(() => expect(ofHistory()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']))
  texts = []
  handle.release()
})

test('a channel that is followed first just while a pattern begins costs the pattern nothing', async () => {
  for (const text of ['a', 'b']) await server.put(own('order.1'), [text])
  await tails.follow(own('other'), listener())
  const open = server.closeGate()
  const beginning = history('order.*')
  const following = tails.follow(own('order.1'), listener())
  open()
  const handle = await beginning
  await following
  await server.put(own('order.1'), ['c'])
  handle.resume(Number.POSITIVE_INFINITY)
  await server.put(own('order.1'), ['d'])
  await eventually(() => expect(ofHistory()).toEqual(['a', 'b', 'c', 'd']))
})

test('what a look has just seen of a young log is not lost when the connection comes back before the next', async () => {
  await tails.watch('order.*', [], listener())
  let round = 0
  server.onChanges = async (since) => {
    if (since !== undefined) round += 1
  }
  make(30)
  await tails.watch('order.*', [], listener())
  server.pubSub.say({ kind: 'connected' })
  await server.put(own('order.1'), ['a'], { silent: true })
  const seenFrom = round
  await eventually(() => expect(round).toBeGreaterThanOrEqual(seenFrom + server.partitions))
  server.pubSub.say({ kind: 'disconnected', error: undefined as never })
  await server.put(own('order.1'), ['b'])
  await eventually(() => expect(got).toEqual(['order.1 a', 'order.1 b']))
})

test('a log of which something is lost again comes to a pattern as it was left', async () => {
  await server.put(own('order.1'), ['a', 'b', 'c'])
  const handle = await history('order.*')
  handle.resume(Number.POSITIVE_INFINITY)
  await eventually(() => expect(ofHistory()).toEqual(['a', 'b', 'c']))
  server.fork(own('order.1'), 1, 7)
  await server.put(own('order.1'), ['B'])
  await eventually(() => expect(ofHistory()).toEqual(['a', 'b', 'c', 'B']))
  expect(gaps).toMatchObject([
    { reason: 'diverged', from: expect.stringMatching(/^3-/), to: expect.stringMatching(/^1-/) },
  ])
})

test('what begins anew while it is read comes once', async () => {
  for (const text of ['a', 'b', 'c']) await server.put(own('order.1'), [text])
  const handle = await history('order.*')
  server.made.clear()
  server.counter = 0
  server.epoch = 'anew'
  await server.put(own('order.1'), ['x'])
  handle.resume(Number.POSITIVE_INFINITY)
  await eventually(() => expect(ofHistory()).toEqual(['x']))
  await server.put(own('order.1'), ['y'])
  await eventually(() => expect(ofHistory()).toEqual(['x', 'y']))
})

test('a paused pattern that begins further back gets what came live, and of shared logs what matches, each once', async () => {
  const orders: LogId = { kind: 'shared', name: 'orders' }
  await server.put(orders, ['a'], { channel: 'order.1' })
  await server.put(orders, ['no'], { channel: 'refund.1' })
  await server.put(own('order.2'), ['b'])
  await tails.follow(orders, listener())
  await tails.watch('*', ['orders'], listener('first '))
  const handle = await history('order.*', ['orders'])
  await server.put(orders, ['c'], { channel: 'order.1' })
  await server.put(own('order.3'), ['d'])
  handle.resume(Number.POSITIVE_INFINITY)
  await eventually(() => expect(ofHistory().toSorted()).toEqual(['a', 'b', 'c', 'd']))
  await server.put(own('order.2'), ['e'])
  await server.put(orders, ['f'], { channel: 'order.4' })
  await eventually(() => expect(ofHistory().slice(4)).toEqual(['e', 'f']))
})
