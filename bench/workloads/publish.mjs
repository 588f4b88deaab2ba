import { createHistogram, performance } from 'node:perf_hooks'
import { payload } from '../payload.mjs'

export const CHANNEL = 'bench:publish'
const WARM_CHANNEL = 'bench:warm'

/**
 * `loops` callers, each awaiting its own publish before it makes the next.
 *
 * @typedef {{ workload: 'publish', client: string, url: string, loops: number, total: number, warmUp: number }} PublishJob
 * @typedef {{ elapsedMs: number, clientUs: number, p50Us?: number, p99Us?: number }} ClientSample
 *
 * @param {Partial<import('../clients/contract.mjs').Client>} client @param {PublishJob} job
 * @param {(message: any) => void} tell @param {() => Promise<void>} go
 */
export async function publish(client, { url, loops, total, warmUp }, tell, go) {
  if (!client.publisher) throw new Error('This arm does not publish.')
  const publisher = await client.publisher(url)
  const texts = Array.from({ length: total }, (_, index) => payload('short', index))
  await run(publisher, WARM_CHANNEL, texts, loops, warmUp, 0)
  globalThis.gc?.()
  tell({ ready: true })
  await go()

  // Timing each publish would itself cost too much where many run at once.
  const latency = loops === 1 ? createHistogram() : undefined
  const cpu = process.cpuUsage()
  const start = performance.now()
  await run(publisher, CHANNEL, texts, loops, total, 1, latency)
  const elapsedMs = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  /** @type {ClientSample} */
  const sample = { elapsedMs, clientUs: (user + system) / total }
  if (latency) Object.assign(sample, { p50Us: latency.percentile(50) / 1e3, p99Us: latency.percentile(99) / 1e3 })
  tell({ result: sample })
  await publisher.close()
}

/**
 * @param {import('../clients/contract.mjs').PublishingClient} publisher @param {string} channel
 * @param {readonly string[]} texts @param {number} loops @param {number} total
 * @param {number} receivers what each publish must resolve to @param {import('node:perf_hooks').RecordableHistogram} [latency]
 */
async function run(publisher, channel, texts, loops, total, receivers, latency) {
  let next = 0
  let wrong = 0
  const loop = async () => {
    while (next < total) {
      const text = /** @type {string} */ (texts[next++ % texts.length])
      if (count(await publisher.publish(channel, text)) !== receivers) wrong += 1
    }
  }
  const timedLoop = async (/** @type {import('node:perf_hooks').RecordableHistogram} */ histogram) => {
    while (next < total) {
      const text = /** @type {string} */ (texts[next++ % texts.length])
      const sent = performance.now()
      if (count(await publisher.publish(channel, text)) !== receivers) wrong += 1
      histogram.record(Math.max(1, Math.round((performance.now() - sent) * 1e6)))
    }
  }
  await Promise.all(Array.from({ length: loops }, () => (latency ? timedLoop(latency) : loop())))
  if (wrong > 0) throw new Error(`${wrong} publishes resolved to another number of receivers than ${receivers}.`)
}

/** @param {number | { receivers: number }} answer */
function count(answer) {
  return typeof answer === 'number' ? answer : answer.receivers
}
