/**
 * Measures Tidings side by side with its peers and writes the results. See docs/benchmarks.md.
 *
 *   node bench/run.mjs [--only publish,receive,fan-out,patterns,append,log-length,receive-logged,inbox] [--rounds 5] [--quick] [--profile <folder>]
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { describeMachine } from './machine.mjs'
import { measure } from './measure.mjs'
import { growsTooFast, growthTable, json, page, summary } from './report.mjs'
import { appendRow } from './rows/append.mjs'
import { fanOutRow } from './rows/fan-out.mjs'
import { inboxRow } from './rows/inbox.mjs'
import { logLengthRow } from './rows/log-length.mjs'
import { patternsRow } from './rows/patterns.mjs'
import { publishRow } from './rows/publish.mjs'
import { receiveRow } from './rows/receive.mjs'
import { receiveLoggedRow } from './rows/receive-logged.mjs'
import { Samples } from './rows/row.mjs'
import { orderOf } from './statistics.mjs'

const ROWS = [publishRow, receiveRow, fanOutRow, patternsRow, appendRow, logLengthRow, receiveLoggedRow, inboxRow]
const ROUNDS = 5
const QUICK = { rounds: 3, share: 0.2 }

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})
const rounds = options.rounds === undefined ? (options.quick ? QUICK.rounds : ROUNDS) : Number(options.rounds)
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds takes a whole number from 1, not ${options.rounds}.`)
const rows = options.only === undefined ? ROWS : options.only.split(',').map(rowNamed)
// Only a whole run replaces the published results.
const whole = options.only === undefined && options.profile === undefined && !options.quick && rounds >= ROUNDS
const folder = new URL(whole ? './results/' : './results/tmp/', import.meta.url)

/** @param {string} name */
function rowNamed(name) {
  const row = ROWS.find((candidate) => candidate.name === name)
  if (!row) throw new Error(`There is no row ${name}. Rows: ${ROWS.map((candidate) => candidate.name).join(', ')}.`)
  return row
}

/** @param {import('./rows/row.mjs').Row} row @returns {Promise<import('./report.mjs').RowResult>} */
async function runRow(row) {
  const samples = new Samples()
  const variants = row.variants(options.quick ? QUICK.share : 1)
  const xs = [...new Set(variants.map(({ x }) => x))]
  for (let round = 0; round < rounds; round += 1) {
    const inOrder = xs.flatMap((at) => {
      const arms = variants.filter(({ x }) => x === at)
      return orderOf(arms, round)
    })
    for (const { arm, x, job } of inOrder) {
      const sample = await measure(job, options.profile)
      samples.add(arm, x, sample)
      const figures = `${Math.round(sample.perSecond)}/s, ${sample.clientUs.toFixed(2)} + ${sample.redisUs.toFixed(2)} µs`
      process.stderr.write(`${row.name}  round ${round + 1}/${rounds}  ${x} ${row.xLabel}  ${arm}: ${figures}\n`)
    }
  }
  return { row, samples, report: row.report(samples) }
}

// An interrupted run leaves no process behind.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))

const machine = await describeMachine()
/** @type {import('./report.mjs').RowResult[]} */
const results = []
for (const row of rows) results.push(await runRow(row))
const run = { machine, rounds, rows: results }
if (!whole) await rm(folder, { recursive: true, force: true })
await mkdir(folder, { recursive: true })
await writeFile(new URL('results.json', folder), `${JSON.stringify(json(run), null, 1)}\n`)
await writeFile(new URL('results.md', folder), page(run))
for (const { report } of results) {
  for (const [name, svg] of Object.entries(report.plots)) await writeFile(new URL(`${name}.svg`, folder), svg)
}
console.log([summary(results), growthTable(results)].filter(Boolean).join('\n\n'))
const broken = results.flatMap(({ report }) => report.growths.filter(growsTooFast))
if (broken.length > 0) {
  console.error(`\n${broken.map(({ name, arm }) => `${name} (${arm})`).join('; ')}: grows faster than it may.`)
  process.exitCode = 1
}
