import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BufferedStream } from '../../src/messaging/buffered-stream.ts'
import { RingBuffer } from '../../src/messaging/ring-buffer.ts'

async function drain<T>(stream: BufferedStream<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

describe('a ring buffer', () => {
  it('gives back what it was given, in order, like an array, also where it has to grow', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant(undefined), fc.integer()), { size: 'large' }), (steps) => {
        const ring = new RingBuffer<number>()
        const model: number[] = []
        for (const step of steps) {
          if (step === undefined) expect(ring.shift()).toBe(model.shift())
          else {
            ring.push(step)
            model.push(step)
          }
          expect([ring.size, ring.first]).toEqual([model.length, model[0]])
        }
      }),
    )
  })

  it('keeps the order of what wraps around while it grows', () => {
    const ring = new RingBuffer<number>()
    for (let n = 0; n < 10; n += 1) ring.push(n)
    for (let n = 0; n < 8; n += 1) expect(ring.shift()).toBe(n)
    for (let n = 10; n < 100; n += 1) ring.push(n)
    for (let n = 8; n < 100; n += 1) expect(ring.shift()).toBe(n)
    expect(ring.shift()).toBeUndefined()
  })
})

describe('a buffered stream', () => {
  it('gives waiting readers items as they come, and buffers the others', async () => {
    const stream = new BufferedStream<number>()
    const first = stream.next()
    const second = stream.next()
    for (const n of [1, 2, 3]) stream.push(n)
    expect(await first).toEqual({ value: 1, done: false })
    expect(await second).toEqual({ value: 2, done: false })
    expect(await stream.next()).toEqual({ value: 3, done: false })
  })

  it('drops neither what is to be kept nor anything for it', async () => {
    const dropped: number[] = []
    const hooks = { dropped: (n: number) => dropped.push(n) }
    const stream = new BufferedStream<number>({ buffer: 2 }, hooks, (n) => n < 10)
    for (const n of [1, 20, 2, 21, 3]) stream.push(n)
    stream.end()
    expect(await drain(stream)).toEqual([1, 20, 2, 3])
    expect(dropped).toEqual([21])
  })

  it('ends after what is buffered', async () => {
    const stream = new BufferedStream<number>()
    stream.push(1)
    stream.push(2)
    stream.end()
    stream.push(3)
    expect(await drain(stream)).toEqual([1, 2])
    expect(stream.dropped).toBe(0)
  })

  it('ends a reader that waits', async () => {
    const stream = new BufferedStream<number>()
    const reading = stream.next()
    stream.end()
    expect(await reading).toEqual({ value: undefined, done: true })
  })

  it.each([
    ['drop-oldest', [2, 3], [1]],
    ['drop-newest', [1, 2], [3]],
  ] as const)('%s: keeps what it can and counts the rest', async (overflow, kept, dropped) => {
    const lost: number[] = []
    const stream = new BufferedStream<number>({ buffer: 2, overflow }, { dropped: (n) => lost.push(n) })
    for (const n of [1, 2, 3]) stream.push(n)
    stream.end()
    expect(await drain(stream)).toEqual(kept)
    expect(lost).toEqual(dropped)
    expect(stream.dropped).toBe(1)
  })

  it('fail: ends with OVERFLOW once, after what is buffered', async () => {
    let ends = 0
    const stream = new BufferedStream<number>({ buffer: 2, overflow: 'fail' }, { ended: () => ends++ })
    for (const n of [1, 2, 3, 4]) stream.push(n)
    expect(ends).toBe(1)
    expect(stream.dropped).toBe(1)
    expect((await stream.next()).value).toBe(1)
    expect((await stream.next()).value).toBe(2)
    await expect(stream.next()).rejects.toMatchObject({ code: 'OVERFLOW', context: { buffer: 2 } })
    expect(await stream.next()).toEqual({ value: undefined, done: true })
  })

  it('forgets what is buffered when its loop is left, and says once that it has ended', async () => {
    let ends = 0
    const stream = new BufferedStream<number>({}, { ended: () => ends++ })
    for (const n of [1, 2, 3]) stream.push(n)
    for await (const _ of stream) break
    expect(await stream.next()).toEqual({ value: undefined, done: true })
    await stream[Symbol.asyncDispose]()
    expect(ends).toBe(1)
  })

  it('is disposed at the end of its block', async () => {
    let ended = false
    {
      await using stream = new BufferedStream<number>(
        {},
        {
          ended: () => {
            ended = true
          },
        },
      )
      stream.push(1)
    }
    expect(ended).toBe(true)
  })

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '10'])('refuses a buffer of %s', (buffer) => {
    expect(() => new BufferedStream({ buffer: buffer as number })).toThrowError(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    )
  })

  it('refuses an overflow that it does not know', () => {
    expect(() => new BufferedStream({ overflow: 'explode' as 'fail' })).toThrowError(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    )
  })
})
