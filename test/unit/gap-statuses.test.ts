import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Gap } from '../../src/core/gap.ts'
import { GapStatuses } from '../../src/log/gap-statuses.ts'

let told: Gap[]
let gaps: GapStatuses
beforeEach(() => {
  vi.useFakeTimers()
  told = []
  gaps = new GapStatuses((gap) => told.push(gap))
})
afterEach(() => {
  gaps.close()
  vi.useRealTimers()
})

const trimmed = (from: number, to: number, { gen = 1, log = 'a' } = {}): Gap => ({
  log,
  reason: 'trimmed',
  from: `${from}-${gen}@e`,
  to: `${to}-${gen}@e`,
})
const fork = (from: string, to = '50-1@e'): Gap => ({ log: 'a', reason: 'diverged', from, to })

test('many readers that meet one gap, each from where it was, are told once', () => {
  for (const from of [7, 6, 90, 5]) gaps.add(trimmed(from, 100))
  gaps.add(trimmed(5, 99))
  vi.runAllTimers()
  expect(told).toEqual([trimmed(7, 100)])
})

test('what goes further is told together, a little later', () => {
  gaps.add(trimmed(7, 100))
  for (const to of [101, 103, 102]) gaps.add(trimmed(to - 60, to))
  expect(told).toHaveLength(1)
  vi.advanceTimersByTime(1_000)
  expect(told).toEqual([trimmed(7, 100), trimmed(41, 103)])
  gaps.add(trimmed(3, 103))
  gaps.add(trimmed(103, 104))
  vi.advanceTimersByTime(1_000)
  expect(told.slice(2)).toEqual([trimmed(103, 104)])
})

test('other logs, other reasons and other generations are gaps of their own', () => {
  const all = [
    trimmed(7, 100),
    trimmed(7, 100, { log: 'b' }),
    trimmed(7, 60, { gen: 2 }),
    fork('53-1@e'),
    // The next failover, to the same place.
    fork('53-2@e'),
    fork('53-2@e', '40-1@e'),
  ]
  for (const gap of [...all, ...all]) gaps.add(gap)
  vi.runAllTimers()
  expect(told).toEqual(all)
})

test('one that was told long ago is told again', () => {
  gaps.add(trimmed(7, 100))
  vi.advanceTimersByTime(3_600_000)
  gaps.add(trimmed(7, 100))
  expect(told).toHaveLength(2)
})

test('what waits to be told is told at the end', () => {
  gaps.add(trimmed(7, 100))
  gaps.add(trimmed(7, 101))
  gaps.close()
  expect(told.at(-1)).toEqual(trimmed(7, 101))
  expect(vi.getTimerCount()).toBe(0)
})
