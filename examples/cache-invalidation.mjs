// A cache in the memory of each process. Whoever changes a value says so, and every cache drops its copy. What a
// broken connection kept away cannot be dropped one by one, so the cache starts anew.
//
//   node examples/cache-invalidation.mjs
//   REDIS_URL=redis://127.0.0.1:6379 node examples/cache-invalidation.mjs
import { fileURLToPath } from 'node:url'
import { EventBus } from 'tidings'

/**
 * Keeps what `load(key)` gives until an event of the type says `{ key }`.
 */
export async function createCache(bus, type, load) {
  // Promises rather than values: a value that is invalidated while it is being read is not kept.
  const kept = new Map()
  let connected = true

  const watching = watch()
  await bus.on(type, (event) => kept.delete(event.data.key))

  async function watch() {
    for await (const status of bus.status()) {
      // From here until all is subscribed again, no invalidation can come: nothing is kept.
      if (status.kind === 'disconnected') connected = false
      if (status.kind === 'interruption') connected = true
      if (['disconnected', 'interruption', 'gap'].includes(status.kind)) kept.clear()
    }
  }

  return {
    /** Ends when the bus is closed. */
    watching,
    async get(key) {
      const known = kept.get(key)
      if (known !== undefined) return known
      const loading = load(key)
      if (!connected) return loading
      kept.set(key, loading)
      // What could not be read is read again by the next.
      loading.catch(() => kept.get(key) === loading && kept.delete(key))
      return loading
    },
  }
}

async function demo() {
  const redis = process.env.REDIS_URL ?? 'memory:'
  const shop = new EventBus({ redis })
  const office = new EventBus({ redis })

  const database = new Map([['tea', 499]])
  const prices = await createCache(shop, 'price.changed', async (key) => {
    console.log(`reading the price of ${key}`)
    return database.get(key)
  })
  console.log('first:', await prices.get('tea'))
  console.log('again:', await prices.get('tea')) // from the cache

  const told = shop.once('price.changed')
  database.set('tea', 549)
  await office.emit('price.changed', { key: 'tea' })
  await told
  console.log('changed:', await prices.get('tea')) // read anew

  await office.close()
  await shop.close()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await demo()
