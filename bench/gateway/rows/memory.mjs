import { Arena } from '../arena.mjs'
import { alternately } from './alternately.mjs'

const WARM_UP = 200
const CLIENTS = 5_000

/** @type {import('./row.mjs').Row} */
export const memoryRow = {
  name: 'memory',
  title: 'Memory of 5,000 idle connections on one node',
  findings: [
    {
      name: 'resident memory per connection',
      unit: '×',
      goal: '≤ 0.6× Socket.IO',
      own: 'tidings RSS KB',
      against: 'socket-io RSS KB',
      atMost: 0.6,
    },
    {
      name: 'resident memory per connection',
      unit: '×',
      goal: '≤ 1.4× bare ws',
      own: 'tidings RSS KB',
      against: 'ws RSS KB',
      atMost: 1.4,
    },
    {
      name: 'heap and buffers per connection',
      unit: '×',
      goal: '≤ 0.6× Socket.IO',
      own: 'tidings heap KB',
      against: 'socket-io heap KB',
      atMost: 0.6,
    },
    {
      name: 'heap and buffers per connection',
      unit: '×',
      goal: '≤ 1.4× bare ws',
      own: 'tidings heap KB',
      against: 'ws heap KB',
      atMost: 1.4,
    },
  ],
  run: ({ quick, round }) =>
    alternately(['tidings', 'socket-io', 'ws'], round, async (arm) => {
      const arena = await Arena.open(arm, { nodes: 1 })
      try {
        const clients = quick ? CLIENTS / 5 : CLIENTS
        const [server] = arena.servers
        await arena.clients.call('connect', arena.ports, WARM_UP)
        const before = await server?.call('memory')
        await arena.clients.call('connect', arena.ports, clients)
        const after = await server?.call('memory')
        const kb = (/** @type {'rss' | 'used'} */ what) => (after[what] - before[what]) / clients / 1024
        return { [`${arm} RSS KB`]: kb('rss'), [`${arm} heap KB`]: kb('used') }
      } finally {
        await arena.close()
      }
    }),
}
