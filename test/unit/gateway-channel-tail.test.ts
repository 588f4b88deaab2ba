import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import type { EventLog } from '../../src/core/event-log.ts'
import type { Message } from '../../src/core/message.ts'
import { join } from '../../src/gateway/channel-join.ts'
import type { Member } from '../../src/gateway/channel-member.ts'
import { ChannelTail } from '../../src/gateway/channel-tail.ts'
import { NodeChannel } from '../../src/gateway/node-channel.ts'
import { EventBus } from '../../src/index.ts'
import type { LoggedPubSub } from '../../src/log/logged-pub-sub.ts'
import type { Position } from '../../src/protocol/position.ts'
import { eventually } from '../support/eventually.ts'
import { createGate, type Gate } from '../support/gate.ts'
import { upTo } from '../support/gateway.ts'

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** A channel on a log of ten entries, to which what comes live is brought only when the test says so. */
async function open(whileStarting?: (append: () => Promise<unknown>) => Promise<unknown>) {
  const bus = new EventBus({ redis: `memory:${randomUUID()}`, channelPrefix: '' })
  ending.push(() => bus.close())
  await bus.policies.apply({ log: { history: { maxCount: 1_000 } } })
  const { pubSub, eventLog } = bus.connection
  let count = 0
  const positions: Position[] = []
  const append = async () => {
    count += 1
    const { position } = await pubSub.append('log', String(count))
    positions[count] = position
  }
  for (let n = 0; n < 10; n += 1) await append()
  const waiting: Message[] = []
  let listener: (message: Message) => void
  let gap: () => void
  let gate: Gate | undefined
  const held = {
    logOf: (name: string) => pubSub.logOf(name),
    subscribe: async (...[kind, name, take, options]: Parameters<LoggedPubSub['subscribe']>) => {
      listener = take
      gap = () => options!.onGap!({} as never)
      const handle = await pubSub.subscribe(kind, name, (message) => waiting.push(message))
      await whileStarting?.(append)
      return handle
    },
  } as unknown as LoggedPubSub
  const gated = {
    read: async (...args: Parameters<EventLog['read']>) => {
      const found = await eventLog.read(...args)
      if (args[1]?.reverse) await gate?.pass()
      return found
    },
  } as unknown as EventLog
  const channel = new NodeChannel({
    pubSub: held,
    eventLog: gated,
    name: 'log',
    recoverCount: 1_000,
    recoverBytes: 1_000_000,
    dirty: (dirty) => dirty.flush(),
  })
  await channel.start()
  ending.push(() => channel.close())
  return {
    channel,
    positions,
    append,
    deliver: async () => {
      await eventually(() => expect(waiting.at(-1)?.text).toBe(String(count)))
      for (const message of waiting.splice(0)) listener(message)
    },
    gap: () => gap(),
    holdReading: () => {
      gate = createGate()
      return gate
    },
    /** What somebody who comes back is given, at once and then live. */
    comeBack: async (since: Position | undefined) => {
      const got: number[] = []
      const member: Member = {
        skipTo: undefined,
        write: ({ text }) => {
          for (const line of text.split('\n')) got.push(JSON.parse(line).push.pub.data)
        },
        resubscribe: () => {},
        newGeneration: () => true,
        interrupted: () => {},
      }
      const { publications, recovered } = await join(channel, member, since)
      got.unshift(...publications.map(({ json }) => JSON.parse(json).data))
      return { got, recovered }
    },
  }
}

test('what was read ahead of what comes live is given once', async () => {
  const { positions, append, deliver, comeBack } = await open()
  for (let n = 0; n < 5; n += 1) await append()
  const first = await comeBack(positions[2])
  await deliver()
  await append()
  await deliver()
  const second = await comeBack(positions[9])
  expect([first.got, second.got]).toEqual([upTo(16, 3), upTo(16, 10)])
})

test('what comes after a gap while the log is read is not left out', async () => {
  const { positions, append, deliver, comeBack, gap, holdReading } = await open()
  const gate = holdReading()
  const first = comeBack(positions[2])
  await gate.reached
  gap()
  await append()
  await deliver()
  gate.open()
  await append()
  await deliver()
  const second = await comeBack(positions[10])
  expect([(await first).got, second.got]).toEqual([upTo(12, 3), [11, 12]])
})

test('what comes live of what was there when a channel began is given to nobody', async () => {
  const { append, deliver, comeBack } = await open((appendOne) => appendOne())
  const { got } = await comeBack(undefined)
  await deliver()
  await append()
  await deliver()
  expect(got).toEqual([12])
})

test('a tail holds one history: nothing twice, nothing behind a hole, nothing that a newer generation has lost', () => {
  const tail = new ChannelTail(100, 1_000, () => true)
  const at = (gen: number, seq: number): Position => ({ epoch: 'e', gen, seq })
  const push = (gen: number, seq: number) => tail.push({ position: at(gen, seq), json: `${gen}/${seq}` })
  const since = (gen: number, seq: number) => tail.since(at(gen, seq))?.map(({ json }) => json)
  tail.begin(at(1, 3))
  for (const seq of [4, 5, 5, 3, 6]) push(1, seq)
  expect(since(1, 3)).toEqual(['1/4', '1/5', '1/6'])
  push(2, 7)
  push(1, 7)
  push(1, 8)
  push(2, 8)
  expect(since(1, 5)).toEqual(['1/6', '2/7', '2/8'])
  // A failover that lost entries goes back; and where something is left out, it is not passed over.
  push(3, 6)
  expect([since(1, 5), since(2, 8), since(3, 6)]).toEqual([undefined, undefined, []])
  push(3, 8)
  expect([since(3, 6), since(3, 7)]).toEqual([undefined, ['3/8']])
})
