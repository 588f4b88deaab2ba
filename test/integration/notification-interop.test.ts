import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Notification, NotificationService } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { PythonNotifications } from '../support/python-notifications.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)

test('what a Python service publishes reaches handlers as not stored, and is in no list', async () => {
  await using service = new NotificationService({ redis: server.url })
  await using peer = await PythonNotifications.start(server, 'ada')
  const [own, all]: [Notification[], Notification[]] = [[], []]
  const changes: unknown[] = []
  await service.subscribeUser('ada', (one) => own.push(one), { onChange: (change) => changes.push(change) })
  await service.subscribeBroadcast((one) => all.push(one))

  const sent = await peer.sendToUser('ada', 'success', 'Paid', 'ünï 💌', { order: 7 })
  const broadcast = await peer.broadcast('warning', 'Maintenance', 'in 1 hour')
  // Its own subscription, and the one of the service.
  expect([sent.receivers, broadcast.receivers]).toEqual([2, 2])
  await eventually(() => expect([own, all]).toMatchObject([{ length: 1 }, { length: 1 }]))
  const shown = { read: false, stored: false, timestamp: ISO, actions: [], count: 1 }
  expect(own[0]).toMatchObject({
    ...shown,
    ...{ id: sent.id, userId: 'ada', broadcast: false, type: 'success', title: 'Paid', message: 'ünï 💌' },
    data: { order: 7 },
  })
  expect(all[0]).toMatchObject({
    ...shown,
    ...{ id: broadcast.id, userId: undefined, broadcast: true, type: 'warning', title: 'Maintenance' },
    data: null,
  })
  // Python's time has no zone and is UTC.
  expect(Math.abs(Date.parse(own[0]!.timestamp) - Date.now())).toBeLessThan(60_000)

  expect(await service.list('ada', { view: 'all' })).toMatchObject({
    notifications: [],
    counts: { total: 0, unread: 0 },
  })
  expect(await service.markAsRead('ada', [sent.id, broadcast.id])).toEqual(['unknown', 'unknown'])
  // The next of our own is all that has changed.
  const { id } = await service.sendToUser('ada', { type: 'info', title: 'ours', message: '' })
  await eventually(() => expect(changes).toHaveLength(1))
  expect(changes[0]).toMatchObject({ reset: false, changed: [{ id, stored: true }], removed: [], counts: { total: 1 } })
  expect((await peer.list('ada')).map(({ id }) => id)).toEqual([sent.id])
})

test('what is sent and broadcast reaches a Python service with the fields that it knows, and its lists stay as they are', async () => {
  await using service = new NotificationService({ redis: server.url })
  await using peer = await PythonNotifications.start(server, 'bob')
  const data = { order: 'ORD-1', nested: [1, null, 'ä'] }
  const sent = await service.sendToUser('bob', { type: 'error', title: 'Füll "disk"', message: 'a\nb', data })
  const plain = await service.sendToUser('bob', { type: 'info', title: 'plain', message: '' }, { groupKey: 'g' })
  const broadcast = await service.broadcast({ type: 'warning', title: 'All', message: 'hear', data: { n: 1 } })
  expect([sent.receivers, plain.receivers]).toEqual([1, 1])
  await eventually(() => expect(peer.heard).toHaveLength(3))
  const [first, second, third] = peer.heard
  const fields = { user_id: 'bob', read: false, timestamp: ISO }
  expect(first).toEqual({
    channel: 'notifications:user:bob',
    data: { ...fields, id: sent.id, type: 'error', title: 'Füll "disk"', message: 'a\nb', data },
  })
  expect(second).toEqual({
    channel: 'notifications:user:bob',
    data: { ...fields, id: plain.id, type: 'info', title: 'plain', message: '', data: null, count: 1 },
  })
  expect(third).toEqual({
    channel: 'notifications:broadcast',
    data: { id: broadcast.id, type: 'warning', title: 'All', message: 'hear', timestamp: ISO, data: { n: 1 } },
  })
  expect(await peer.list('bob')).toEqual([])
})

test('a user id with a colon has an encoded channel, on which a program that does not encode neither hears nor is heard', async () => {
  await using service = new NotificationService({ redis: server.url })
  await using peer = await PythonNotifications.start(server, 'a:b')
  const got: Notification[] = []
  await service.subscribeUser('a:b', (one) => got.push(one))
  expect((await peer.sendToUser('a:b', 'info', 'theirs', '')).receivers).toBe(1)
  expect((await service.sendToUser('a:b', { type: 'info', title: 'ours', message: '' })).receivers).toBe(1)
  await eventually(() => expect([got, peer.heard]).toMatchObject([{ length: 1 }, { length: 1 }]))
  expect([got[0]!.title, peer.heard[0]!.data.title]).toEqual(['ours', 'theirs'])
})
