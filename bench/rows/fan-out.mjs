import { clientNames } from '../clients/contract.mjs'
import { linePlot } from '../plots/line-plot.mjs'
import { exponent } from '../statistics.mjs'
import { clientUs, compare, perSecond } from './row.mjs'

const ARMS = ['tidings', 'ioredis', 'node-redis']

/** Messages of one sample, by the number of handlers. */
const TOTALS = new Map([
  [1, 150_000],
  [10, 60_000],
  [100, 20_000],
])

/** @type {import('./row.mjs').Row} */
export const fanOutRow = {
  name: 'fan-out',
  title: 'Receive, many handlers on one channel',
  setting:
    'Handlers of one process on one channel, each getting the parsed JSON of 352-byte messages. The peers parse in each ' +
    'handler, as their API has it; Tidings parses once for all.',
  xLabel: 'handlers',

  variants: (share) =>
    [...TOTALS].flatMap(([handlers, full]) =>
      ARMS.map((client) => {
        const total = Math.round(full * share)
        const warmUp = Math.ceil(full / 3)
        const job = /** @type {const} */ ({
          workload: 'receive',
          client,
          size: 'long',
          handlers,
          patterns: 0,
          total,
          warmUp,
        })
        return { arm: client, x: handlers, job }
      }),
    ),

  report(samples) {
    const what = { x: 100, against: 'ioredis', arms: ARMS, atLeast: 5 }
    const series = ARMS.map((arm) => ({ name: String(clientNames[arm]), arm, points: samples.curve(arm, clientUs) }))
    return {
      findings: [
        compare(samples, { ...what, name: 'receive, 100 handlers: CPU of the receiver', figure: clientUs }),
        compare(samples, { ...what, name: 'receive, 100 handlers: messages/s', figure: perSecond }),
      ],
      growths: [
        {
          name: 'CPU of the receiver by handlers',
          arm: 'tidings',
          exponent: exponent(samples.curve('tidings', clientUs).map(({ x, y }) => ({ x, y: y.median }))),
          expected: 1,
        },
      ],
      plots: {
        'fan-out-cpu': linePlot({
          title: 'Receive by many handlers: CPU of the receiver',
          xLabel: 'handlers on the channel',
          yLabel: 'CPU µs per message',
          series,
        }),
      },
    }
  },
}
