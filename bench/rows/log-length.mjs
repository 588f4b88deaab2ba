import { linePlot } from '../plots/line-plot.mjs'
import { exponent, ratio } from '../statistics.mjs'
import { bothUs, figures, perSecond } from './row.mjs'

/** What is done, how the report calls it, and messages of one sample. */
const STEPS = /** @type {const} */ ([
  { arm: 'append', name: 'append', total: 100_000 },
  { arm: 'history', name: 'the last 100 entries by `history`', total: 60_000 },
  { arm: 'resume', name: 'resuming 100 entries back', total: 40_000 },
])
const LENGTHS = [100, 1_000, 10_000, 100_000, 1_000_000]
const [SHORTEST, LONGEST] = [100, 1_000_000]

/** @param {import('./row.mjs').Sample} sample */
const elapsedUs = (sample) => 1e6 / perSecond(sample)

/** @type {import('./row.mjs').Row} */
export const logLengthRow = {
  name: 'log-length',
  title: 'Length of the log',
  setting:
    'A log that holds N events and keeps as many. Appending to it by 100 callers; reading its last 100 entries by `history`; ' +
    'and `subscribe` with the position 100 entries back, until the reader has caught up, one such after another. Each entry read is checked.',
  xLabel: 'entries in the log',

  variants: (share) =>
    LENGTHS.flatMap((length) =>
      STEPS.map(({ arm, total: full }) => {
        const total = Math.ceil((full * share) / 100) * 100
        const job = /** @type {const} */ ({ workload: 'log', client: 'tidings', step: arm, length, total })
        return { arm, x: length, job }
      }),
    ),

  report(samples) {
    return {
      findings: STEPS.map(({ arm, name }) => ({
        name: `100 → 1,000,000 entries: CPU of program and Redis for ${name}`,
        goal: '',
        arms: [SHORTEST, LONGEST].map((x) => ({
          ...figures(samples, arm, x),
          arm: `${x.toLocaleString('en')} entries`,
        })),
        ratio: ratio(samples.values(arm, LONGEST, bothUs), samples.values(arm, SHORTEST, bothUs)),
        reached: '',
      })),
      growths: STEPS.flatMap(({ arm, name }) =>
        [
          { what: 'CPU of program and Redis', figure: bothUs },
          { what: 'time', figure: elapsedUs },
        ].map(({ what, figure }) => ({
          name: `${what} by length of the log: ${name}`,
          arm: 'tidings',
          exponent: exponent(samples.curve(arm, figure).map(({ x, y }) => ({ x, y: y.median }))),
          expected: 0,
        })),
      ),
      plots: {
        'log-length-cpu': linePlot({
          title: 'Length of the log: CPU of program and Redis',
          xLabel: 'entries in the log',
          yLabel: 'CPU µs per message',
          series: STEPS.map(({ arm }) => ({ name: arm, arm, points: samples.curve(arm, bothUs) })),
        }),
      },
    }
  },
}
