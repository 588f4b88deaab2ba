import { ratio, spread, verdict } from '../../statistics.mjs'

/**
 * @typedef {Record<string, number>} Figures what one round found, by name
 * @typedef {{ name: string, unit: string, goal: string, own: string, against?: string, atLeast?: number, atMost?: number }} Finding
 * `own` is a figure; with `against` its ratio to another of the same round
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {string} title
 * @property {readonly Finding[]} findings
 * @property {(options: { quick: boolean, round: number, profile: string | undefined }) => Promise<Figures>} run
 */

/** @param {Finding} finding @param {readonly Figures[]} rounds */
export function find(finding, rounds) {
  const { own, against } = finding
  const figures = (/** @type {string} */ name) => rounds.map((round) => /** @type {number} */ (round[name]))
  const values = against === undefined ? spread(figures(own)) : ratio(figures(own), figures(against))
  return { values, reached: verdict(values, finding) }
}
