import { readFileSync } from 'node:fs'
import { spread } from '../statistics.mjs'
import { find } from './rows/row.mjs'

/** @typedef {{ row: import('./rows/row.mjs').Row, rounds: import('./rows/row.mjs').Figures[] }} RowRounds */

/** @param {number} value */
const three = (value) => Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 10 })

/** @param {import('../statistics.mjs').Spread} values */
const withSpread = ({ low, median, high }) => `${three(median)} (${three(low)}–${three(high)})`

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Each goal, and whether it is reached. @param {readonly RowRounds[]} found */
export function results(found) {
  return table(
    ['measurement', 'figure', 'goal', 'median (quartiles)', 'reached'],
    found.flatMap(({ row, rounds }) =>
      row.findings.map((finding) => {
        const { values, reached } = find(finding, rounds)
        return [
          row.title,
          finding.name,
          finding.goal || '–',
          `${withSpread(values)} ${finding.unit}`,
          finding.goal && reached,
        ]
      }),
    ),
  )
}

/** @param {string} name */
const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version

/** @param {Awaited<ReturnType<typeof import('../machine.mjs').describeMachine>>} machine @param {number} rounds @param {readonly RowRounds[]} found */
export function page(machine, rounds, found) {
  return `${[
    '# Benchmark results of the gateway',
    `${machine.date}. ${machine.cpu}, ${machine.cores} cores; Node ${machine.node}; Redis ${machine.redis}, on the same machine. ` +
      `Tidings ${machine.tidings}, Socket.IO ${versionOf('socket.io')}, its Redis adapter ${versionOf('@socket.io/redis-adapter')}, ` +
      `ws ${versionOf('ws')}. ${rounds} rounds. How to read this: [docs/benchmarks.md](../../../docs/benchmarks.md#the-gateway).`,
    results(found),
    ...found.map(({ row, rounds: all }) => `## ${row.title}\n\n${figures(all)}`),
  ].join('\n\n')}\n`
}

/** @param {readonly import('./rows/row.mjs').Figures[]} rounds */
function figures(rounds) {
  const names = Object.keys(rounds[0] ?? {}).sort()
  return table(
    ['figure', 'median (quartiles)'],
    names.map((name) => [name, withSpread(spread(rounds.map((round) => /** @type {number} */ (round[name]))))]),
  )
}
