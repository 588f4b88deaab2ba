import type { Monitor, MonitorSnapshot } from './monitor.ts'

/** How long a scrape waits for Redis. Prometheus itself gives a whole scrape 10 seconds by default. */
const READ_DEADLINE_MS = 2_000

/** What a scrape reads from Redis, so that it answers in time and many scrapes ask no more than one would. */
export class SubscriberReadings {
  readonly #monitor: Monitor
  #failures = 0
  #snapshot: Promise<MonitorSnapshot | undefined> | undefined
  #reading: Promise<MonitorSnapshot | undefined> | undefined

  constructor(monitor: Monitor) {
    this.#monitor = monitor
  }

  /** How many readings came to nothing. */
  get failures(): number {
    return this.#failures
  }

  /**
   * Resolves to `undefined` where Redis could not be asked within two seconds; never rejects.
   * All who ask while a reading is under way get the same one.
   */
  read(): Promise<MonitorSnapshot | undefined> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #read(): Promise<MonitorSnapshot | undefined> {
    // One that outlives its scrape is left to the next one: a Redis that hangs is not asked again and again.
    this.#snapshot ??= this.#monitor
      .snapshot()
      .catch(() => undefined)
      .finally(() => {
        this.#snapshot = undefined
      })
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), READ_DEADLINE_MS)
    })
    const snapshot = await Promise.race([this.#snapshot, deadline])
    clearTimeout(timer)
    if (snapshot === undefined) this.#failures += 1
    return snapshot
  }
}
