import { afterEach, expect, test } from 'vitest'
import { type InboxSync, type Notification, NotificationService } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const ending: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** A master with a replica behind a line that can be frozen, and services behind a line that leads to either. */
async function pair() {
  const master = await RedisServer.start({ config: { 'repl-diskless-sync-delay': '0' } })
  ending.push(() => master.stop())
  const line = await TcpProxy.to(master.port)
  ending.push(() => line.close())
  const replica = await RedisServer.start({ config: { replicaof: `127.0.0.1 ${line.port}` } })
  ending.push(() => replica.stop())
  const isUp = async () => expect(await replica.admin.info('replication')).toContain('master_link_status:up')
  await eventually(isUp, 20_000)
  const way = await TcpProxy.to(master.port)
  ending.push(() => way.close())
  const open = () => {
    const service = new NotificationService({ host: '127.0.0.1', port: way.port, commandTimeoutMs: 10_000 })
    ending.push(() => service.close())
    return service
  }
  const inStep = async () => {
    const offset = async (server: RedisServer) =>
      /master_repl_offset:(\d+)/.exec(await server.admin.info('replication'))?.[1]
    await eventually(async () => expect(await offset(replica)).toBe(await offset(master)))
  }
  const promote = async () => {
    await master.kill()
    await replica.admin.replicaof('NO', 'ONE')
    way.redirect(replica.port)
    way.reset()
  }
  return { line, open, inStep, promote }
}

const hello = (title: string) => ({ type: 'info', title, message: '' }) as const
const titles = (notifications: readonly Notification[]) => notifications.map(({ title }) => title).sort()

test('a failover that loses the last notifications and broadcasts: nothing new is read already, no id means two things', {
  timeout: 60_000,
}, async () => {
  const { line, open, inStep, promote } = await pair()
  const [service, device] = [open(), open()]
  await service.join('u')
  const ids = new Map<string, string>()
  const send = async (title: string) => {
    const { id } = await service.sendToUser('u', hello(title))
    expect(ids.has(id!), `${title} has the id of ${ids.get(id!)}`).toBe(false)
    ids.set(id!, title)
    return id!
  }
  const broadcast = async (title: string) => {
    const { id } = await service.broadcast(hello(title))
    expect(ids.has(id)).toBe(false)
    ids.set(id, title)
    return id
  }
  for (let n = 0; n < 5; n += 1) await send(`kept ${n}`)
  for (let n = 0; n < 3; n += 1) await broadcast(`kept broadcast ${n}`)
  const got: string[] = []
  const changes: InboxSync[] = []
  await device.subscribeUser('u', ({ title }) => got.push(title), { onChange: (change) => changes.push(change) })
  await inStep()
  line.freeze()

  const lost = [await send('lost 0'), await send('lost 1')]
  const lostBroadcast = await broadcast('lost broadcast')
  await eventually(async () => expect((await device.counts('u')).counts.total).toBe(11))
  const everything = await device.list('u')
  await device.markAllAsRead('u', { upTo: everything.state })
  expect((await device.counts('u')).counts.unread).toBe(0)
  await promote()

  const fresh = [await send('new 0'), await send('new 1'), await send('new 2')]
  const freshBroadcast = await broadcast('new broadcast')
  const expected = ['kept 0', 'kept 1', 'kept 2', 'kept 3', 'kept 4', 'new 0', 'new 1', 'new 2', 'new broadcast']
  await eventually(async () => {
    for (const where of [service, device]) {
      const { notifications } = await where.list('u', { limit: 100 })
      expect(titles(notifications.filter(({ title }) => !title.startsWith('kept broadcast')))).toEqual(expected)
    }
  }, 20_000)
  // What the dead master had been told is gone; that the reader had read everything then is no reason to take new ones as read.
  const { notifications } = await device.list('u', { limit: 100 })
  for (const { title, read } of notifications) if (title.startsWith('new')) expect(read, title).toBe(false)
  const after = await device.markAllAsRead('u', { upTo: everything.state })
  const unread = await device.list('u', { view: 'unread', limit: 100 })
  expect(titles(unread.notifications)).toEqual(['new 0', 'new 1', 'new 2', 'new broadcast'])
  expect(after.counts.unread).toBe(4)
  for (const id of [...lost, lostBroadcast]) expect(await device.markAsRead('u', id), ids.get(id)).toBe('unknown')
  for (const id of [...fresh, freshBroadcast]) expect(await device.markAsRead('u', id), ids.get(id)).toBe('changed')
  await eventually(() => {
    expect(got.filter((title) => title.startsWith('new'))).toEqual(['new 0', 'new 1', 'new 2'])
    expect(changes.at(-1)?.counts.unread).toBe(0)
    expect(changes.some(({ reset }) => reset)).toBe(true)
  }, 20_000)
  expect(await device.sync('u', everything.state)).toMatchObject({ reset: true })
})

