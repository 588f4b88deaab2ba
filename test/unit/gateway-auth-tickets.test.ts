import { afterEach, describe, expect, it, vi } from 'vitest'
import { ApiKeys, apiKeyOf } from '../../src/gateway/auth/api-keys.ts'
import { ResumeTokens } from '../../src/gateway/auth/resume-tokens.ts'
import { SignedTickets, UsedIds } from '../../src/gateway/auth/signed-tickets.ts'
import type { GatewayUser } from '../../src/gateway/contract.ts'
import type { Position } from '../../src/protocol/position.ts'

const SECRET = 'a secret of more than thirty-two bytes'
const ALICE = { userId: 'alice', claims: { iat: 1, role: 'x' }, expiresAtMs: Date.now() + 60_000 }

const codeOf = (error: unknown): unknown => (error as { error?: { code: number } }).error?.code ?? error
const refusal = (call: () => Promise<unknown> | unknown): Promise<unknown> =>
  Promise.resolve()
    .then(call)
    .then(() => 'accepted', codeOf)

/** Every text that differs in one character. */
function* changed(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += 1) {
    yield `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
  }
}

afterEach(() => {
  vi.useRealTimers()
})

describe('a ticket', () => {
  const tickets = (claim = new UsedIds().claim, secret = SECRET) => new SignedTickets({ secret, claim })

  it('opens one stream, once', async () => {
    const one = tickets()
    const ticket = one.issue(ALICE, { channels: ['news'] })
    expect(await one.redeem(ticket)).toEqual({ user: ALICE, data: { channels: ['news'] } })
    expect(await refusal(() => one.redeem(ticket))).toBe(101)
    expect(ticket).toMatch(/^[\w.-]+$/)
  })

  it('opens one stream only, of many that ask at once on several nodes', async () => {
    const { claim } = new UsedIds()
    const nodes = [tickets(claim), tickets(claim), tickets(claim)]
    const ticket = nodes[0]!.issue(ALICE)
    const outcomes = await Promise.all(nodes.flatMap((node) => [1, 2, 3].map(() => refusal(() => node.redeem(ticket)))))
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 101)).toHaveLength(8)
  })

  it('is over after thirty seconds at the latest', async () => {
    vi.useFakeTimers()
    const one = tickets()
    const [early, late, short] = [one.issue(ALICE), one.issue(ALICE), one.issue(ALICE, undefined, 1_000)]
    vi.advanceTimersByTime(1_000)
    expect(await refusal(() => one.redeem(short))).toBe(101)
    vi.advanceTimersByTime(28_999)
    expect(await refusal(() => one.redeem(early))).toBe('accepted')
    vi.advanceTimersByTime(1)
    expect(await refusal(() => one.redeem(late))).toBe(101)
    for (const ttlMs of [0, -1, 30_001, Number.NaN]) {
      expect(() => one.issue(ALICE, undefined, ttlMs)).toThrow('at most 30000')
    }
  })

  it('is good for nothing once it is changed, or signed by somebody else', async () => {
    const one = tickets()
    const ticket = one.issue(ALICE)
    for (const text of changed(ticket)) expect(await refusal(() => one.redeem(text))).toBe(101)
    for (const text of ['', '.', 'a', `${ticket}.`, `${ticket}=`, `.${ticket}`, ticket.split('.')[0]!]) {
      expect(await refusal(() => one.redeem(text))).toBe(101)
    }
    expect(await refusal(() => one.redeem(tickets(undefined, `not ${SECRET}`).issue(ALICE)))).toBe(101)
    const positions = new Map<string, Position | undefined>()
    expect(await refusal(() => one.redeem(new ResumeTokens(SECRET).issue({ user: ALICE, positions })))).toBe(101)
    expect(await refusal(() => one.redeem(ticket))).toBe('accepted')
  })

  it('opens nothing where nobody can tell whether it was used', async () => {
    const away = new Error('Redis is away')
    expect(await refusal(() => tickets(() => Promise.reject(away)).redeem(tickets().issue(ALICE)))).toBe(away)
  })

  it('is forgotten when it is over', async () => {
    vi.useFakeTimers()
    const used = new UsedIds()
    for (let id = 0; id < 1_000; id += 1) await used.claim(`id ${id}`, 30_000)
    expect(used.size).toBe(1_000)
    vi.advanceTimersByTime(30_001)
    expect(await used.claim('id 5', 30_000)).toBe(true)
    expect(used.size).toBe(1)
  })

  it('needs a secret that is one', () => {
    expect(() => tickets(undefined, 'short')).toThrow('32 bytes')
  })
})

describe('a resume token', () => {
  const tokens = new ResumeTokens(SECRET)
  const positions = new Map<string, Position | undefined>([
    ['news', { epoch: 'abc', gen: 2, seq: 41 }],
    ['live', undefined],
    ['__proto__x', { epoch: '', gen: 0, seq: 0 }],
  ])

  it('says who reads and where each channel was read to, as often as it is asked', () => {
    const token = tokens.issue({ user: ALICE, positions })
    expect(tokens.read(token)).toEqual({ user: ALICE, positions })
    expect(tokens.read(token)).toEqual({ user: ALICE, positions })
    // It is sent as the id of an event.
    expect(token).toMatch(/^[\w.-]+$/)
  })

  it('is good until the token of its user is over', async () => {
    vi.useFakeTimers()
    const user: GatewayUser & { expiresAtMs: number } = { ...ALICE, expiresAtMs: Date.now() + 5_000 }
    const token = tokens.issue({ user, positions })
    vi.advanceTimersByTime(4_999)
    expect(await refusal(() => tokens.read(token))).toBe('accepted')
    vi.advanceTimersByTime(1)
    expect(await refusal(() => tokens.read(token))).toBe(109)
  })

  it('has thirty-two channels at most', () => {
    const many = (count: number) =>
      new Map(Array.from({ length: count }, (_, index) => [`channel ${index}`, undefined] as const))
    expect(tokens.read(tokens.issue({ user: ALICE, positions: many(32) })).positions.size).toBe(32)
    expect(() => tokens.issue({ user: ALICE, positions: many(33) })).toThrow('at most 32')
  })

  it('is refused once it is changed, and is no ticket', async () => {
    const token = tokens.issue({ user: ALICE, positions })
    for (const text of changed(token)) expect(await refusal(() => tokens.read(text))).toBe(101)
    const ticket = new SignedTickets({ secret: SECRET, claim: new UsedIds().claim }).issue(ALICE)
    expect(await refusal(() => tokens.read(ticket))).toBe(101)
  })
})

describe('API keys', () => {
  const keys = new ApiKeys(['first-key-of-many', 'second-key-of-many'])

  it('are accepted whole, and nothing else is', () => {
    expect(keys.accepts('first-key-of-many')).toBe(true)
    expect(keys.accepts('second-key-of-many')).toBe(true)
    for (const other of [
      undefined,
      '',
      'first-key-of-man',
      'first-key-of-many ',
      'FIRST-KEY-OF-MANY',
      'x'.repeat(1e5),
    ]) {
      expect(keys.accepts(other)).toBe(false)
    }
    expect(new ApiKeys([]).accepts('')).toBe(false)
    expect(new ApiKeys([]).accepts(undefined)).toBe(false)
  })

  it('come in either of two headers, and not as another scheme', () => {
    const of = (headers: Record<string, string>) => apiKeyOf(new Headers(headers))
    expect(of({ authorization: 'apikey abc' })).toBe('abc')
    expect(of({ authorization: 'ApiKey abc' })).toBe('abc')
    expect(of({ 'x-api-key': 'abc' })).toBe('abc')
    expect(of({ authorization: 'Bearer abc' })).toBeUndefined()
    expect(of({ authorization: 'apikey' })).toBeUndefined()
    expect(of({})).toBeUndefined()
  })

  it('cannot be short or have blanks', () => {
    for (const key of ['', 'short', 'sixteen letters and more', 'abcdefghijklmno\n']) {
      expect(() => new ApiKeys([key])).toThrow('at least 16 characters')
    }
  })
})
