import { describe, expect, it } from 'vitest'
import { RecentMap } from '../../src/monitor/recent-map.ts'

const value = (name: string) => ({ name })

describe('RecentMap', () => {
  it('keeps the keys used last', () => {
    const map = new RecentMap<{ name: string }>(3)
    for (const key of ['a', 'b', 'c']) map.set(key, value(key))
    expect(['a', 'b', 'c'].map((key) => map.get(key)?.name)).toEqual(['a', 'b', 'c'])
  })

  it('keeps a key that is asked for, however many others pass', () => {
    const map = new RecentMap<{ name: string }>(10)
    map.set('kept', value('kept'))
    for (let i = 0; i < 1_000; i += 1) {
      map.set(`passing ${i}`, value('passing'))
      expect(map.get('kept')?.name).toBe('kept')
    }
  })

  it('forgets what nobody asks for, so that it never holds more than twice its size', () => {
    const map = new RecentMap<{ name: string }>(100)
    const keys = Array.from({ length: 10_000 }, (_, i) => `key ${i}`)
    for (const key of keys) map.set(key, value(key))
    const kept = keys.filter((key) => map.get(key) !== undefined)
    expect(kept.length).toBeGreaterThanOrEqual(100)
    expect(kept.length).toBeLessThanOrEqual(200)
    expect(kept.at(-1)).toBe('key 9999')
  })
})
