import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { JwtGatekeeper } from '../../src/gateway/auth/jwt-gatekeeper.ts'
import { mintToken } from '../../src/gateway/auth/mint-token.ts'
import { ResumeTokens } from '../../src/gateway/auth/resume-tokens.ts'
import { SignedTickets, UsedIds } from '../../src/gateway/auth/signed-tickets.ts'
import { ClientFailure } from '../../src/gateway/contract.ts'

const seed = Math.floor(Math.random() * 2 ** 32)
console.log(`gateway-auth-fuzz: seed ${seed}`)

/** Numbers that follow from a seed. Source: mulberry32, by Tommy Ettinger. */
function chance(from: number): (below: number) => number {
  let state = from >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

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

it('tells good tokens and refuses 100,000 others, and nothing else happens', async () => {
  const pick = chance(seed)
  const one = <T>(list: ArrayLike<T>): T => list[pick(list.length)]!
  const keeper = new JwtGatekeeper({ keys: [{ alg: 'HS256', secret: SECRET }] })
  const tickets = new SignedTickets({ secret: SECRET, claim: new UsedIds().claim })
  const resumes = new ResumeTokens(SECRET)
  const user = { userId: 'alice', claims: {}, expiresAtMs: Date.now() + 600_000 }
  const good = [
    await mintToken({ secret: SECRET, userId: 'alice', expiresAt: new Date(Date.now() + 600_000) }),
    await mintToken({ secret: SECRET, userId: 'alice', expiresAt: new Date(Date.now() + 600_000), channel: 'news' }),
    tickets.issue(user),
    resumes.issue({ user, positions: new Map([['news', undefined]]) }),
  ]

  const mutate = (text: string): string => {
    const at = pick(text.length + 1)
    switch (pick(6)) {
      case 0:
        return text.slice(0, at) + one(ALPHABET) + text.slice(at + 1)
      case 1:
        return text.slice(0, at) + text.slice(at + 1 + pick(9))
      case 2:
        return text.slice(0, at) + one(ALPHABET) + text.slice(at)
      case 3:
        return text.slice(0, at)
      case 4:
        return text.slice(at) + text.slice(0, at)
      default:
        return one(good).slice(0, at) + text.slice(at)
    }
  }
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
  const noise = () => Array.from({ length: pick(200) }, () => one(ALPHABET)).join('')

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
  for (let round = 0; round < 100_000; round += 1) {
    const token = pick(4) === 0 ? forged() : pick(5) === 0 ? noise() : mutate(one(good))
    // No odd time is one to come, so none of the forged ones is good; and few mutants are what they were.
    if (isGood(token)) continue
    const how = pick(4)
    if (how === 0) await expectNone(token, () => keeper.subscription(token, 'news', user))
    else if (how === 1) await expectNone(token, () => resumes.read(token))
    else if (how === 2) await expectNone(token, () => tickets.redeem(token))
    else await expectNone(token, () => keeper.connect(token))
  }
  expect(outcomes.accepted).toBe(0)
  expect(outcomes.refused).toBeGreaterThan(90_000)
  expect((await keeper.connect(good[0])).userId).toBe('alice')
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
}, 180_000)
