import { performance } from 'node:perf_hooks'
import { END, Tally } from '../payload.mjs'

const CHANNEL = 'bench:receive'

/** How many channels the messages are spread over, whatever the number of patterns: the traffic stays the same. */
const CHANNELS = 8_192

/** The channel of message `index`, and so the one pattern that it matches. @param {number} index @param {number} patterns */
export function channelOf(index, patterns) {
  if (patterns === 0) return CHANNEL
  const channel = index % CHANNELS
  return `bench:${channel % patterns}:order${Math.floor(channel / patterns)}`
}

/**
 * Takes two streams, each closed by an end message: one to warm up, then the measured one.
 *
 * @typedef {{
 *   workload: 'receive', client: string, url: string, size: 'short' | 'long',
 *   handlers: number, patterns: number, total: number, warmUp: number, through?: 'publish' | 'append',
 * }} ReceiveJob With `patterns` = 0 all handlers listen to one channel; else one handler to each pattern.
 * `through`: what Tidings publishes the load with; default: prepared commands.
 *
 * @param {Partial<import('../clients/contract.mjs').Client>} client @param {ReceiveJob} job
 * @param {(message: any) => void} tell @param {() => Promise<void>} go
 */
export async function receive(client, { url, handlers, patterns, total, warmUp }, tell, go) {
  if (!client.receiver) throw new Error('This arm does not receive.')
  const receiver = await client.receiver(url)
  let stream = expect(warmUp, handlers)
  const handler = (/** @type {{ n: number }} */ message) => stream.take(message)
  if (patterns > 0) {
    if (!receiver.psubscribe) throw new Error('This arm takes no patterns.')
    const names = Array.from({ length: patterns }, (_, i) => `bench:${i}:*`)
    await receiver.psubscribe(names, handler)
  } else {
    // Each a function of its own, as a user's handlers are.
    await receiver.subscribe(
      CHANNEL,
      Array.from({ length: handlers }, () => (/** @type {{ n: number }} */ message) => stream.take(message)),
    )
  }
  tell({ subscribed: true })
  await stream.ended
  stream.verify()

  stream = expect(total, handlers)
  globalThis.gc?.()
  tell({ ready: true })
  await go()
  const cpu = process.cpuUsage()
  tell({ started: true })
  await stream.ended
  const { user, system } = process.cpuUsage(cpu)
  stream.verify()
  /** @type {import('./publish.mjs').ClientSample} */
  const sample = { elapsedMs: stream.elapsedMs(), clientUs: (user + system) / total }
  tell({ result: sample })
  await receiver.close()
}

/** @param {number} total @param {number} handlers */
function expect(total, handlers) {
  const tally = new Tally(total, handlers)
  let calls = 0
  let ends = 0
  let first = 0
  let last = 0
  /** @type {() => void} */
  let end
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => {
    end = resolve
  })
  return {
    ended,
    elapsedMs: () => last - first,
    /** @param {{ n: number }} message */
    take({ n }) {
      if (n === END) {
        ends += 1
        if (ends < handlers) return
        last = performance.now()
        end()
        return
      }
      if (calls === 0) first = performance.now()
      calls += 1
      tally.see(n)
    },
    verify() {
      if (calls !== total * handlers)
        throw new Error(`Wrong deliveries: ${calls} calls of handlers instead of ${total * handlers}.`)
      tally.verify()
    },
  }
}
