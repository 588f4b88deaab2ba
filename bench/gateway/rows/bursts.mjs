import { Arena } from '../arena.mjs'
import { alternately } from './alternately.mjs'

const MESSAGES = 200
const CLIENTS = 1_000
const BURSTS = { tidings: 10, 'socket-io': 1 }

/** @type {import('./row.mjs').Row} */
export const burstsRow = {
  name: 'bursts',
  title: 'Bursts of 200 messages to 1,000 sockets on two nodes',
  findings: [
    { name: 'deliveries/s', unit: '×', goal: '≥ 10× Socket.IO', own: 'tidings/s', against: 'socket-io/s', atLeast: 10 },
    { name: 'CPU of the nodes per delivery', unit: '×', goal: '', own: 'tidings µs', against: 'socket-io µs' },
  ],
  run: ({ quick, round, profile }) =>
    alternately(['tidings', 'socket-io'], round, async (arm) => {
      const arena = await Arena.open(arm, { profile })
      try {
        await arena.clients.call('connect', arena.ports, CLIENTS)
        await arena.burst(MESSAGES / 4)
        const bursts = Math.ceil(BURSTS[/** @type {keyof typeof BURSTS} */ (arm)] / (quick ? 3 : 1))
        let ms = 0
        const { user, system } = await arena.cpuUs(async () => {
          for (let burst = 0; burst < bursts; burst += 1) ms += await arena.burst(MESSAGES)
        })
        const deliveries = bursts * MESSAGES * CLIENTS
        return { [`${arm}/s`]: (deliveries / ms) * 1e3, [`${arm} µs`]: (user + system) / deliveries }
      } finally {
        await arena.close()
      }
    }),
}
