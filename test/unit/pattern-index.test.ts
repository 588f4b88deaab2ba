import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { AffixTable } from '../../src/core/affix-table.ts'
import { compileGlob } from '../../src/core/glob.ts'
import { PatternIndex } from '../../src/core/pattern-index.ts'

function indexOf(...patterns: string[]): PatternIndex<string> {
  const index = new PatternIndex<string>()
  for (const pattern of patterns) index.add(pattern, pattern)
  return index
}

const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '*', '?', '[', ']', '^', '-', '\\'), maxLength: 6 })
const name = fc.string({ unit: fc.constantFrom('a', 'b', '-', ']', '*', '\\'), maxLength: 6 })

describe('pattern index', () => {
  test('gives the values of the patterns that match, in the order of adding', () => {
    const index = indexOf('*:paid', 'order:*', 'user:*', 'order:?:paid', '*', 'order:1:paid', 'o*:*d')
    expect(index.match('order:1:paid')).toEqual(['*:paid', 'order:*', 'order:?:paid', '*', 'order:1:paid', 'o*:*d'])
    expect(index.match('x')).toEqual(['*'])
    expect(index.match('')).toEqual([])
  })

  test('prefix and suffix do not overlap', () => {
    const index = indexOf('ab*ba', 'abab*')
    expect(index.match('aba')).toEqual([])
    expect(index.match('abba')).toEqual(['ab*ba'])
  })

  test('behaves as a map by pattern', () => {
    const index = indexOf('a*', 'b*')
    index.add('a*', 'new')
    expect([index.size, index.get('a*'), index.get('c*')]).toEqual([2, 'new', undefined])
    expect(index.match('a')).toEqual(['new'])
    expect([...index]).toEqual([
      ['a*', 'new'],
      ['b*', 'b*'],
    ])
    expect([index.delete('a*'), index.delete('a*'), index.size]).toEqual([true, false, 1])
    expect(index.match('a')).toEqual([])
  })

  test('agrees with trying every pattern, while patterns come and go', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ pattern, keep: fc.boolean() }), { maxLength: 30 }),
        fc.array(name, { maxLength: 10 }),
        (steps, names) => {
          const index = new PatternIndex<string>()
          const plain = new Set<string>()
          for (const step of steps) {
            if (step.keep) {
              index.add(step.pattern, step.pattern)
              plain.add(step.pattern)
            } else {
              expect(index.delete(step.pattern)).toBe(plain.delete(step.pattern))
            }
            expect(index.size).toBe(plain.size)
          }
          for (const each of names) {
            const expected = [...plain].filter((source) => compileGlob(source).matches(each))
            expect(index.match(each)).toEqual(expected)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  test('deleted patterns cost later matches nothing', () => {
    const lookups = (index: PatternIndex<string>) => {
      const get = vi.spyOn(AffixTable.prototype, 'get')
      try {
        expect(index.match('x'.repeat(64))).toEqual(['x*x'])
        return get.mock.calls.length
      } finally {
        get.mockRestore()
      }
    }
    const index = indexOf('x*x')
    const before = lookups(index)
    expect(before).toBeGreaterThan(0)
    const passing = Array.from({ length: 50 }, (_, length) => ['a', 'x'].map((end) => `${end.repeat(length)}*`)).flat()
    passing.push(...Array.from({ length: 50 }, (_, length) => `x*${'b'.repeat(length)}`))
    for (const pattern of passing) index.add(pattern, pattern)
    for (const pattern of passing) index.delete(pattern)
    expect(lookups(index)).toBe(before)
  })

  test.each([
    ['user:<n>:*', (n: number) => `user:${n}:*`, (n: number) => `user:${n}:x`],
    ['*:evt<n>', (n: number) => `*:evt${n}`, (n: number) => `x:evt${n}`],
    ['user:*:evt<n>', (n: number) => `user:*:evt${n}`, (n: number) => `user:x:evt${n}`],
  ])('8,192 patterns %s cost about what 8 do', (_, patternOf, nameOf) => {
    const few = indexOf(...Array.from({ length: 8 }, (_, n) => patternOf(1_000 + n)))
    const many = indexOf(...Array.from({ length: 8_192 }, (_, n) => patternOf(1_000 + n)))
    const cost = (index: PatternIndex<string>) => {
      const started = performance.now()
      for (let round = 0; round < 20_000; round += 1) {
        if (index.match(nameOf(1_000 + (round % 8))).length !== 1) throw new Error('no match')
      }
      return performance.now() - started
    }
    const best = (index: PatternIndex<string>) => Math.min(...Array.from({ length: 5 }, () => cost(index)))
    best(few)
    // A thousand times the patterns: anything that looked at each of them would take far longer than this allows.
    expect(best(many) / best(few)).toBeLessThan(20)
  })
})
