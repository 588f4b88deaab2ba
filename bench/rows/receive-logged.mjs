import { clientUs, compare, perSecond } from './row.mjs'

const ARMS = ['tidings-logged', 'tidings']
const TOTAL = 300_000
const WARM_UP = 100_000

/** @type {import('./row.mjs').Row} */
export const receiveLoggedRow = {
  name: 'receive-logged',
  title: 'Receive on a channel with history, one handler',
  setting:
    'One handler on one channel gets the parsed JSON of 96-byte messages, from 1,000 callers of another process that ' +
    '`append` to a channel with history, against the same `publish`ed on a channel without. With history each message comes with its ' +
    'position, once and in order.',
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
        through: client === 'tidings' ? 'publish' : 'append',
      })
      return { arm: client, x: 1, job }
    }),

  report(samples) {
    const what = { x: 1, own: 'tidings-logged', against: 'tidings', arms: ARMS }
    return {
      findings: [
        compare(samples, {
          ...what,
          name: 'receive with history against without: CPU of the receiver',
          figure: clientUs,
        }),
        compare(samples, { ...what, name: 'receive with history against without: messages/s', figure: perSecond }),
      ],
      growths: [],
      plots: {},
    }
  },
}
