import { io, type Socket } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type ConnectionOptions, EventBus, NotificationService } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { type ServingExample, serveExample } from '../support/example.ts'
import { RedisServer } from '../support/redis-server.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(() => redis.stopWithoutLeaks())

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
  await redis.admin.flushall()
})

const SECRET = 'a secret that both processes know, of 32 bytes'

async function serve(): Promise<ServingExample> {
  const env = { REDIS_URL: redis.url, TIDINGS_TOKEN_SECRET: SECRET }
  const example = await serveExample('socket-io-bridge.mjs', env)
  ending.push(() => example.kill())
  return example
}

/** What is said from elsewhere. */
function program(): { bus: EventBus; notifications: NotificationService } {
  const options: ConnectionOptions = { redis: redis.url }
  const bus = new EventBus(options)
  const notifications = new NotificationService({ redis: bus.connection })
  ending.push(
    () => bus.close(),
    () => notifications.close(),
  )
  return { bus, notifications }
}

interface Device {
  readonly socket: Socket
  readonly inbox: { readonly notifications: readonly { readonly id: string; readonly title: string }[] }
  readonly titles: string[]
  readonly unread: number[]
  readonly orders: unknown[]
}

async function connect({ url }: ServingExample, user: string): Promise<Device> {
  const token = await (await fetch(`${url}/token?user=${user}`, { method: 'POST' })).text()
  const socket = io(url, { auth: { token }, reconnection: false, forceNew: true })
  ending.push(() => socket.disconnect())
  const [titles, unread, orders]: [string[], number[], unknown[]] = [[], [], []]
  socket.on('notification', ({ title }) => titles.push(title))
  socket.on('change', ({ counts }) => unread.push(counts.unread))
  socket.on('order.created', (data) => orders.push(data))
  const inbox = await new Promise<Device['inbox']>((resolve, reject) => {
    socket.once('inbox', resolve)
    socket.once('connect_error', reject)
  })
  return { socket, inbox, titles, unread, orders }
}

const note = (title: string) => ({ type: 'info', title, message: '' }) as const

describe('socket-io-bridge.mjs', () => {
  test('a room for each user: notifications on all devices of both processes, and on nobody else’s', async () => {
    const { notifications } = program()
    await notifications.sendToUser('ada', note('before'))
    const [one, two] = [await serve(), await serve()]
    const [phone, laptop, bob] = [await connect(one, 'ada'), await connect(two, 'ada'), await connect(one, 'bob')]
    expect(phone.inbox.notifications.map(({ title }) => title)).toEqual(['before'])
    await notifications.sendToUser('ada', note('live'))
    for (const { titles } of [phone, laptop]) await eventually(() => expect(titles).toEqual(['live']))
    const id = phone.inbox.notifications[0]!.id
    expect(await phone.socket.emitWithAck('read', id)).toBe('changed')
    await eventually(() => expect(laptop.unread.at(-1)).toBe(1))
    await notifications.broadcast(note('to all'))
    for (const { titles } of [phone, laptop, bob]) await eventually(() => expect(titles.at(-1)).toBe('to all'))
    expect(bob.titles).toEqual(['to all'])
  })

  test('events of the bus, once for each client however many processes there are', async () => {
    const { bus } = program()
    const clients = [await connect(await serve(), 'ada'), await connect(await serve(), 'bob')]
    for (let n = 1; n <= 20; n += 1) await bus.emit('order.created', { n })
    for (const { orders } of clients) await eventually(() => expect(orders).toHaveLength(20))
    for (const { orders } of clients) expect(orders.map((data) => (data as { n: number }).n)).toEqual(upTo(20))
  })

  test('who cannot say who it is stays outside, whatever user the address names', async () => {
    const { url } = await serve()
    const socket = io(`${url}?user_id=ada`, { auth: { token: 'nonsense' }, reconnection: false, forceNew: true })
    ending.push(() => socket.disconnect())
    const error = await new Promise<Error>((resolve) => socket.once('connect_error', resolve))
    expect(error.message).toBe('unauthorized')
  })

  test('nonsense from a client does no harm, and nothing is left of a user who is gone', async () => {
    const example = await serve()
    const { socket } = await connect(example, 'ada')
    for (const nonsense of [undefined, 1, {}, '__proto__', null]) socket.emit('read', nonsense)
    expect(await socket.emitWithAck('read', { id: 1 })).toMatch(/^[A-Z_]+$/)
    const followed = async () => (await redis.admin.pubsub('CHANNELS', '*inbox:ada:live')) as string[]
    expect(await followed()).toHaveLength(1)
    socket.disconnect()
    await eventually(async () => expect(await followed()).toEqual([]))
    expect(await example.stop()).toBe(0)
    expect(example.output()).not.toMatch(/warning|error/i)
  })
})

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
