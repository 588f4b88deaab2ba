import { describe, expect, it } from 'vitest'
// @ts-expect-error The bench is plain JavaScript with its types in comments; `tsc -p bench/jsconfig.json` checks those.
import { Tally } from '../../bench/payload.mjs'
// @ts-expect-error As above.
import { barPlot } from '../../bench/plots/bar-plot.mjs'
// @ts-expect-error As above.
import { linePlot } from '../../bench/plots/line-plot.mjs'
// @ts-expect-error As above.
import { growsTooFast, growthTable, summary } from '../../bench/report.mjs'
// @ts-expect-error As above.
import { clientUs, compare, perSecond, Samples } from '../../bench/rows/row.mjs'
// @ts-expect-error As above.
import { exponent, median, orderOf, quantile, ratio, spread, verdict } from '../../bench/statistics.mjs'

describe('statistics of the bench', () => {
  it('takes the median and the quartiles without regard to order', () => {
    expect(median([5, 1, 4, 2, 3])).toBe(3)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(spread([50, 10, 40, 20, 30])).toEqual({ low: 20, median: 30, high: 40 })
    expect(spread([7])).toEqual({ low: 7, median: 7, high: 7 })
    expect(quantile([10, 20], 0.25)).toBe(12.5)
  })

  it('refuses to speak about no samples', () => {
    expect(() => median([])).toThrow('No samples')
  })

  it('sorts numbers as numbers', () => {
    expect(median([100, 20, 3])).toBe(20)
  })

  it('pairs the rounds of a ratio, so that a slow machine does not show in it', () => {
    expect(ratio([30, 3, 300], [10, 1, 100])).toEqual({ low: 3, median: 3, high: 3 })
    expect(() => ratio([1, 2], [1])).toThrow('pairs')
  })

  it('claims a goal only where the whole spread meets it', () => {
    expect(verdict({ low: 3.1, median: 3.5, high: 4 }, { atLeast: 3 })).toBe('yes')
    expect(verdict({ low: 2.9, median: 3.5, high: 4 }, { atLeast: 3 })).toBe('within the spread')
    expect(verdict({ low: 2.1, median: 2.5, high: 2.9 }, { atLeast: 3 })).toBe('no')
    expect(verdict({ low: 1, median: 1.1, high: 1.2 }, { atMost: 1.2 })).toBe('yes')
    expect(verdict({ low: 1.3, median: 1.4, high: 1.5 }, { atMost: 1.2 })).toBe('no')
    expect(verdict({ low: Number.NaN, median: Number.NaN, high: Number.NaN }, { atMost: 1.2 })).toBe('no')
  })

  it.each([0, 0.5, 1, 2])('finds the exponent %d of a power law', (power) => {
    const points = [8, 64, 512, 8_192].map((x) => ({ x, y: 3 * x ** power }))
    expect(exponent(points)).toBeCloseTo(power, 10)
  })

  it('fits an exponent by least squares where the points scatter', () => {
    const points = [
      { x: 1, y: 1 },
      { x: 10, y: 20 },
      { x: 100, y: 100 },
    ]
    expect(exponent(points)).toBeCloseTo(1, 10)
  })

  it('refuses an exponent of one point, or of zero', () => {
    expect(() => exponent([{ x: 8, y: 1 }])).toThrow('two different x')
    expect(() =>
      exponent([
        { x: 8, y: 0 },
        { x: 9, y: 1 },
      ]),
    ).toThrow('positive')
  })

  it('turns each second round round and starts the next pair with another arm', () => {
    const orders = [0, 1, 2, 3, 4].map((round) => orderOf(['a', 'b', 'c', 'd'], round).join(''))
    expect(orders).toEqual(['abcd', 'dcba', 'bcda', 'adcb', 'cdab'])
    expect(orderOf([], 3)).toEqual([])
  })
})

describe('deliveries of the bench', () => {
  const FIRST = 100_000_000

  it('accepts every message exactly once', () => {
    const tally = new Tally(3)
    for (const index of [2, 0, 1]) tally.see(FIRST + index)
    expect(() => tally.verify()).not.toThrow()
  })

  it('notices a lost message that a doubled one makes up for in number', () => {
    const tally = new Tally(3)
    for (const index of [0, 0, 2]) tally.see(FIRST + index)
    expect(() => tally.verify()).toThrow('1 lost, 1 doubled')
  })

  it('expects as many copies as there are handlers', () => {
    const tally = new Tally(1, 2)
    tally.see(FIRST)
    expect(() => tally.verify()).toThrow('1 lost')
    tally.see(FIRST)
    expect(() => tally.verify()).not.toThrow()
  })
})

describe('report of the bench', () => {
  const samples = new Samples()
  for (const speed of [1, 2, 3]) {
    samples.add('tidings', 1, { perSecond: 400_000 * speed, clientUs: 2 / speed, redisUs: 1 })
    samples.add('ioredis', 1, { perSecond: 100_000 * speed, clientUs: 8 / speed, redisUs: 1 })
  }
  const what = { name: 'publish', x: 1, against: 'ioredis', arms: ['tidings', 'ioredis'], atLeast: 3 }

  it('puts what favours Tidings above 1, for speed as for cost', () => {
    expect(compare(samples, { ...what, figure: perSecond }).ratio.median).toBe(4)
    expect(compare(samples, { ...what, figure: clientUs }).ratio.median).toBe(4)
  })

  it('says the goal, the arms, the ratio with its spread, and whether it was reached', () => {
    const finding = compare(samples, { ...what, figure: perSecond })
    const table = summary([{ report: { findings: [finding], growths: [], plots: {} } }])
    expect(table.split('\n').at(-1)).toBe(
      '| publish | ≥ 3× | Tidings: 800,000/s, 1 + 1 µs<br>ioredis: 200,000/s, 4 + 1 µs | 4 (4–4) | yes |',
    )
  })

  it('holds a curve to its expected exponent with a tolerance of 0.15', () => {
    expect(growsTooFast({ exponent: 0.15, expected: 0 })).toBe(false)
    expect(growsTooFast({ exponent: 0.16, expected: 0 })).toBe(true)
    expect(growsTooFast({ exponent: -0.5, expected: 0 })).toBe(false)
    const growth = { name: 'cost', arm: 'tidings', exponent: 1.2, expected: 1 }
    expect(growthTable([{ report: { findings: [], growths: [growth], plots: {} } }])).toContain('| 1.20 | 1 | no |')
  })
})

describe('plots of the bench', () => {
  const value = { low: 1.5, median: 2, high: 3 }

  it('draws every series with names and units, and no number that is none', () => {
    const svg = linePlot({
      title: 'A < B',
      xLabel: 'patterns',
      yLabel: 'CPU µs per message',
      series: [{ name: 'Tidings', arm: 'tidings', points: [8, 8_192].map((x) => ({ x, y: value })) }],
    })
    for (const part of [
      'A &lt; B',
      'patterns',
      'CPU µs per message',
      'Tidings',
      '8,192',
      'prefers-color-scheme:dark',
    ]) {
      expect(svg).toContain(part)
    }
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('draws a bar for each arm', () => {
    const bars = ['tidings', 'ioredis'].map((arm) => ({ name: arm, arm, value }))
    const svg = barPlot({ title: 'Receive', label: 'µs', bars })
    expect(svg.match(/<rect class="bar/g)).toHaveLength(2)
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })
})