test('frames that a broken connection kept away are made up for, in order and once', { timeout: 60_000 }, async () => {
  const server = await RedisServer.start()
  ending.push(() => server.stopWithoutLeaks())
  const way = await TcpProxy.to(server.port)
  ending.push(() => way.close())
  const sender = new NotificationService({ redis: server.url })
  ending.push(() => sender.close())
  const reader = new NotificationService({ host: '127.0.0.1', port: way.port })
  ending.push(() => reader.close())
  const got: string[] = []
  const inbox = new Map<string, Notification>()
  const apply = (change: InboxSync) => {
    if (change.reset) throw new Error('no reason for a reset')
    for (const id of change.removed) inbox.delete(id)
    for (const notification of change.changed) inbox.set(notification.id, notification)
  }
  await reader.subscribeUser('u', ({ title }) => got.push(title), { onChange: apply })
  const sent: string[] = []
  for (let round = 0; round < 6; round += 1) {
    if (round % 2 === 1) way.reset()
    for (let n = 0; n < 20; n += 1) {
      sent.push(`${round}.${n}`)
      const { id } = await sender.sendToUser('u', hello(`${round}.${n}`))
      if (n % 3 === 0) await sender.markAsRead('u', id!)
      if (n % 5 === 0) await sender.delete('u', id!)
      if (n === 10) way.reset()
    }
    // So that it never lacks more changes than are kept: then it would have to begin anew.
    await eventually(() => expect(got.at(-1)).toBe(`${round}.19`), 10_000)
  }
  await eventually(async () => {
    // Those that were deleted before they could be told of are no loss.
    const told = new Set(got)
    expect(sent.filter((title) => !told.has(title)).every((title) => Number(title.split('.')[1]) % 5 === 0)).toBe(true)
    expect(got).toEqual(sent.filter((title) => told.has(title)))
    const { notifications } = await sender.list('u', { limit: 1_000 })
    expect([...inbox.values()].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
      [...notifications].sort((a, b) => (a.id < b.id ? -1 : 1)),
    )
  }, 20_000)
})

test('a server that comes back empty: the first broadcast then reaches who has a live feed, though it has the place of an old one', {
  timeout: 60_000,
}, async () => {
  const server = await RedisServer.start()
  ending.push(() => server.stop())
  const service = new NotificationService({ redis: server.url, onError: () => {} })
  ending.push(() => service.close())
  const changes: InboxSync[] = []
  const newest = () => changes.at(-1)!
  await service.subscribeUser('u', () => {}, { onChange: (change) => changes.push(change) })
  await service.broadcast(hello('before'))
  await eventually(() => expect(newest().counts.total).toBe(1))
  await server.kill()
  await server.restart()
  await eventually(() => expect(newest()).toMatchObject({ reset: true, counts: { total: 0 } }), 20_000)

  await service.broadcast(hello('after'))
  await eventually(() => expect(newest()).toMatchObject({ counts: { total: 1 } }))
  await service.sendToUser('u', hello('own'))
  await eventually(() => expect(newest().counts.total).toBe(2))
  const told = changes.flatMap((change) => (change.reset ? [] : change.changed.map(({ title }) => title)))
  expect(told).toContain('after')
  expect((await service.list('u')).counts.total).toBe(2)
})
