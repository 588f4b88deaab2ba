import { median, ratio, spread, verdict } from '../statistics.mjs'

/**
 * One row of the table: what to measure, and what to say about it.
 *
 * @typedef {import('../statistics.mjs').Spread} Spread
 * @typedef {import('../measure.mjs').Sample} Sample
 * @typedef {{ arm: string, x: number, job: import('../measure.mjs').Job }} Variant One point of one arm's curve.
 *
 * @typedef {object} Finding
 * @property {string} name
 * @property {string} goal as the design states it, or '' where none is set
 * @property {{ arm: string, figures: string }[]} arms
 * @property {Spread} ratio
 * @property {import('../statistics.mjs').Verdict | ''} reached
 *
 * @typedef {{ name: string, arm: string, exponent: number, expected: number }} Growth
 * How a cost grows with x, and how it should.
 *
 * @typedef {{ findings: Finding[], growths: Growth[], plots: Record<string, string> }} Report Plots by file name.
 *
 * @typedef {object} Row
 * @property {string} name what `--only` calls it
 * @property {string} title
 * @property {string} setting what was done, for the reader of the results
 * @property {string} xLabel what x counts
 * @property {(share: number) => Variant[]} variants `share` of the full number of messages
 * @property {(samples: Samples) => Report} report
 */

/** All samples of one row: for each arm and x one sample a round, in the order of the rounds. */
export class Samples {
  /** @type {Map<string, { arm: string, x: number, rounds: Sample[] }>} */
  #points = new Map()

  /** @param {string} arm @param {number} x @param {Sample} sample */
  add(arm, x, sample) {
    const key = `${arm} ${x}`
    const point = this.#points.get(key) ?? { arm, x, rounds: [] }
    point.rounds.push(sample)
    this.#points.set(key, point)
  }

  /** @returns {Sample[]} */
  rounds(/** @type {string} */ arm, /** @type {number} */ x) {
    const point = this.#points.get(`${arm} ${x}`)
    if (!point) throw new Error(`Nothing was measured for ${arm} at ${x}.`)
    return point.rounds
  }

  /** @param {string} arm @param {number} x @param {(sample: Sample) => number} figure */
  values(arm, x, figure) {
    return this.rounds(arm, x).map(figure)
  }

  /** The points of one arm, by x. @param {string} arm @param {(sample: Sample) => number} figure */
  curve(arm, figure) {
    const points = this.all().filter((point) => point.arm === arm)
    return points.map(({ x, rounds }) => ({ x, y: spread(rounds.map(figure)) }))
  }

  /** Everything, sorted by x and then as the row names its arms. */
  all() {
    return [...this.#points.values()].sort((a, b) => a.x - b.x)
  }
}

/** @param {Sample} sample */
export const perSecond = (sample) => sample.perSecond
/** @param {Sample} sample */
export const clientUs = (sample) => sample.clientUs
/** @param {Sample} sample */
export const redisUs = (sample) => sample.redisUs
/** @param {Sample} sample */
export const bothUs = (sample) => sample.clientUs + sample.redisUs

/** @param {number} value */
const count = (value) => Number(value.toPrecision(3)).toLocaleString('en')

/** What one arm did at one x, in one line. @param {Samples} samples @param {string} arm @param {number} x */
export function figures(samples, arm, x) {
  const at = (/** @type {(sample: Sample) => number} */ figure) => median(samples.values(arm, x, figure))
  return { arm, figures: `${count(at(perSecond))}/s, ${count(at(clientUs))} + ${count(at(redisUs))} µs` }
}

/**
 * Compares Tidings with a peer at one x. A ratio above 1 is in Tidings' favour, for costs too.
 *
 * @param {Samples} samples
 * @param {{ name: string, x: number, own?: string, against: string, arms: readonly string[], figure: (sample: Sample) => number, atLeast?: number }} what
 * `own`: which arm of Tidings; default `tidings`.
 * @returns {Finding}
 */
export function compare(samples, { name, x, own: arm = 'tidings', against, arms, figure, atLeast }) {
  const own = samples.values(arm, x, figure)
  const peer = samples.values(against, x, figure)
  const measured = figure === perSecond ? ratio(own, peer) : ratio(peer, own)
  return {
    name,
    goal: atLeast === undefined ? '' : `≥ ${atLeast}×`,
    arms: arms.map((arm) => figures(samples, arm, x)),
    ratio: measured,
    reached: atLeast === undefined ? '' : verdict(measured, { atLeast }),
  }
}
