import { clientNames } from '../clients/contract.mjs'
import { linePlot } from '../plots/line-plot.mjs'
import { bothUs, clientUs, compare, perSecond, redisUs } from './row.mjs'

const ARMS = ['tidings-append', 'tidings-emit', 'ioredis-auto']

/** Messages of one sample, by the number of callers: a lone caller waits a round trip for each. */
const TOTALS = new Map([
  [1, 20_000],
  [100, 200_000],
  [1_000, 400_000],
])

/** @type {import('./row.mjs').Row} */
export const appendRow = {
  name: 'append',
  title: 'Awaited append',
  setting:
    'As in the publish row, but Tidings also keeps each message in the log of its channel, which holds the newest 10,000: ' +
    'by `append` of the same 96-byte text, and by `emit` of an event that has about as many bytes. ioredis only publishes, ' +
    'with auto-pipelining. One subscriber on the channel, which must get every message exactly once.',
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
    const append = { own: 'tidings-append', against: 'ioredis-auto', arms: ARMS }
    const emit = { ...append, own: 'tidings-emit' }
    const series = (/** @type {(sample: import('./row.mjs').Sample) => number} */ figure, dashed = false) =>
      ARMS.map((arm) => ({ name: String(clientNames[arm]), arm, dashed, points: samples.curve(arm, figure) }))
    return {
      findings: [
        compare(samples, {
          ...append,
          name: 'append by 1,000 callers: messages/s, against publishing alone',
          x: 1_000,
          figure: perSecond,
          atLeast: 1.5,
        }),
        compare(samples, {
          ...append,
          name: 'append by 1,000 callers: CPU of the publisher',
          x: 1_000,
          figure: clientUs,
        }),
        compare(samples, {
          ...append,
          name: 'append by 1,000 callers: CPU of publisher and Redis',
          x: 1_000,
          figure: bothUs,
        }),
        compare(samples, {
          ...emit,
          name: 'emit with history by 1,000 callers: messages/s',
          x: 1_000,
          figure: perSecond,
        }),
        compare(samples, { ...append, name: 'append by 100 callers: messages/s', x: 100, figure: perSecond }),
        compare(samples, {
          ...append,
          name: 'lone append, one after another: p50',
          x: 1,
          figure: (sample) => sample.p50Us ?? Number.NaN,
        }),
      ],
      growths: [],
      plots: {
        'append-throughput': linePlot({
          title: 'Awaited append: throughput',
          xLabel: 'callers, each awaiting its own append',
          yLabel: 'messages per second',
          series: series(perSecond),
        }),
        'append-cpu': linePlot({
          title: 'Awaited append: CPU of the publisher and of Redis',
          xLabel: 'callers, each awaiting its own append',
          yLabel: 'CPU µs per message',
          series: [
            ...series(clientUs).map((one) => ({ ...one, name: `${one.name}, publisher` })),
            ...series(redisUs, true).map((one) => ({ ...one, name: `${one.name}, Redis` })),
          ],
        }),
      },
    }
  },
}
