import { setTimeout as delay } from 'node:timers/promises'
import { Arena, at } from '../arena.mjs'

const CLIENTS = 999
const PER_SECOND = 15
const SECONDS = 12
const WARM_UP = 60
const FILLER_BYTES = 32_768
const LOOK_MS = 50
const MB = 1_048_576

/** @type {import('./row.mjs').Row} */
export const slowRow = {
  name: 'slow',
  title: 'One of 1,000 sockets reads nothing',
  findings: [
    { name: 'waits for it at most', unit: 'MB', goal: '≤ 2 MB', own: 'waiting MB', atMost: 2 },
    { name: 'memory in use grows by', unit: 'MB', goal: '≤ 2 MB', own: 'extra MB', atMost: 2 },
    { name: 'closed after', unit: 's', goal: '≤ 10 s', own: 'closed s', atMost: 10 },
    { name: "the others' p99", unit: '×', goal: '≤ 1.2×', own: 'with p99 ms', against: 'without p99 ms', atMost: 1.2 },
  ],
  async run({ quick }) {
    const messages = PER_SECOND * (quick ? 10 : SECONDS)
    const arena = await Arena.open('tidings')
    try {
      await arena.clients.call('connect', arena.ports, CLIENTS)
      const [server] = arena.servers
      if (server === undefined) throw new Error('There is no server.')
      const fill = async () => {
        await arena.clients.call('sleep', arena.ports[0])
        // Only what waits in the process itself tells that the system takes no more.
        while ((await server.call('waiting')) === 0) await arena.publisher.call('fill', 'filler', FILLER_BYTES)
      }
      await arena.schedule(PER_SECOND, WARM_UP)
      const calm = await arena.schedule(PER_SECOND, messages)

      // One for which little more comes: closed by time.
      const connections = await server.call('connections')
      await fill()
      const since = performance.now()
      const watch = new Watch(server, connections)
      const disturbed = await arena.schedule(PER_SECOND, messages)
      await watch.end()

      // One for which ever more comes: closed by size. Looked at shortly before.
      const before = await server.call('memory')
      await fill()
      let waiting = 0
      let used = 0
      while ((await server.call('connections')) > connections) {
        await arena.publisher.call('fill', 'filler', FILLER_BYTES)
        const now = await server.call('waiting')
        if (now > waiting && waiting < 0.8 * MB && now >= 0.8 * MB) used = (await server.call('memory')).used
        waiting = Math.max(waiting, now)
      }
      return {
        'waiting MB': Math.max(watch.waiting, waiting) / MB,
        'extra MB': (used - before.used) / MB,
        'closed s': (watch.closedAt - since) / 1e3,
        'with p50 ms': at(disturbed, 0.5) / 1e3,
        'with p99 ms': at(disturbed, 0.99) / 1e3,
        'without p50 ms': at(calm, 0.5) / 1e3,
        'without p99 ms': at(calm, 0.99) / 1e3,
      }
    } finally {
      await arena.close()
    }
  },
}

/** Looks at a server while something goes on. */
class Watch {
  waiting = 0
  closedAt = Number.POSITIVE_INFINITY
  #ended = false
  #watching

  /** @param {import('../worker.mjs').Worker} server @param {number} connections as many as there are when the slow one is gone */
  constructor(server, connections) {
    this.#watching = this.#watch(server, connections)
  }

  end() {
    this.#ended = true
    return this.#watching
  }

  /** @param {import('../worker.mjs').Worker} server @param {number} connections */
  async #watch(server, connections) {
    while (!this.#ended) {
      this.waiting = Math.max(this.waiting, await server.call('waiting'))
      if ((await server.call('connections')) <= connections) this.closedAt = Math.min(this.closedAt, performance.now())
      await delay(LOOK_MS)
    }
  }
}
