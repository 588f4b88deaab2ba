import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ProgressBar, progressLine } from '../../src/cli/progress-bar.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const bar = (cells: number) => '█'.repeat(cells) + '░'.repeat(24 - cells)

test.each<[number, number, number, string]>([
  [0, 10, 0, `  0% ${bar(0)} 0/10  0.0/s`],
  [5, 10, 1_000, ` 50% ${bar(12)} 5/10  5.0/s  1 s left`],
  [4_200, 10_000, 3_400, ` 42% ${bar(10)} 4,200/10,000  1,235/s  5 s left`],
  [10, 2_000, 1_000, `  0% ${bar(0)} 10/2,000  10/s  3 min 19 s left`],
  [1, 10_000, 1_000, `  0% ${bar(0)} 1/10,000  1.0/s  2 h 46 min left`],
  [10, 10, 1_000, `100% ${bar(24)} 10/10  10/s  0 s left`],
])('%i of %i after %i ms', (done, total, tookMs, line) => {
  expect(progressLine(done, total, tookMs)).toBe(line)
})

test('it is drawn ten times a second at most, fits the screen, and leaves nothing behind', () => {
  const written: string[] = []
  const progress = new ProgressBar({ isTTY: true, columns: 40, write: (text) => written.push(text) })
  for (let done = 1; done <= 1_000; done += 1) {
    vi.advanceTimersByTime(1)
    progress.show(done, 1_000)
  }
  expect(written.length).toBeGreaterThan(5)
  expect(written.length).toBeLessThanOrEqual(10)
  const erase = '\r\u001b[K'
  for (const text of written) expect(text.slice(erase.length).length).toBeLessThan(40)
  progress.end()
  progress.end()
  expect(written.filter((text) => text === erase)).toHaveLength(1)
  expect(written.at(-1)).toBe(erase)
})

test('on what is no terminal nothing is drawn', () => {
  const write = vi.fn()
  const progress = new ProgressBar({ write })
  progress.show(1, 2)
  progress.end()
  expect(write).not.toHaveBeenCalled()
})
