/**
 * Measures the gateway side by side with Socket.IO and its Redis adapter. See docs/benchmarks.md.
 *
 *   node bench/gateway/run.mjs [--only bursts,single,memory,latency,slow,resume] [--rounds 5] [--quick] [--profile <folder>]
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { describeMachine } from '../machine.mjs'
import { page, results } from './report.mjs'
import { burstsRow } from './rows/bursts.mjs'
import { latencyRow } from './rows/latency.mjs'
import { memoryRow } from './rows/memory.mjs'
import { resumeRow } from './rows/resume.mjs'
import { singleRow } from './rows/single.mjs'
import { slowRow } from './rows/slow.mjs'

const ROWS = [burstsRow, singleRow, memoryRow, latencyRow, slowRow, resumeRow]
const ROUNDS = 5
const QUICK_ROUNDS = 1

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})
const { quick, profile } = options
const rounds = Number(options.rounds ?? (quick ? QUICK_ROUNDS : ROUNDS))
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds takes a whole number from 1, not ${options.rounds}.`)
const rows = options.only === undefined ? ROWS : options.only.split(',').map(rowNamed)

/** @param {string} name */
function rowNamed(name) {
  const row = ROWS.find((candidate) => candidate.name === name)
  if (!row) throw new Error(`There is no row ${name}. Rows: ${ROWS.map((candidate) => candidate.name).join(', ')}.`)
  return row
}

// An interrupted run leaves no process behind.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))

/** @type {import('./report.mjs').RowRounds[]} */
const found = rows.map((row) => ({ row, rounds: [] }))
for (let round = 0; round < rounds; round += 1) {
  for (const { row, rounds: done } of found) {
    const figures = await row.run({ quick, round, profile })
    done.push(figures)
    const list = Object.entries(figures).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
    process.stderr.write(`${row.name}  round ${round + 1}/${rounds}  ${list.join(', ')}\n`)
  }
}

// Only a whole run replaces the published results.
const whole = options.only === undefined && !quick && profile === undefined && rounds >= ROUNDS
const folder = new URL(whole ? '../results/gateway/' : '../results/tmp/gateway/', import.meta.url)
await mkdir(folder, { recursive: true })
const machine = await describeMachine()
await writeFile(
  new URL('results.json', folder),
  `${JSON.stringify({ machine, rows: found.map(({ row, rounds: all }) => ({ name: row.name, rounds: all })) }, null, 1)}\n`,
)
await writeFile(new URL('results.md', folder), page(machine, rounds, found))
console.log(results(found))
