import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { type BusStatus, connect, type Event, EventBus } from '../../src/index.ts'
import { BusReports } from '../../src/messaging/bus-reports.ts'
import { eventually } from '../support/eventually.ts'
import { memoryHub } from '../support/memory-hub.ts'

type Lost = Extract<BusStatus, { kind: 'lost' }>

async function losses(bus: EventBus): Promise<Lost[]> {
  const lost: Lost[] = []
  for await (const status of bus.status()) if (status.kind === 'lost') lost.push(status)
  return lost
}

describe('a stream of events', () => {
  it('gives them in order, those too that came while the reader was busy', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    await using stream = await bus.subscribe('x')
    for (let n = 0; n < 500; n += 1) void bus.emit('x', n)
    const seen: unknown[] = []
    for await (const { type, data } of stream) {
      expect(type).toBe('x')
      seen.push(data)
      if (seen.length % 100 === 0) await turn()
      if (seen.length === 500) break
    }
    expect(seen).toEqual(Array.from({ length: 500 }, (_, n) => n))
    expect(stream.dropped).toBe(0)
  })

  it('may be of a pattern', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    await using stream = await bus.subscribePattern('order.*')
    await bus.emit('user.created')
    await bus.emit('order.created')
    await bus.emit('order.paid')
    const types: string[] = []
    for await (const { type } of stream) {
      types.push(type)
      if (types.length === 2) break
    }
    expect(types).toEqual(['order.created', 'order.paid'])
  })

  it('unsubscribes when its loop is left, by break or by an error', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const breaking = await bus.subscribe('x')
    expect(await bus.emit('x')).toBe(1)
    for await (const _ of breaking) break
    expect(await bus.emit('x')).toBe(0)
    const throwing = await bus.subscribe('x')
    await bus.emit('x')
    await expect(
      (async () => {
        for await (const _ of throwing) throw new Error('out')
      })(),
    ).rejects.toThrow('out')
    expect(await bus.emit('x')).toBe(0)
    expect((await breaking.next()).done).toBe(true)
  })

  it('unsubscribes when it is disposed', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    {
      await using _stream = await bus.subscribe('x')
      expect(await bus.emit('x')).toBe(1)
    }
    expect(await bus.emit('x')).toBe(0)
  })

  it('ends when its signal is aborted', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const controller = new AbortController()
    const stream = await bus.subscribe('x', { signal: controller.signal })
    const seen: Event[] = []
    const reading = (async () => {
      for await (const event of stream) seen.push(event)
    })()
    await bus.emit('x')
    await eventually(() => expect(seen).toHaveLength(1))
    controller.abort()
    await reading
    expect(await bus.emit('x')).toBe(0)
  })

  it('is not given out for a signal that is aborted, before or while it subscribes', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const controller = new AbortController()
    const reason = new Error('enough')
    const subscribing = bus.subscribe('x', { signal: controller.signal })
    controller.abort(reason)
    await expect(subscribing).rejects.toMatchObject({ code: 'ABORTED', cause: reason })
    await expect(bus.subscribe('x', { signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' })
    await turn()
    expect(await bus.emit('x')).toBe(0)
  })

  it('ends with the bus, after what is buffered', async () => {
    const bus = new EventBus({ redis: memoryHub() })
    const stream = await bus.subscribe('x')
    await bus.emit('x', 1)
    await bus.emit('x', 2)
    await eventually(async () => expect((await stream.next()).value?.data).toBe(1))
    const waiting = await bus.subscribe('y')
    const reading = waiting.next()
    await bus.close()
    const rest: unknown[] = []
    for await (const { data } of stream) rest.push(data)
    expect(rest).toEqual([2])
    expect((await reading).done).toBe(true)
  })

  it('tells the bus of what is no event, and goes on', async () => {
    const codes: string[] = []
    await using bus = new EventBus({ redis: memoryHub(), onError: ({ code }) => codes.push(code) })
    await using stream = await bus.subscribe('x')
    await bus.publisher.publish('events:x', 'no event')
    await bus.emit('x', 1)
    expect((await stream.next()).value?.data).toBe(1)
    expect(codes).toEqual(['INVALID_EVENT'])
  })

  it('rejects options that it cannot use, and subscribes to nothing', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    await expect(bus.subscribe('x', { buffer: 0 })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(bus.subscribe('x', { overflow: 'x' as 'fail' })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    expect(await bus.emit('x')).toBe(0)
  })
})

describe('a reader that is too slow', () => {
  it.each([
    ['drop-oldest', [7, 8, 9]],
    ['drop-newest', [0, 1, 2]],
  ] as const)('loses what the buffer cannot hold, and is told: %s', async (overflow, kept) => {
    const bus = new EventBus({ redis: memoryHub() })
    const lost = losses(bus)
    const stream = await bus.subscribe('x', { buffer: 3, overflow })
    for (let n = 0; n < 10; n += 1) await bus.emit('x', n)
    await eventually(() => expect(stream.dropped).toBe(7))
    await bus.close()
    const seen: unknown[] = []
    for await (const { data } of stream) seen.push(data)
    expect(seen).toEqual(kept)
    const reports = await lost
    expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(7)
    expect(reports[0]).toEqual({ kind: 'lost', reason: 'overflow', channel: 'events:x', count: expect.any(Number) })
  })

  it('fails with OVERFLOW after what was buffered, where it asked for that, and is unsubscribed', async () => {
    await using bus = new EventBus({ redis: memoryHub() })
    const lost = losses(bus)
    const stream = await bus.subscribe('x', { buffer: 2, overflow: 'fail' })
    await Promise.all([bus.emit('x', 1), bus.emit('x', 2), bus.emit('x', 3), bus.emit('x', 4)])
    await eventually(async () => expect(await bus.emit('x', 5)).toBe(0))
    const seen: unknown[] = []
    await expect(
      (async () => {
        for await (const { data } of stream) seen.push(data)
      })(),
    ).rejects.toMatchObject({ code: 'OVERFLOW' })
    expect(seen).toEqual([1, 2])
    expect(stream.dropped).toBe(1)
    await bus.close()
    expect(await lost).toMatchObject([{ channel: 'events:x', count: 1 }])
  })

  it('of a pattern is told of each channel', async () => {
    const bus = new EventBus({ redis: memoryHub() })
    const lost = losses(bus)
    const stream = await bus.subscribePattern('*', { buffer: 1, overflow: 'drop-newest' })
    for (const type of ['a', 'b', 'c', 'b']) await bus.emit(type)
    await eventually(() => expect(stream.dropped).toBe(3))
    await bus.close()
    const counts: Record<string, number> = {}
    for (const { channel, count } of await lost) counts[channel] = (counts[channel] ?? 0) + count
    expect(counts).toEqual({ 'events:b': 2, 'events:c': 1 })
  })

  it('is told once for all that is lost in a tick', async () => {
    const reports = new BusReports(undefined, undefined)
    const statuses = reports.read()
    for (const channel of ['a', 'b', 'a']) reports.lost(channel)
    await turn()
    reports.lost('a')
    reports.connection({ kind: 'closed' })
    const all: unknown[] = []
    for await (const status of statuses) all.push(status)
    expect(all).toEqual([
      { kind: 'lost', reason: 'overflow', channel: 'a', count: 2 },
      { kind: 'lost', reason: 'overflow', channel: 'b', count: 1 },
      { kind: 'lost', reason: 'overflow', channel: 'a', count: 1 },
      { kind: 'closed' },
    ])
  })

  it('is not passed over in silence where nobody reads the status', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      await using bus = new EventBus({ redis: memoryHub() })
      await using stream = await bus.subscribe('x', { buffer: 1 })
      await bus.emit('x')
      await bus.emit('x')
      await eventually(() => expect(warn).toHaveBeenCalledTimes(1))
      expect(stream.dropped).toBe(1)
      expect(warn.mock.calls[0]).toMatchObject([/"events:x" that were dropped: 1\./, { code: 'OVERFLOW' }])
    } finally {
      warn.mockRestore()
    }
  })
})

describe('many streams', () => {
  it('come and go without leaving anything behind', async () => {
    await using connection = await connect(memoryHub())
    await using bus = new EventBus({ redis: connection })
    const { signal } = new AbortController()
    for (let n = 0; n < 200; n += 1) {
      const streams = await Promise.all([bus.subscribe('x', { signal }), bus.subscribePattern('x*', { signal })])
      expect(await bus.emit('x')).toBe(2)
      await Promise.all(streams.map((stream) => stream.return()))
    }
    expect(await bus.emit('x')).toBe(0)
    expect(await bus.publisher.getPatternCount()).toBe(0)
  })
})
