import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { joinHub } from '../../src/backends/memory/hub.ts'
import { MemoryPubSub } from '../../src/backends/memory/pub-sub.ts'
import { TurnQueue } from '../../src/backends/memory/turn-queue.ts'
import { ListenerTable } from '../../src/core/listener-table.ts'

const opened: MemoryPubSub[] = []

function client(hub: string): MemoryPubSub {
  const pubSub = new MemoryPubSub(hub)
  opened.push(pubSub)
  return pubSub
}

afterEach(async () => {
  vi.useRealTimers()
  await Promise.all(opened.splice(0).map((each) => each.close()))
})

describe('PubSub in memory', () => {
  test('hubs of different names do not meet', async () => {
    const [one, other] = [client(randomUUID()), client(randomUUID())]
    await one.subscribe('channel', 'a', () => {})
    expect(await other.publish('a', 'x')).toBe(0)
    expect(await one.publish('a', 'x')).toBe(1)
  })

  test('a hub is forgotten when its last client leaves', async () => {
    const name = randomUUID()
    const [one, two, three] = [new ListenerTable(), new ListenerTable(), new ListenerTable()]
    const hub = joinHub(name, one)
    expect(joinHub(name, two)).toBe(hub)
    await hub.leave(one)
    expect(joinHub(name, one)).toBe(hub)
    await Promise.all([hub.leave(one), hub.leave(two)])
    const fresh = joinHub(name, three)
    expect(fresh).not.toBe(hub)
    await fresh.leave(three)
  })

  test('nobody shares bytes: neither publisher and receiver nor two receivers', async () => {
    const hub = randomUUID()
    const [one, two] = [client(hub), client(hub)]
    const got: Uint8Array[] = []
    for (const each of [one, two]) {
      await each.subscribe('channel', 'a', ({ bytes }) => {
        got.push(Uint8Array.from(bytes))
        bytes.fill(0)
      })
    }
    const payload = Uint8Array.of(1, 2, 3)
    const published = one.publish('a', payload)
    payload.fill(9)
    expect(await published).toBe(2)
    expect(got).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3)])
    expect(payload).toEqual(Uint8Array.of(9, 9, 9))
  })

  test('receivers are those of the moment of publishing', async () => {
    const hub = randomUUID()
    const [one, two] = [client(hub), client(hub)]
    const got: string[] = []
    await one.subscribe('channel', 'a', () => got.push('one'))
    const published = one.publish('a', 'x')
    await two.subscribe('channel', 'a', () => got.push('two'))
    expect(await published).toBe(1)
    expect(got).toEqual(['one'])
  })

  test('delivers after the call, and before a publisher that awaits goes on', async () => {
    const pubSub = client(randomUUID())
    const got: string[] = []
    await pubSub.subscribe('channel', 'a', ({ text }) => got.push(text))
    const published = pubSub.publish('a', 'x')
    expect(got).toEqual([])
    await published
    expect(got).toEqual(['x'])
  })

  test('listeners that answer each other for ever hold up neither timers nor anybody else', async () => {
    const hub = randomUUID()
    const [one, two] = [client(hub), client(hub)]
    let rallies = 0
    for (const [from, to] of [
      ['ping', 'pong'],
      ['pong', 'ping'],
    ] as const) {
      await one.subscribe('channel', from, () => {
        rallies += 1
        for (let more = rallies < 5_000 ? 2 : 1; more > 0; more -= 1) void one.publish(to, '').catch(() => {})
      })
    }
    await one.publish('ping', '')
    await delay(20)
    const soFar = rallies
    expect(await two.publish('elsewhere', '')).toBe(0)
    await delay(20)
    expect(rallies).toBeGreaterThan(soFar)
    await one.close()
  })

  test('who listens right after the first call hears of the connection', async () => {
    const pubSub = client(randomUUID())
    const reports: string[] = []
    const published = pubSub.publish('a', 'x')
    pubSub.onStatus(({ kind }) => reports.push(kind))
    await published
    expect(reports).toEqual(['connected'])
  })

  test('messages flow under a fake clock', async () => {
    vi.useFakeTimers({ toFake: ['setImmediate', 'setTimeout', 'Date'] })
    const pubSub = client(randomUUID())
    const got: string[] = []
    await pubSub.subscribe('channel', 'a', ({ text }) => got.push(text))
    await pubSub.publish('a', 'x')
    expect(got).toEqual(['x'])
  })
})

describe('turn queue', () => {
  test('runs a bounded number of tasks in a turn, in order', async () => {
    const queue = new TurnQueue()
    const ran: number[] = []
    for (let task = 0; task < 2_500; task += 1) queue.push(() => ran.push(task))
    const seen: number[] = []
    while (ran.length < 2_500) {
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(ran.length)
    }
    expect(seen).toEqual([1_000, 2_000, 2_500])
    expect(ran).toEqual(Array.from({ length: 2_500 }, (_, task) => task))
  })

  test('a task that throws costs the tasks behind it nothing', async () => {
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    try {
      const queue = new TurnQueue()
      const thrown = new Promise((resolve) => process.once('uncaughtException', resolve))
      queue.push(() => {
        throw new Error('from the task')
      })
      const behind = new Promise((resolve) => queue.push(() => resolve('ran')))
      expect(await thrown).toMatchObject({ message: 'from the task' })
      expect(await behind).toBe('ran')
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  })
})
