import { Arena, at } from '../arena.mjs'
import { alternately } from './alternately.mjs'

const CLIENTS = 1_000
const TIMED_ONE_IN = 20
/** The rates at which Socket.IO is tried, in messages a second. */
const LEAST = 20
const MOST = 500
const STEP = 1.2
const PROBE_SECONDS = 3
/** Who delivers that late has fallen behind. */
const BEHIND_US = 200_000
const WARM_UP = 30
const SECONDS = 15

/** @type {import('./row.mjs').Row} */
export const latencyRow = {
  name: 'latency',
  title: 'Time to 1,000 sockets on two nodes, at half of what Socket.IO can carry',
  findings: [
    {
      name: 'p50',
      unit: '×',
      goal: '≤ 0.7× Socket.IO',
      own: 'tidings p50 ms',
      against: 'socket-io p50 ms',
      atMost: 0.7,
    },
    {
      name: 'p99',
      unit: '×',
      goal: '≤ 0.7× Socket.IO',
      own: 'tidings p99 ms',
      against: 'socket-io p99 ms',
      atMost: 0.7,
    },
    { name: 'p50 of bare writes', unit: '× Socket.IO', goal: '', own: 'ws p50 ms', against: 'socket-io p50 ms' },
    { name: 'p50', unit: '× bare writes', goal: '', own: 'tidings p50 ms', against: 'ws p50 ms' },
  ],
  async run({ quick, round, profile }) {
    const perSecond = (await saturation()) / 2
    const found = await alternately(['tidings', 'socket-io', 'ws'], round, async (arm) => {
      const arena = await Arena.open(arm, { profile })
      try {
        await arena.connectSome(CLIENTS, TIMED_ONE_IN)
        await arena.schedule(perSecond, WARM_UP)
        const ages = await arena.schedule(perSecond, Math.round(perSecond * (quick ? SECONDS / 3 : SECONDS)))
        return { [`${arm} p50 ms`]: at(ages, 0.5) / 1e3, [`${arm} p99 ms`]: at(ages, 0.99) / 1e3 }
      } finally {
        await arena.close()
      }
    })
    return { ...found, 'messages/s': perSecond }
  },
}

/** Messages a second that Socket.IO carries at most: the last rate at which it did not fall behind its schedule. */
async function saturation() {
  const arena = await Arena.open('socket-io')
  try {
    await arena.connectSome(CLIENTS, TIMED_ONE_IN)
    await arena.schedule(LEAST, WARM_UP)
    let most = LEAST
    for (let rate = LEAST; rate < MOST; rate *= STEP) {
      const ages = await arena.schedule(rate, Math.round(rate * PROBE_SECONDS))
      if (at(ages, 0.99) > BEHIND_US) break
      most = rate
    }
    return most
  } finally {
    await arena.close()
  }
}
