/**
 * The side of a measured or loading process: methods that the runner calls by name. Called by {@link Worker}.
 *
 * @param {Record<string, (...args: any[]) => unknown>} methods
 */
export function serve(methods) {
  /** @type {Record<string, (...args: any[]) => unknown>} */
  const all = { ...common, ...methods }
  process.on('message', async (/** @type {any} */ { id, method, args }) => {
    try {
      process.send?.({ id, result: await all[method]?.(...args) })
    } catch (error) {
      process.send?.({ id, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
  // The runner has ended; a profile is written on the way out.
  process.once('disconnect', () => process.exit(0))
  process.send?.({ id: 0 })
}

const common = {
  /** CPU microseconds of this process, garbage collection included. */
  cpuUs: () => process.cpuUsage(),
  /** Bytes that are in use once nothing is left to be collected. */
  async memory() {
    for (let round = 0; round < 3; round += 1) {
      globalThis.gc?.()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const { rss, heapUsed, external } = process.memoryUsage()
    return { rss, used: heapUsed + external }
  },
}
