import { clientNames } from './clients/contract.mjs'
import { clientUs, perSecond, redisUs } from './rows/row.mjs'
import { spread } from './statistics.mjs'

/**
 * What a run found, as Markdown and as JSON.
 *
 * @typedef {import('./statistics.mjs').Spread} Spread
 * @typedef {import('./rows/row.mjs').Row} Row
 * @typedef {{ row: Row, samples: import('./rows/row.mjs').Samples, report: import('./rows/row.mjs').Report }} RowResult
 * @typedef {Awaited<ReturnType<typeof import('./machine.mjs').describeMachine>>} Machine
 * @typedef {{ machine: Machine, rounds: number, rows: RowResult[] }} Run
 */

/** A curve may be steeper than expected by this much before the run fails. */
const EXPONENT_TOLERANCE = 0.15

/** @param {import('./rows/row.mjs').Growth} growth */
export function growsTooFast({ exponent, expected }) {
  return exponent > expected + EXPONENT_TOLERANCE
}

/** @param {number} value */
const three = (value) => Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 10 })

/** @param {Spread} values */
const withSpread = ({ low, median, high }) => `${three(median)} (${three(low)}–${three(high)})`

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** The table that a run prints. @param {readonly RowResult[]} rows */
export function summary(rows) {
  return table(
    [
      'measurement',
      'goal',
      'arms: messages/s, CPU µs per message of the client + of Redis',
      'ratio (quartiles)',
      'reached',
    ],
    rows.flatMap(({ report }) =>
      report.findings.map(({ name, goal, arms, ratio, reached }) => [
        name,
        goal || '–',
        arms.map(({ arm, figures }) => `${clientNames[arm] ?? arm}: ${figures}`).join('<br>'),
        withSpread(ratio),
        reached || '–',
      ]),
    ),
  )
}

/** How the costs grow; '' where no row says. @param {readonly RowResult[]} rows */
export function growthTable(rows) {
  if (rows.every(({ report }) => report.growths.length === 0)) return ''
  return table(
    ['cost', 'arm', 'fitted exponent', 'expected', 'holds'],
    rows.flatMap(({ report }) =>
      report.growths.map((growth) => [
        growth.name,
        clientNames[growth.arm] ?? growth.arm,
        growth.exponent.toFixed(2),
        String(growth.expected),
        growsTooFast(growth) ? 'no' : 'yes',
      ]),
    ),
  )
}

/** Everything that was measured in one row. @param {RowResult} result */
function details({ row, samples, report }) {
  const latency = samples.all().some(({ rounds }) => rounds.some(({ p50Us }) => p50Us !== undefined))
  const head = [row.xLabel, 'arm', 'messages/s', 'CPU µs per message: client', 'Redis']
  const rows = samples.all().map(({ arm, x, rounds }) => {
    const cells = [perSecond, clientUs, redisUs].map((figure) => withSpread(spread(rounds.map(figure))))
    const calls = rounds.flatMap(({ p50Us, p99Us }) => (p50Us && p99Us ? [{ p50Us, p99Us }] : []))
    const times =
      calls.length === 0
        ? '–'
        : `${three(spread(calls.map(({ p50Us }) => p50Us)).median)} / ${three(spread(calls.map(({ p99Us }) => p99Us)).median)}`
    return [x.toLocaleString('en'), clientNames[arm] ?? arm, ...cells, ...(latency ? [times] : [])]
  })
  const plots = Object.keys(report.plots).map((name) => `![${row.title}](${name}.svg)`)
  return [
    `## ${row.title}`,
    row.setting,
    table(latency ? [...head, 'µs per call: p50 / p99'] : head, rows),
    ...plots,
  ].join('\n\n')
}

/** The page bench/results/results.md. @param {Run} run */
export function page({ machine, rounds, rows }) {
  const growth = growthTable(rows)
  return `${[
    '# Benchmark results',
    `${machine.date}. ${machine.cpu}, ${machine.cores} cores; Node ${machine.node}; Redis ${machine.redis}, on the same machine. ` +
      `Tidings ${machine.tidings}, ioredis ${machine.ioredis}, node-redis ${machine.nodeRedis}. ${rounds} rounds. ` +
      'How to read this: [docs/benchmarks.md](../../docs/benchmarks.md).',
    summary(rows),
    ...(growth === '' ? [] : ['## How costs grow', growth]),
    ...rows.map(details),
  ].join('\n\n')}\n`
}

/** What bench/results/results.json holds: figures to compare by program. @param {Run} run */
export function json({ machine, rounds, rows }) {
  return {
    machine,
    rounds,
    rows: rows.map(({ row, samples, report: { findings, growths } }) => ({
      name: row.name,
      findings,
      growths: growths.map((growth) => ({ ...growth, holds: !growsTooFast(growth) })),
      points: samples.all().map(({ arm, x, rounds: values }) => ({
        arm,
        x,
        perSecond: rounded(spread(values.map(perSecond))),
        clientUs: rounded(spread(values.map(clientUs))),
        redisUs: rounded(spread(values.map(redisUs))),
      })),
    })),
  }
}

/** @param {Spread} values */
function rounded({ low, median, high }) {
  const short = (/** @type {number} */ value) => Number(value.toPrecision(4))
  return { low: short(low), median: short(median), high: short(high) }
}
