/**
 * What a run says about its samples. Pure functions, tested in test/unit/bench.test.ts.
 *
 * @typedef {{ low: number, median: number, high: number }} Spread A median between its quartiles.
 * @typedef {'yes' | 'no' | 'within the spread'} Verdict
 */

/** @param {readonly number[]} values @param {number} share from 0 to 1 */
export function quantile(values, share) {
  if (values.length === 0) throw new Error('No samples: there is nothing to take a quantile of.')
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const below = Math.floor(place)
  const low = /** @type {number} */ (sorted[below])
  const high = /** @type {number} */ (sorted[Math.ceil(place)])
  return low + (high - low) * (place - below)
}

/** @param {readonly number[]} values */
export function median(values) {
  return quantile(values, 0.5)
}

/** The median and the quartiles: half of the rounds lie between `low` and `high`. @param {readonly number[]} values @returns {Spread} */
export function spread(values) {
  return { low: quantile(values, 0.25), median: median(values), high: quantile(values, 0.75) }
}

/**
 * `own` ÷ `other`, round by round: both sides of a pair were measured within the same seconds, so that what
 * disturbed the machine disturbed both.
 *
 * @param {readonly number[]} own @param {readonly number[]} other @returns {Spread}
 */
export function ratio(own, other) {
  if (own.length !== other.length)
    throw new Error(`A ratio needs pairs: ${own.length} samples against ${other.length}.`)
  return spread(own.map((value, round) => value / /** @type {number} */ (other[round])))
}

/**
 * Claims only what exceeds the spread: `yes` when the median and both quartiles meet the goal, `no` when none
 * of them does, and `within the spread` when this run cannot tell.
 *
 * @param {Spread} measured @param {{ atLeast?: number, atMost?: number }} goal @returns {Verdict}
 */
export function verdict(measured, { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }) {
  const met = [measured.low, measured.median, measured.high].filter((value) => value >= atLeast && value <= atMost)
  if (met.length === 3) return 'yes'
  return met.length === 0 ? 'no' : 'within the spread'
}

/**
 * How cost grows: the slope of a straight line through the points in double-logarithmic scale, by least squares.
 * 0 is constant cost, 1 proportional, 2 quadratic.
 *
 * @param {readonly { x: number, y: number }[]} points @returns {number}
 */
export function exponent(points) {
  if (new Set(points.map(({ x }) => x)).size < 2) throw new Error('An exponent needs at least two different x.')
  if (points.some(({ x, y }) => !(x > 0 && y > 0))) throw new Error('An exponent needs positive numbers.')
  const logs = points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }))
  const meanX = logs.reduce((sum, { x }) => sum + x, 0) / logs.length
  const meanY = logs.reduce((sum, { y }) => sum + y, 0) / logs.length
  const covariance = logs.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0)
  return covariance / logs.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0)
}

/**
 * The order of one round: every second round turns the one before it round, and each such pair starts one arm
 * further on, so that no arm always runs first, last, or after the same other arm.
 *
 * @template T @param {readonly T[]} arms @param {number} round from 0 @returns {T[]}
 */
export function orderOf(arms, round) {
  const start = arms.length === 0 ? 0 : Math.floor(round / 2) % arms.length
  const order = [...arms.slice(start), ...arms.slice(0, start)]
  return round % 2 === 0 ? order : order.reverse()
}
