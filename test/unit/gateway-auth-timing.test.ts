import { timingSafeEqual } from 'node:crypto'
import { beforeEach, expect, it, vi } from 'vitest'
import { ApiKeys } from '../../src/gateway/auth/api-keys.ts'
import { SignedText } from '../../src/gateway/auth/signed-text.ts'

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>()
  return { ...crypto, timingSafeEqual: vi.fn(crypto.timingSafeEqual) }
})
const compared = vi.mocked(timingSafeEqual)
beforeEach(() => {
  compared.mockClear()
})

const KEYS = ['the-first-key-of-three', 'the-second-key', 'the-third-key-which-is-longer'].map((key) =>
  key.padEnd(16, '-'),
)

it('compares whatever is given with every key, in the same steps, by what takes the same time', () => {
  const keys = new ApiKeys(KEYS)
  const given = [...KEYS, undefined, '', 'x', KEYS[0]!.slice(0, -1), `${KEYS[0]}x`, 'x'.repeat(10_000), 'é☂']
  const steps = given.map((key) => {
    compared.mockClear()
    const accepted = keys.accepts(key)
    expect(accepted).toBe(KEYS.includes(key as string))
    return compared.mock.calls.map(([one, other]) => [one.byteLength, other.byteLength])
  })
  for (const each of steps) expect(each).toEqual(Array(KEYS.length).fill([32, 32]))
})

it('compares the signature of a ticket so, too', () => {
  const text = new SignedText('a secret of more than thirty-two bytes', 'x')
  const signed = text.sign({ a: 1 })
  expect(text.read(signed)).toEqual({ a: 1 })
  expect(text.read(`${signed.split('.')[0]}.${'A'.repeat(43)}`)).toBeUndefined()
  expect(compared).toHaveBeenCalledTimes(2)
})
