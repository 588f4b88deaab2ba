import { expect, test } from 'vitest'
import { Audiences, type AudienceTest } from '../../src/notifications/audiences.ts'
import type { Broadcast } from '../../src/notifications/broadcast.ts'

/** Broadcasts for these audiences; `undefined` is everybody. */
const broadcasts = (...audiences: unknown[]): Broadcast[] =>
  audiences.map((audience, index) => ({
    id: `b_${index}`,
    seq: index + 1,
    gen: 1,
    text: `${index + 1}-1`,
    body: { type: 'info', title: '', message: '', timestamp: '', data: null, audience },
    audience: audience === undefined ? undefined : JSON.stringify(audience),
    expiresAtMs: undefined,
    changedAt: { seq: index + 1, gen: 1 },
    recalled: false,
    former: undefined,
  }))

function audiences(isAudience: AudienceTest, cacheMs = 60_000) {
  const asked: string[] = []
  const errors: unknown[] = []
  const made = new Audiences({
    isAudience: (userId, audience) => {
      asked.push(`${userId} ${JSON.stringify(audience)}`)
      return isAudience(userId, audience)
    },
    cacheMs,
    onError: (cause) => errors.push(cause),
  })
  const of = async (userId: string, ...list: unknown[]) =>
    (await made.of(userId, broadcasts(...list))).map(({ body }) => body.audience)
  return { asked, errors, of }
}

test('equal audiences are asked for once, and those for everybody not at all', async () => {
  const { asked, of } = audiences((_userId, audience) => (audience as { plan: string }).plan === 'pro')
  const [pro, free] = [{ plan: 'pro' }, { plan: 'free' }]
  expect(await of('ada', pro, free, undefined, { plan: 'pro' }, { plan: 'free' })).toEqual([pro, undefined, pro])
  expect(asked.sort()).toEqual(['ada {"plan":"free"}', 'ada {"plan":"pro"}'])
})

test('many are asked for at a time, but not all', async () => {
  const waiting: (() => void)[] = []
  const { of } = audiences(() => new Promise((resolve) => waiting.push(() => resolve(true))))
  const answer = of('ada', ...Array.from({ length: 100 }, (_, n) => n))
  const rounds: number[] = []
  while (rounds.reduce((sum, count) => sum + count, 0) < 100) {
    await expect.poll(() => waiting.length).toBeGreaterThan(0)
    // All that can begin have begun.
    await new Promise((resolve) => setImmediate(resolve))
    rounds.push(waiting.length)
    for (const go of waiting.splice(0)) go()
  }
  expect(await answer).toHaveLength(100)
  expect(Math.max(...rounds)).toBe(32)
})

test('what took its time is kept for a user and an audience; calls that come meanwhile wait for the same answer', async () => {
  const { asked, of } = audiences(async (userId) => userId === 'ada')
  expect(await Promise.all([of('ada', 'x'), of('ada', 'x'), of('bob', 'x')])).toEqual([['x'], ['x'], []])
  expect(await of('ada', 'x', 'y')).toEqual(['x', 'y'])
  expect(asked).toEqual(['ada "x"', 'bob "x"', 'ada "y"'])
})

test('without a time to keep it, it is asked for by each call', async () => {
  const { asked, of } = audiences(async () => true, 0)
  for (let n = 0; n < 3; n += 1) expect(await of('ada', 'x')).toEqual(['x'])
  expect(asked).toHaveLength(3)
})

test('what was there at once is asked for anew', async () => {
  let plan = 'free'
  const { of } = audiences((_userId, audience) => audience === plan)
  expect(await of('ada', 'pro')).toEqual([])
  plan = 'pro'
  expect(await of('ada', 'pro')).toEqual(['pro'])
})

test.each<[string, AudienceTest]>([
  ['throws', () => broken()],
  ['rejects', async () => broken()],
])('one that %s means no, is told, and is asked again', async (_how, isAudience) => {
  const { asked, errors, of } = audiences(isAudience)
  for (let n = 0; n < 2; n += 1) expect(await of('ada', 'x', undefined)).toEqual([undefined])
  expect(asked).toHaveLength(2)
  expect(errors).toEqual([new Error('broken'), new Error('broken')])
})

test('what is not true means no', async () => {
  const odd = audiences(((_userId: string, audience: unknown) =>
    audience === 'late' ? Promise.resolve('yes') : 1) as unknown as AudienceTest)
  expect(await odd.of('ada', 'late', 'now')).toEqual([])
})

function broken(): never {
  throw new Error('broken')
}
