import { clientNames } from '../clients/contract.mjs'
import { linePlot } from '../plots/line-plot.mjs'
import { exponent } from '../statistics.mjs'
import { clientUs, compare, perSecond } from './row.mjs'

const ARMS = ['tidings', 'ioredis', 'ioredis-auto', 'node-redis']

/** Messages of one sample, by the number of callers: a lone caller waits a round trip for each. */
const TOTALS = new Map([
  [1, 20_000],
  [10, 100_000],
  [100, 200_000],
  [1_000, 400_000],
  [10_000, 400_000],
])

/** From here on a tick holds enough calls to join, and more callers must not make a call dearer. */
const JOINED_FROM = 100

/** @type {import('./row.mjs').Row} */
export const publishRow = {
  name: 'publish',
  title: 'Awaited publish',
  setting:
    'Callers in one process, each awaiting its own publish of a 96-byte text before it makes the next. One subscriber ' +
    'on the channel. Every promise must resolve to 1 receiver, and every message must arrive exactly once.',
  xLabel: 'callers',

  variants: (share) =>
    [...TOTALS].flatMap(([loops, full]) =>
      ARMS.map((client) => {
        const total = Math.max(loops, Math.round(full * share))
        const job = /** @type {const} */ ({ workload: 'publish', client, loops, total, warmUp: Math.ceil(full / 4) })
        return { arm: client, x: loops, job }
      }),
    ),

  report(samples) {
    const thousand = { x: 1_000, against: 'ioredis-auto', arms: ARMS }
    const tidings = samples.curve('tidings', clientUs).filter(({ x }) => x >= JOINED_FROM)
    const lone = { x: 1, against: 'ioredis', arms: ARMS.slice(0, 2) }
    return {
      findings: [
        compare(samples, { ...thousand, name: 'publish by 1,000 callers: messages/s', figure: perSecond, atLeast: 3 }),
        compare(samples, { ...thousand, name: 'publish by 1,000 callers: CPU of the publisher', figure: clientUs }),
        compare(samples, { ...lone, name: 'lone publish, one after another: messages/s', figure: perSecond }),
        compare(samples, {
          ...lone,
          name: 'lone publish, one after another: p50',
          figure: (sample) => sample.p50Us ?? Number.NaN,
        }),
      ],
      growths: [
        {
          name: `CPU of the publisher by callers, from ${JOINED_FROM}`,
          arm: 'tidings',
          exponent: exponent(tidings.map(({ x, y }) => ({ x, y: y.median }))),
          expected: 0,
        },
      ],
      plots: {
        'publish-throughput': plot(samples, perSecond, 'Awaited publish: throughput', 'messages per second'),
        'publish-cpu': plot(samples, clientUs, 'Awaited publish: CPU of the publisher', 'CPU µs per message'),
      },
    }
  },
}

/**
 * @param {import('./row.mjs').Samples} samples @param {(sample: import('./row.mjs').Sample) => number} figure
 * @param {string} title @param {string} yLabel
 */
function plot(samples, figure, title, yLabel) {
  const series = ARMS.map((arm) => ({ name: String(clientNames[arm]), arm, points: samples.curve(arm, figure) }))
  return linePlot({ title, xLabel: 'callers, each awaiting its own publish', yLabel, series })
}
