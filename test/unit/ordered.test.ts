import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Ordered } from '../../src/messaging/ordered.ts'

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((r) => {
    resolve = r
  })
  return { promise, resolve }
}

describe('keeping order', () => {
  it('takes a result at once where nothing is waited for', () => {
    const taken: number[] = []
    const order = new Ordered()
    order.run(1, (n) => taken.push(n))
    order.run(2, (n) => taken.push(n))
    expect(taken).toEqual([1, 2])
  })

  it('lets a quick result wait for a slow one before it', async () => {
    const taken: string[] = []
    const order = new Ordered()
    const slow = deferred<string>()
    order.run(slow.promise, (s) => taken.push(s))
    const last = order.run('quick', (s) => taken.push(s))
    expect(taken).toEqual([])
    slow.resolve('slow')
    await last
    expect(taken).toEqual(['slow', 'quick'])
    order.run('at once', (s) => taken.push(s))
    expect(taken).toEqual(['slow', 'quick', 'at once'])
  })

  it('does not wait for what taking a result returns', async () => {
    const order = new Ordered()
    const forever = new Promise<never>(() => {})
    order.run(Promise.resolve(), () => forever)
    expect(await order.run(Promise.resolve(2), (n) => n)).toBe(2)
  })

  it('goes on behind a result that nobody could take', async () => {
    const order = new Ordered()
    const failing = order.run(Promise.resolve(1), () => {
      throw new Error('refused')
    })
    const next = order.run(Promise.resolve(2), (n) => n)
    await expect(failing).rejects.toThrow('refused')
    expect(await next).toBe(2)
  })

  it('is idle when all has been taken', async () => {
    const order = new Ordered()
    await order.idle()
    const slow = deferred<number>()
    let taken = 0
    order.run(slow.promise, (n) => {
      taken = n
    })
    const idle = order.idle()
    slow.resolve(5)
    await idle
    expect(taken).toBe(5)
  })

  it('takes results in the order of the calls, in whatever order the work ends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(fc.boolean(), { maxLength: 12 }), async (scheduler, slow) => {
        const order = new Ordered()
        const taken: number[] = []
        const all = slow.map((isSlow, n) =>
          order.run(isSlow ? scheduler.schedule(Promise.resolve(n)) : n, (result) => taken.push(result)),
        )
        await scheduler.waitAll()
        await Promise.all(all)
        expect(taken).toEqual(slow.map((_, n) => n))
      }),
    )
  })
})
