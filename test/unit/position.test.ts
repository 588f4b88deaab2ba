import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatPosition, parsePosition } from '../../src/protocol/position.ts'

const epochs = fc.stringMatching(/^[0-9a-z]{1,32}$/)
const numbers = fc.maxSafeNat()

describe('the text of a position', () => {
  test('is <seq>-<gen>@<epoch>', () => {
    expect(formatPosition({ epoch: 'k3j9', gen: 2, seq: 41 })).toBe('41-2@k3j9')
  })

  test('is read as what was written', () => {
    fc.assert(
      fc.property(epochs, numbers, numbers, (epoch, gen, seq) => {
        expect(parsePosition(formatPosition({ epoch, gen, seq }))).toEqual({ epoch, gen, seq })
      }),
    )
  })

  test.each([
    '',
    '1-1',
    '1-1@',
    '1@a',
    '-1-1@a',
    '1--1@a',
    '1-1@A',
    '1-1@a b',
    '1.5-1@a',
    '1e3-1@a',
    ' 1-1@a',
    '1-1@a\n',
    `1-1@${'a'.repeat(33)}`,
    '9007199254740992-1@a',
    '1-9007199254740992@a',
    '12345678901234567-1@a',
  ])('%j is none', (text) => {
    expect(parsePosition(text)).toBeUndefined()
  })

  test('any other text is none, or is a position', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const position = parsePosition(text)
        if (position !== undefined) expect(parsePosition(formatPosition(position))).toEqual(position)
      }),
    )
  })
})
