import { performance } from 'node:perf_hooks'
import { Redis } from 'ioredis'
import { NotificationService } from '../../dist/index.js'

/** Notifications in each inbox, as many as are kept. */
const KEPT = 100
const PAGE = 20
const CALLERS = 50
const BATCH = 500
/** A body of about 170 bytes. */
const NOTIFICATION = /** @type {const} */ ({
  type: 'info',
  title: 'Your order has been shipped',
  message: 'ORD-100000000 is on its way to you.',
  data: { orderId: 'ORD-100000000' },
})

/**
 * What one step costs where so many users have a full inbox each. Inboxes are made once and copied, key by key.
 *
 * @typedef {{ workload: 'inbox', client: 'tidings' | 'ioredis', url: string, step: 'send' | 'list' | 'read' | 'broadcast', users: number, total: number }} InboxJob
 *
 * @param {unknown} _client @param {InboxJob} job @param {(message: any) => void} tell @param {() => Promise<void>} go
 */
export async function inbox(_client, { client, url, step, users, total }, tell, go) {
  const service = new NotificationService({ redis: url })
  const redis = new Redis(url, { enableAutoPipelining: true })
  for (let n = 0; n < KEPT; n += 1) await service.sendToUser('u0', NOTIFICATION)
  const bytes = await copy(service, redis, users)
  /** @param {number} index */
  const user = (index) => `u${index % users}`
  const steps = {
    send: async (/** @type {number} */ index) => {
      const { outcome } = await service.sendToUser(user(index), NOTIFICATION)
      if (outcome !== 'stored') throw new Error(`A notification was ${outcome}.`)
    },
    list: async (/** @type {number} */ index) => {
      const { notifications, counts } = await service.list(user(index))
      if (notifications.length !== PAGE || counts.total !== KEPT) throw new Error(`Listed ${notifications.length}.`)
    },
    read: async (/** @type {number} */ index) => {
      const id = `n${1 + (Math.floor(index / users) % KEPT)}-1@${epochs.get(user(index))}`
      const outcome = await service.markAsRead(user(index), id)
      if (outcome === 'unknown') throw new Error(`${id} is unknown.`)
    },
    broadcast: async () => {
      await service.broadcast(NOTIFICATION)
    },
  }
  const stream = `bench:stream`
  if (client === 'ioredis') {
    const body = JSON.stringify(NOTIFICATION)
    for (let n = 0; n < KEPT; n += 1) await redis.xadd(stream, '*', 'p', body)
  }
  const raw = async () => {
    const rows = await redis.xrevrange(stream, '+', '-', 'COUNT', PAGE)
    if (rows.length !== PAGE) throw new Error(`Read ${rows.length} rows.`)
    for (const [, fields] of rows) JSON.parse(String(fields[1]))
  }
  const act = client === 'ioredis' ? raw : steps[step]
  const epochs = await epochsOf(service, redis, step === 'read' ? Math.min(users, total) : 0)

  await run(act, Math.ceil(total / 4))
  globalThis.gc?.()
  tell({ ready: true })
  await go()
  const cpu = process.cpuUsage()
  const start = performance.now()
  await run(act, total)
  const elapsedMs = performance.now() - start
  const { user: inUser, system } = process.cpuUsage(cpu)
  tell({ result: { elapsedMs, clientUs: (inUser + system) / total, bytes } })
  redis.disconnect()
  await service.close()
}

/** @param {(index: number) => Promise<void>} act @param {number} total */
async function run(act, total) {
  let next = 0
  const loop = async () => {
    while (next < total) await act(next++)
  }
  await Promise.all(Array.from({ length: Math.min(CALLERS, total) }, loop))
}

/** @typedef {InstanceType<typeof NotificationService>} Service */

/**
 * Gives every user what the first has, and resolves to the bytes that Redis needs for one notification.
 *
 * @param {Service} service @param {Redis} redis @param {number} users
 */
async function copy(service, redis, users) {
  const before = await usedMemory(redis)
  const [first] = await redis.keys('tidings:*:inbox:u0:m')
  const prefix = String(first).slice(0, -1)
  const names = (await redis.keys('tidings:*:inbox:u0:*')).map((key) => key.slice(prefix.length))
  const parts = names.filter((name) => !name.startsWith('q'))
  const dumps = await Promise.all(parts.map((name) => redis.dumpBuffer(prefix + name)))
  for (let at = 1; at < users; at += BATCH) {
    const pipeline = redis.pipeline()
    for (let index = at; index < Math.min(at + BATCH, users); index += 1) {
      const own = await prefixOf(`u${index}`)
      for (const [part, name] of parts.entries()) {
        const dump = dumps[part]
        if (dump) pipeline.restore(own + name, 0, dump)
      }
    }
    await pipeline.exec()
  }
  void service
  return users < 100 ? undefined : ((await usedMemory(redis)) - before) / ((users - 1) * KEPT)
}

/** @type {undefined | ((user: string) => string)} */
let prefixes

/** @param {string} user */
async function prefixOf(user) {
  if (prefixes === undefined) {
    const { inboxPrefix } = await import('../../dist/core/keys.js')
    prefixes = (name) => inboxPrefix('tidings', name, 128)
  }
  return prefixes(user)
}

/** Copies have the epoch of the first. @param {Service} service @param {Redis} redis @param {number} users */
async function epochsOf(service, redis, users) {
  void redis
  /** @type {Map<string, string>} */
  const epochs = new Map()
  if (users === 0) return epochs
  const { notifications } = await service.list('u0', { limit: 1 })
  const epoch = String(notifications[0]?.id).split('@')[1]
  for (let index = 0; index < users; index += 1) epochs.set(`u${index}`, String(epoch))
  return epochs
}

/** @param {Redis} redis */
async function usedMemory(redis) {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
}
