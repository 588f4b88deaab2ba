import { performance } from 'node:perf_hooks'
import { loggedBus } from '../clients/logged.mjs'

const TYPE = 'log'
/** How far back readers begin: a page. */
const BACK = 100
const FILLERS = 1_000
const APPENDERS = 100

/**
 * What one step costs where the log already has `length` entries, and keeps as many.
 *
 * @typedef {{ workload: 'log', client: 'tidings', url: string, step: 'append' | 'history' | 'resume', length: number, total: number }} LogJob
 * `total` counts messages; steps that read take BACK of them each time.
 *
 * @param {unknown} _client @param {LogJob} job @param {(message: any) => void} tell @param {() => Promise<void>} go
 */
export async function log(_client, { url, step, length, total }, tell, go) {
  // One more, so that there is a position before the last page of the shortest log.
  const bus = await loggedBus(url, length + 1)
  const appended = { count: 0 }
  await append(bus, appended, length + 1, FILLERS)
  const steps = {
    append: () => append(bus, appended, total, APPENDERS),
    history: repeat(history),
    resume: repeat(resume),
  }

  /** @param {(bus: Bus, last: number) => Promise<void>} read */
  function repeat(read) {
    return async () => {
      for (let done = 0; done < total; done += BACK) await read(bus, appended.count)
    }
  }

  const work = steps[step]
  await work()
  globalThis.gc?.()
  tell({ ready: true })
  await go()
  const cpu = process.cpuUsage()
  const start = performance.now()
  await work()
  const elapsedMs = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  tell({ result: { elapsedMs, clientUs: (user + system) / total } })
  await bus.close()
}

/** @typedef {Awaited<ReturnType<typeof loggedBus>>} Bus */

/** Each event carries the number that it must get. @param {Bus} bus @param {{ count: number }} appended @param {number} total @param {number} callers */
async function append(bus, appended, total, callers) {
  const end = appended.count + total
  const loop = async () => {
    while (appended.count < end) {
      appended.count += 1
      const n = appended.count
      const { position } = await bus.append(TYPE, { n, orderId: 'ORD-100000000', total: 149.97 })
      if (!position.startsWith(`${n}-`)) throw new Error(`Message ${n} is at ${position}.`)
    }
  }
  await Promise.all(Array.from({ length: callers }, loop))
}

/** The newest entries, newest first. @param {Bus} bus @param {number} last */
async function history(bus, last) {
  let n = last
  for await (const event of bus.history(TYPE, { reverse: true, limit: BACK })) {
    if (numberOf(event) !== n) throw new Error(`Read ${numberOf(event)} instead of ${n}.`)
    n -= 1
  }
  if (n !== last - BACK) throw new Error(`Read ${last - n} entries instead of ${BACK}.`)
}

/** A subscription that begins a page back, until it has caught up. @param {Bus} bus @param {number} last */
async function resume(bus, last) {
  const since = await positionOf(bus)
  const stream = await bus.subscribe(TYPE, { since })
  let n = last - BACK
  for await (const event of stream) {
    n += 1
    if (numberOf(event) !== n) throw new Error(`Got ${numberOf(event)} instead of ${n}.`)
    if (n === last) break
  }
  if (stream.resumed?.kind !== 'recovered') throw new Error(`Resumed: ${JSON.stringify(stream.resumed)}.`)
}

/** @type {string | undefined} */
let known

/** Of the entry a page back, which stays the same: nothing is appended meanwhile. @param {Bus} bus */
async function positionOf(bus) {
  if (known !== undefined) return known
  for await (const event of bus.history(TYPE, { reverse: true, limit: BACK + 1 })) known = event.position
  return String(known)
}

/** @param {{ data: unknown }} event */
function numberOf({ data }) {
  return /** @type {{ n: number }} */ (data).n
}
