import { Arena } from '../arena.mjs'
import { alternately } from './alternately.mjs'

const CLIENTS = 1_000
const WARM_UP = 20
const MESSAGES = 150

/** @type {import('./row.mjs').Row} */
export const singleRow = {
  name: 'single',
  title: 'One message at a time to 1,000 sockets on two nodes',
  findings: [
    {
      name: 'CPU of the nodes per delivery',
      unit: '×',
      goal: '≤ 0.5× Socket.IO',
      own: 'tidings µs',
      against: 'socket-io µs',
      atMost: 0.5,
    },
    {
      name: 'the same without the kernel',
      unit: '× Socket.IO',
      goal: '',
      own: 'tidings user µs',
      against: 'socket-io user µs',
    },
    {
      name: 'the kernel alone',
      unit: '× Socket.IO',
      goal: '',
      own: 'tidings system µs',
      against: 'socket-io system µs',
    },
    { name: 'CPU of bare writes', unit: '× Socket.IO', goal: '', own: 'ws µs', against: 'socket-io µs' },
    { name: 'CPU of the nodes per delivery', unit: '× bare writes', goal: '', own: 'tidings µs', against: 'ws µs' },
    { name: 'deliveries/s', unit: '× Socket.IO', goal: '', own: 'tidings/s', against: 'socket-io/s' },
  ],
  run: ({ quick, round, profile }) =>
    alternately(['tidings', 'socket-io', 'ws'], round, async (arm) => {
      const arena = await Arena.open(arm, { profile })
      try {
        await arena.clients.call('connect', arena.ports, CLIENTS)
        for (let n = 0; n < WARM_UP; n += 1) await arena.burst(1)
        const messages = quick ? MESSAGES / 3 : MESSAGES
        let ms = 0
        const { user, system } = await arena.cpuUs(async () => {
          for (let n = 0; n < messages; n += 1) ms += await arena.burst(1)
        })
        const deliveries = messages * CLIENTS
        return {
          [`${arm}/s`]: (deliveries / ms) * 1e3,
          [`${arm} µs`]: (user + system) / deliveries,
          [`${arm} user µs`]: user / deliveries,
          [`${arm} system µs`]: system / deliveries,
        }
      } finally {
        await arena.close()
      }
    }),
}
