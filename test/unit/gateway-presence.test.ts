import { afterEach, expect, test, vi } from 'vitest'
import type { PresenceStore } from '../../src/core/presence.ts'
import type { PubSub } from '../../src/core/pub-sub.ts'
import type { ChannelHub } from '../../src/gateway/channel-hub.ts'
import type { ClientSession } from '../../src/gateway/client-session.ts'
import { NodePresence } from '../../src/gateway/node-presence.ts'
import { createGate, type Gate } from '../support/gate.ts'

const RULE = { recover: true, presence: true, joinLeave: true, slow: 'close' } as const
const ADA = { id: 'client', info: { user: 'ada', client: 'client' } } as ClientSession

const ending: (() => void)[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const end of ending.splice(0)) end()
})

/** What the store and the others are told; each kind of it may be held at a gate. */
function open() {
  const told: string[] = []
  const gates: Record<string, Gate> = {}
  const tell = async (what: string, gate = what) => {
    told.push(what)
    await gates[gate]?.pass()
    return {} as never
  }
  const store = {
    join: () => tell('join'),
    leave: () => tell('leave'),
    renew: (channel) => tell(`renew ${channel}`, 'renew'),
  } satisfies Partial<PresenceStore> as unknown as PresenceStore
  const pubSub = {
    subscribe: async () => {
      await gates.subscribe?.pass()
      return { release: () => {} }
    },
    publish: async (_channel, text) => told.push(`tells ${Object.keys(JSON.parse(String(text))).join()}`),
  } satisfies Partial<PubSub> as unknown as PubSub
  const presence = new NodePresence({
    store,
    pubSub,
    hub: {} as ChannelHub,
    joinChannel: (channel) => `joins:${channel}`,
    report: (error) => told.push(`failure ${error}`),
  })
  ending.push(() => presence.close())
  const enter = (rule: Parameters<NodePresence['enter']>[2] = RULE, channel = 'room') => {
    const endings: (() => void)[] = []
    const entered = presence.enter(ADA, channel, rule, undefined, endings)
    const leave = () => {
      for (const end of endings) end()
    }
    return { entered, leave }
  }
  const hold = (what: string): Gate => {
    gates[what] = createGate()
    return gates[what]
  }
  return { told, enter, hold }
}

test('who comes and goes is told once each, in order', async () => {
  const { told, enter } = open()
  const { entered, leave } = enter()
  await entered
  leave()
  await vi.waitFor(() => expect(told).toEqual(['join', 'tells join', 'tells leave', 'leave']))
})

test('who goes before the others can be told was never there', async () => {
  const { told, enter, hold } = open()
  const gate = hold('subscribe')
  const { entered, leave } = enter()
  leave()
  gate.open()
  await entered
  expect(told).toEqual([])
})

test('who goes while the store is told is taken from it again, and nobody hears of either', async () => {
  const { told, enter, hold } = open()
  const gate = hold('join')
  const { entered, leave } = enter()
  await gate.reached
  leave()
  expect(told).toEqual(['join'])
  gate.open()
  await entered
  await vi.waitFor(() => expect(told).toEqual(['join', 'leave']))
})

test('who comes again is put there once it was taken away', async () => {
  const { told, enter, hold } = open()
  const first = enter()
  await first.entered
  const gate = hold('leave')
  first.leave()
  await gate.reached
  const second = enter()
  await new Promise(setImmediate)
  expect(told.filter((what) => !what.startsWith('tells'))).toEqual(['join', 'leave'])
  gate.open()
  await second.entered
  expect(told.filter((what) => !what.startsWith('tells'))).toEqual(['join', 'leave', 'join'])
})

test('leases are renewed for all channels at once, not again before that is done, and only where the store knows of them', async () => {
  vi.useFakeTimers()
  const { told, enter, hold } = open()
  for (const channel of ['a', 'b']) await enter(RULE, channel).entered
  await enter({ ...RULE, presence: false }, 'c').entered
  const gate = hold('renew')
  told.length = 0
  await vi.advanceTimersByTimeAsync(25_000)
  expect(told).toEqual(['renew a', 'renew b'])
  gate.open()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(told).toEqual(['renew a', 'renew b', 'renew a', 'renew b'])
})
