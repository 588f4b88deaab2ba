import { Redis } from 'ioredis'
import { PATTERNS_PER_COMMAND } from './contract.mjs'

/** @param {string} url @param {boolean} enableAutoPipelining */
async function open(url, enableAutoPipelining) {
  const redis = new Redis(url, { lazyConnect: true, enableAutoPipelining })
  await redis.connect()
  return redis
}

/** @param {boolean} enableAutoPipelining @returns {import('./contract.mjs').Client} */
function client(enableAutoPipelining) {
  return {
    async publisher(url) {
      const redis = await open(url, enableAutoPipelining)
      return { publish: (channel, text) => redis.publish(channel, text), close: () => redis.quit() }
    },

    async receiver(url) {
      const redis = await open(url, enableAutoPipelining)
      return {
        async subscribe(channel, handlers) {
          redis.setMaxListeners(handlers.length)
          for (const handler of handlers) redis.on('message', (_channel, text) => handler(JSON.parse(text)))
          await redis.subscribe(channel)
        },
        async psubscribe(patterns, handler) {
          const handlers = new Map(patterns.map((pattern) => [pattern, handler]))
          redis.on('pmessage', (pattern, _channel, text) => handlers.get(pattern)?.(JSON.parse(text)))
          for (let i = 0; i < patterns.length; i += PATTERNS_PER_COMMAND) {
            await redis.psubscribe(...patterns.slice(i, i + PATTERNS_PER_COMMAND))
          }
        },
        close: () => redis.quit(),
      }
    },
  }
}

export const plain = client(false)
export const autoPipelining = client(true)
