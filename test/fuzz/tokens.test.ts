import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { JwtGatekeeper } from '../../src/gateway/auth/jwt-gatekeeper.ts'
import { mintToken } from '../../src/gateway/auth/mint-token.ts'
import { ResumeTokens } from '../../src/gateway/auth/resume-tokens.ts'
import { SignedTickets, UsedIds } from '../../src/gateway/auth/signed-tickets.ts'
import { ClientFailure } from '../../src/gateway/contract.ts'
import { Chance, enough, heapInUse, inputs, SEED } from '../support/fuzz.ts'

const COUNT = inputs(100_000)
const SECRET = 'a secret of more than thirty-two bytes'
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \0\né'
const ODD = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  'alice',
  '__proto__',
  [],
  {},
  [[[]]],
  'x'.repeat(300),
  '\ud800',
  '*',
  'none',
  'HS256',
  'RS256',
]

it(`tells good tokens, refuses all others, and nothing else happens (seed ${SEED})`, {
  timeout: enough(COUNT),
}, async () => {
  const chance = new Chance(SEED)
  const pick = (below: number) => chance.below(below)
  const one = <T>(list: ArrayLike<T>): T => chance.one(list)
  const keeper = new JwtGatekeeper({ keys: [{ alg: 'HS256', secret: SECRET }] })
  const tickets = new SignedTickets({ secret: SECRET, claim: new UsedIds().claim })
  const resumes = new ResumeTokens(SECRET)
  const user = { userId: 'alice', claims: {}, expiresAtMs: Date.now() + 86_400_000 }
  const good = [
    await mintToken({ secret: SECRET, userId: 'alice', expiresAt: new Date(Date.now() + 86_400_000) }),
    await mintToken({ secret: SECRET, userId: 'alice', expiresAt: new Date(Date.now() + 86_400_000), channel: 'news' }),
    tickets.issue(user),
    resumes.issue({ user, positions: new Map([['news', undefined]]) }),
  ]

  const part = (value: unknown) => Buffer.from(JSON.stringify(value) ?? '').toString('base64url')
  /** Odd headers and claims, signed by nobody, or rightly: then it is for the claims alone to be refused. */
  const forged = (): string => {
    const header = {
      alg: one(['HS256', 'HS256', 'none', 'RS256', one(ODD)]),
      [one(['kid', 'crit', 'b64', 'typ'])]: one(ODD),
    }
    const claims = {
      sub: one(ODD),
      exp: one(ODD),
      [one(['channels', 'info', 'nbf', 'iat', 'aud', 'channel'])]: one(ODD),
    }
    const body = `${part(pick(20) === 0 ? one(ODD) : header)}.${part(pick(20) === 0 ? one(ODD) : claims)}`
    const key = pick(2) === 0 ? SECRET : 'another secret of thirty-two bytes and more'
    return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`
  }

  const outcomes = { refused: 0, accepted: 0 }
  const expectNone = async (token: string, take: () => unknown): Promise<void> => {
    try {
      await take()
      outcomes.accepted += 1
      throw new Error(`accepted ${JSON.stringify(token)}`)
    } catch (error) {
      if (!(error instanceof ClientFailure)) throw error
      outcomes.refused += 1
    }
  }
  const isGood = (token: string) => good.includes(token)
  let usedBefore = 0
  for (let round = 0; round < COUNT; round += 1) {
    if (round === Math.floor(COUNT / 4)) usedBefore = await heapInUse()
    const token =
      pick(4) === 0 ? forged() : pick(5) === 0 ? chance.text(ALPHABET, 200) : chance.mutant(one(good), ALPHABET, good)
    // No odd time is one to come, so none of the forged ones is good; and few mutants are what they were.
    if (isGood(token)) continue
    const how = pick(4)
    if (how === 0) await expectNone(token, () => keeper.subscription(token, 'news', user))
    else if (how === 1) await expectNone(token, () => resumes.read(token))
    else if (how === 2) await expectNone(token, () => tickets.redeem(token))
    else await expectNone(token, () => keeper.connect(token))
  }
  expect(outcomes.accepted).toBe(0)
  expect(outcomes.refused).toBeGreaterThan(COUNT * 0.9)
  expect((await heapInUse()) - usedBefore).toBeLessThan(20_000_000)
  expect((await keeper.connect(good[0])).userId).toBe('alice')
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})
