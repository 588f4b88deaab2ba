/**
 * Publishes as a backend would, without clients of its own. Arguments: whom for, the URL of Redis.
 */
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'
import { EventBus } from '../../dist/index.js'
import { text } from './message.mjs'
import { serve } from './serving.mjs'

const [arm, url = ''] = process.argv.slice(2)
const redis = new Redis(url, { enableAutoPipelining: true })
const ROOM = 'room'
const TIMER_MS = 2

function socketIo() {
  const io = new Server(createServer(), { adapter: createAdapter(redis, new Redis(url)) })
  return (/** @type {string} */ message) => {
    io.to(ROOM).emit('message', JSON.parse(message))
  }
}

const publish = arm === 'socket-io' ? socketIo() : (/** @type {string} */ message) => redis.publish(ROOM, message)
/** @type {EventBus | undefined} */
let bus
/** @type {Promise<number> | undefined} */
let appending
let stopped = false

serve({
  /** As many as that, at once. Resolves to when it began. @param {number} count */
  async burst(count) {
    const start = process.hrtime.bigint()
    for (let n = 0; n < count; n += 1) publish(text(n, process.hrtime.bigint()))
    await redis.ping()
    return String(start)
  },

  /** By a schedule, whoever keeps up or not: each says when it should have gone. @param {number} perSecond @param {number} count */
  async scheduled(perSecond, count) {
    const start = process.hrtime.bigint()
    const step = 1e9 / perSecond
    for (let n = 0; n < count; n += 1) {
      const due = start + BigInt(Math.round(n * step))
      for (;;) {
        const left = Number(due - process.hrtime.bigint()) / 1e6
        if (left <= 0) break
        // A timer may be late by more than what is measured.
        await new Promise((resolve) => (left > TIMER_MS ? setTimeout(resolve, left - TIMER_MS) : setImmediate(resolve)))
      }
      publish(text(n, due))
    }
    await redis.ping()
  },

  /** A big message on a channel. @param {string} channel @param {number} bytes */
  fill: (channel, bytes) => redis.publish(channel, JSON.stringify('x'.repeat(bytes))),

  /** Keeps a history of the channel. */
  async keep() {
    bus = new EventBus({ redis: url, channelPrefix: '' })
    await bus.policies.apply({ [ROOM]: { history: { maxCount: 10_000 } } })
  },

  /** Appends as many as that. @param {number} count */
  async append(count) {
    for (let n = 0; n < count; n += 1) await bus?.append(ROOM, { n })
  },

  /** Appends until it is told to stop. @param {number} perSecond */
  goOn(perSecond) {
    stopped = false
    appending = (async () => {
      let count = 0
      for (; !stopped; count += 1) {
        await bus?.append(ROOM, { n: count })
        await new Promise((resolve) => setTimeout(resolve, 1_000 / perSecond))
      }
      return count
    })()
  },

  /** Resolves to how many were appended. */
  async stop() {
    stopped = true
    return appending
  },
})
