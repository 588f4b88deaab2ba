import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AffixTable } from '../../src/core/affix-table.ts'

/** Many of these want one slot, at the end of the table too, and some are negative. */
const key = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.integer({ min: 0, max: 20 }).map((n) => n * 64 + 7),
  fc.integer({ min: -0x80000000, max: 0x7fffffff }),
)
const step = fc.record({ key, keep: fc.boolean() })

describe('affix table', () => {
  test('agrees with a map, while keys that share slots come and go', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const table = new AffixTable<string>()
        const plain = new Map<number, string>()
        for (const [index, { key, keep }] of steps.entries()) {
          if (keep) {
            table.set(key, `value ${index}`)
            plain.set(key, `value ${index}`)
          } else {
            table.delete(key)
            plain.delete(key)
          }
          for (const { key: each } of steps) expect(table.get(each)).toBe(plain.get(each))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('finds each of thousands of keys, and none after they are gone', () => {
    const table = new AffixTable<number>()
    const keys = Array.from({ length: 5_000 }, (_, n) => n * 16)
    for (const each of keys) table.set(each, each)
    expect(keys.every((each) => table.get(each) === each)).toBe(true)
    for (const each of keys) table.delete(each)
    expect(keys.some((each) => table.get(each) !== undefined)).toBe(false)
  })

  test('lists each length that is in use once, ascending', () => {
    const table = new AffixTable<string>()
    for (const length of [12, 3, 12, 100]) table.use(length)
    expect(table.lengths).toEqual([3, 12, 100])
    for (const length of [12, 3]) table.unuse(length)
    expect(table.lengths).toEqual([12, 100])
    table.unuse(12)
    expect(table.lengths).toEqual([100])
  })
})
