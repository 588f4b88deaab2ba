import { clientNames } from '../clients/contract.mjs'
import { linePlot } from '../plots/line-plot.mjs'
import { exponent, ratio, verdict } from '../statistics.mjs'
import { bothUs, clientUs, figures, perSecond, redisUs } from './row.mjs'

const ARMS = ['tidings', 'ioredis']
const PATTERNS = [8, 64, 512, 4_096, 8_192]
const FEW = 8
const MANY = 8_192
/** Where Redis takes its time, ioredis gets fewer messages. @type {Record<string, (patterns: number) => number>} */
const TOTALS = {
  tidings: () => 200_000,
  ioredis: (patterns) => Math.max(20_000, Math.round((200_000 * FEW) / patterns)),
}
/** @type {Record<string, number>} */
const WARM_UPS = { tidings: 50_000, ioredis: 20_000 }
const AT_MOST = 1.2

/** How the costs should grow with the number of patterns: Redis itself tests every pattern of every client. */
const EXPECTED = [
  { arm: 'tidings', name: 'CPU of the receiver by patterns', figure: clientUs, expected: 0 },
  { arm: 'tidings', name: 'CPU of Redis by patterns', figure: redisUs, expected: 0 },
  { arm: 'ioredis', name: 'CPU of the receiver by patterns', figure: clientUs, expected: 0 },
  { arm: 'ioredis', name: 'CPU of Redis by patterns', figure: redisUs, expected: 1 },
]

/** @type {import('./row.mjs').Row} */
export const patternsRow = {
  name: 'patterns',
  title: 'Patterns',
  setting:
    'One subscriber with N patterns `bench:<i>:*`, one handler each; 96-byte messages spread evenly over 8,192 ' +
    'channels, whatever N is, that each match exactly one of them. ioredis: N PSUBSCRIBEs, and a Map from pattern to handler.',
  xLabel: 'patterns',

  variants: (share) =>
    PATTERNS.flatMap((patterns) =>
      ARMS.map((client) => {
        const total = Math.round(Number(TOTALS[client]?.(patterns)) * share)
        const warmUp = Number(WARM_UPS[client])
        const job = /** @type {const} */ ({
          workload: 'receive',
          client,
          size: 'short',
          handlers: 1,
          patterns,
          total,
          warmUp,
        })
        return { arm: client, x: patterns, job }
      }),
    ),

  report(samples) {
    return {
      findings: [
        growth(samples, 'tidings', 'CPU of the receiver', clientUs),
        growth(samples, 'tidings', 'CPU of receiver and Redis', bothUs),
        growth(samples, 'tidings', 'time per message, end to end', (sample) => 1 / perSecond(sample)),
        growth(samples, 'ioredis', 'CPU of receiver and Redis', bothUs),
      ],
      growths: EXPECTED.map(({ arm, name, figure, expected }) => ({
        arm,
        name,
        exponent: exponent(samples.curve(arm, figure).map(({ x, y }) => ({ x, y: y.median }))),
        expected,
      })),
      plots: {
        'patterns-cpu': linePlot({
          title: 'Patterns: CPU of the receiver and of Redis',
          xLabel: 'patterns of one subscriber',
          yLabel: 'CPU µs per message',
          series: ARMS.flatMap((arm) => [
            { name: `${clientNames[arm]}, receiver`, arm, points: samples.curve(arm, clientUs) },
            { name: `${clientNames[arm]}, Redis`, arm, dashed: true, points: samples.curve(arm, redisUs) },
          ]),
        }),
        'patterns-throughput': linePlot({
          title: 'Patterns: throughput, end to end',
          xLabel: 'patterns of one subscriber',
          yLabel: 'messages per second',
          series: ARMS.map((arm) => ({ name: String(clientNames[arm]), arm, points: samples.curve(arm, perSecond) })),
        }),
      },
    }
  },
}

/**
 * A cost at 8,192 patterns over the same cost at 8, of one arm.
 *
 * @param {import('./row.mjs').Samples} samples @param {string} arm @param {string} name
 * @param {(sample: import('./row.mjs').Sample) => number} figure @returns {import('./row.mjs').Finding}
 */
function growth(samples, arm, name, figure) {
  const measured = ratio(samples.values(arm, MANY, figure), samples.values(arm, FEW, figure))
  const judged = arm === 'tidings'
  return {
    name: `8 → 8,192 patterns, ${clientNames[arm]}: ${name}`,
    goal: judged ? `≤ ${AT_MOST}×` : '',
    arms: [FEW, MANY].map((x) => ({ ...figures(samples, arm, x), arm: `${x.toLocaleString('en')} patterns` })),
    ratio: measured,
    reached: judged ? verdict(measured, { atMost: AT_MOST }) : '',
  }
}
