import { orderOf } from '../../statistics.mjs'

/**
 * Runs each arm once, in an order that changes with the round, and puts what they found together.
 *
 * @param {readonly import('../arena.mjs').Arm[]} arms @param {number} round
 * @param {(arm: import('../arena.mjs').Arm) => Promise<import('./row.mjs').Figures>} run
 */
export async function alternately(arms, round, run) {
  /** @type {import('./row.mjs').Figures} */
  const all = {}
  for (const arm of orderOf(arms, round)) Object.assign(all, await run(arm))
  return all
}
