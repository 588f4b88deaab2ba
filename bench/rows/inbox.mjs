import { linePlot } from '../plots/line-plot.mjs'
import { exponent } from '../statistics.mjs'
import { bothUs, compare, perSecond } from './row.mjs'

/** What is done, how the report calls it, and how often in one sample. */
const STEPS = /** @type {const} */ ([
  { arm: 'send', name: 'send', total: 40_000 },
  { arm: 'list', name: 'a page of 20 with counts', total: 20_000 },
  { arm: 'read', name: 'mark as read', total: 40_000 },
  { arm: 'broadcast', name: 'broadcast', total: 10_000 },
])
const USERS = [1, 100, 10_000, 100_000]

/** @type {import('./row.mjs').Row} */
export const inboxRow = {
  name: 'inbox',
  title: 'Inboxes',
  setting:
    'N users with 100 notifications of about 170 bytes each. Fifty callers, each awaiting its own call before it makes the ' +
    'next, going from user to user. `xrevrange` is one raw XREVRANGE of 20 rows through ioredis, auto-pipelined, each row parsed.',
  xLabel: 'users',

  variants: (share) =>
    USERS.flatMap((users) => [
      ...STEPS.map(({ arm, total: full }) => ({
        arm,
        x: users,
        job: /** @type {const} */ ({
          workload: 'inbox',
          client: 'tidings',
          step: arm,
          users,
          total: Math.ceil(full * share),
        }),
      })),
      {
        arm: 'xrevrange',
        x: users,
        job: /** @type {const} */ ({
          workload: 'inbox',
          client: 'ioredis',
          step: 'list',
          users: 1,
          total: Math.ceil(20_000 * share),
        }),
      },
    ]),

  report(samples) {
    return {
      findings: [
        compare(samples, {
          x: 10_000,
          own: 'list',
          against: 'xrevrange',
          arms: ['list', 'xrevrange'],
          name: 'a page of 20 with counts, 10,000 users: calls/s',
          figure: perSecond,
          atLeast: 0.9,
        }),
      ],
      growths: STEPS.map(({ arm, name }) => ({
        name: `CPU of program and Redis by users: ${name}`,
        arm,
        exponent: exponent(samples.curve(arm, bothUs).map(({ x, y }) => ({ x, y: y.median }))),
        expected: 0,
      })),
      plots: {
        'inbox-cpu': linePlot({
          title: 'Inboxes: CPU of program and Redis',
          xLabel: 'users, each with 100 notifications',
          yLabel: 'CPU µs per call',
          series: [...STEPS.map(({ arm }) => arm), 'xrevrange'].map((arm) => ({
            name: arm,
            arm,
            points: samples.curve(arm, bothUs),
          })),
        }),
      },
    }
  },
}
