import { clientNames } from '../clients/contract.mjs'
import { barPlot } from '../plots/bar-plot.mjs'
import { spread } from '../statistics.mjs'
import { clientUs, compare, perSecond } from './row.mjs'

const ARMS = ['tidings', 'ioredis', 'node-redis']
const TOTAL = 300_000
const WARM_UP = 100_000

/** @type {import('./row.mjs').Row} */
export const receiveRow = {
  name: 'receive',
  title: 'Receive, one handler',
  setting:
    'One handler on one channel gets the parsed JSON of 96-byte messages, published by another process as fast as Redis ' +
    'takes them. ioredis: its `message` event and JSON.parse.',
  xLabel: 'handlers',

  variants: (share) =>
    ARMS.map((client) => {
      const total = Math.round(TOTAL * share)
      const job = /** @type {const} */ ({
        workload: 'receive',
        client,
        size: 'short',
        handlers: 1,
        patterns: 0,
        total,
        warmUp: WARM_UP,
      })
      return { arm: client, x: 1, job }
    }),

  report(samples) {
    const what = { x: 1, against: 'ioredis', arms: ARMS, atLeast: 0.9 }
    return {
      findings: [
        compare(samples, { ...what, name: 'receive, one handler: CPU of the receiver', figure: clientUs }),
        compare(samples, { ...what, name: 'receive, one handler: messages/s', figure: perSecond }),
      ],
      growths: [],
      plots: {
        'receive-cpu': barPlot({
          title: 'Receive, one handler, JSON parsed',
          label: 'CPU µs per message in the receiving process; shorter is better',
          bars: ARMS.map((arm) => ({
            name: String(clientNames[arm]),
            arm,
            value: spread(samples.values(arm, 1, clientUs)),
          })),
        }),
      },
    }
  },
}
