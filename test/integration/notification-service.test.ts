import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type InboxSync,
  type Notification,
  NotificationService,
  type NotificationServiceOptions,
} from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

const hello = (title: string, more = {}) => ({ type: 'info', title, message: `${title}!`, ...more }) as const
const changed = (sync: InboxSync | undefined) => (sync === undefined || sync.reset ? [] : sync.changed)
const titles = (notifications: readonly Notification[]) => notifications.map(({ title }) => title)

describe.each([
  ['memory', () => ({ redis: `memory:${randomUUID()}` })],
  ['Redis', () => ({ redis: server.url, namespace: randomUUID(), channelPrefix: `${randomUUID()}:` })],
])('notification services, on %s', (_where, place) => {
  /** Several services on one place, closed together. */
  async function using(
    act: (open: (more?: NotificationServiceOptions) => NotificationService) => Promise<void>,
  ): Promise<void> {
    const where = place()
    const services: NotificationService[] = []
    try {
      await act((more = {}) => {
        const service = new NotificationService({ ...where, ...more } as NotificationServiceOptions)
        services.push(service)
        return service
      })
    } finally {
      await Promise.all(services.map((service) => service.close()))
    }
  }

  test('what is sent comes live, and is in the list at once, from any process', () =>
    using(async (open) => {
      const [sender, receiver] = [open(), open()]
      const got: Notification[] = []
      const lists: Promise<readonly Notification[]>[] = []
      await receiver.subscribeUser('user123', (notification) => {
        got.push(notification)
        lists.push(receiver.list('user123').then(({ notifications }) => notifications))
      })
      const data = { orderId: 'ORD-1' }
      const sent = await sender.sendToUser('user123', hello('Welcome', { data, topic: 'news' }))
      expect(sent).toEqual({ outcome: 'stored', id: expect.stringMatching(/^n1-1@/), receivers: 1 })
      await eventually(() => expect(got).toHaveLength(1))
      const shown = {
        id: sent.id,
        userId: 'user123',
        broadcast: false,
        ...hello('Welcome', { data, topic: 'news' }),
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        read: false,
        seen: false,
        archived: false,
        count: 1,
        stored: true,
        actions: [],
      }
      expect(got[0]).toMatchObject(shown)
      expect((await lists[0])![0]).toMatchObject(shown)
      expect(await sender.counts('user123')).toMatchObject({
        counts: { total: 1, unread: 1, unseen: 1, byType: { info: 1, warning: 0, error: 0, success: 0 } },
      })
    }))

  test('read, archived, snoozed, deleted: outcomes, views and counts', () =>
    using(async (open) => {
      const service = open()
      const ids: string[] = []
      for (const title of ['a', 'b', 'c', 'd', 'e']) ids.push((await service.sendToUser('u', hello(title))).id!)
      const [a, b, c, d, e] = ids as [string, string, string, string, string]
      expect(await service.markAsRead('u', a)).toBe('changed')
      expect(await service.markAsRead('u', a)).toBe('already')
      expect(await service.markAsRead('u', [a, b, 'nonsense', 'n9-1@elsewhere'])).toEqual([
        'already',
        'changed',
        'unknown',
        'unknown',
      ])
      expect(await service.archive('u', c)).toBe('changed')
      expect(await service.snooze('u', d, new Date(Date.now() + 3_600_000))).toBe('changed')
      expect(await service.delete('u', e)).toBe('changed')
      expect(titles((await service.list('u')).notifications)).toEqual(['b', 'a'])
      expect(titles((await service.list('u', { view: 'archived' })).notifications)).toEqual(['c'])
      expect((await service.list('u', { view: 'snoozed' })).notifications[0]?.snoozedUntil).toMatch(/Z$/)
      expect((await service.list('u', { view: 'unread' })).notifications).toEqual([])
      expect(await service.markAsUnread('u', b)).toBe('changed')
      const page = await service.list('u', { view: 'unread' })
      expect([titles(page.notifications), page.counts.unread, page.counts.total]).toEqual([['b'], 1, 2])
    }))

  test('broadcasts: one user reads, another still sees it; a later joiner does not; a recall removes it everywhere', () =>
    using(async (open) => {
      const [here, there] = [open(), open()]
      await Promise.all([here.join('A'), there.join('B')])
      const { id, receivers } = await here.broadcast(hello('to all'))
      expect(receivers).toBeGreaterThan(0)
      await eventually(async () => expect(titles((await there.list('B')).notifications)).toEqual(['to all']))
      expect(await here.markAsRead('A', id)).toBe('changed')
      expect(await here.markAsRead('A', id)).toBe('already')
      expect((await here.counts('A')).counts).toMatchObject({ total: 1, unread: 0 })
      expect((await there.counts('B')).counts).toMatchObject({ total: 1, unread: 1 })
      expect((await there.list('C')).notifications).toEqual([])
      expect(await there.markAsRead('C', id)).toBe('unknown')
      expect(await here.editBroadcast(id, hello('to everybody'))).toBe('changed')
      await eventually(async () => expect(titles((await there.list('B')).notifications)).toEqual(['to everybody']))
      expect(await there.recallBroadcast(id)).toBe('changed')
      expect(await there.recallBroadcast(id)).toBe('already')
      await eventually(async () => {
        for (const user of ['A', 'B']) expect((await here.counts(user)).counts.total).toBe(0)
      })
    }))

  test('pages of own ones and broadcasts have no hole and nothing twice while new ones come', () =>
    using(async (open) => {
      const service = open()
      await service.join('u')
      const expected: string[] = []
      for (let n = 0; n < 30; n += 1) {
        if (n % 3 === 0) await service.broadcast(hello(`b${n}`))
        else await service.sendToUser('u', hello(`n${n}`))
        expected.unshift(n % 3 === 0 ? `b${n}` : `n${n}`)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
      await eventually(async () => expect((await service.counts('u')).counts.total).toBe(30))
      const seen: string[] = []
      let before: string | undefined
      do {
        const { notifications, next } = await service.list('u', { limit: 7, before })
        seen.push(...titles(notifications))
        before = next
        await service.sendToUser('u', hello('new'))
        await service.broadcast(hello('new too'))
      } while (before !== undefined)
      expect(seen).toEqual(expected)
    }))

  test('all is read up to what was seen; what came meanwhile stays unread', () =>
    using(async (open) => {
      const service = open()
      await service.join('u')
      await service.sendToUser('u', hello('old'))
      await service.broadcast(hello('old broadcast'))
      await eventually(async () => expect((await service.counts('u')).counts.unread).toBe(2))
      const { state } = await service.list('u')
      await service.sendToUser('u', hello('new'))
      const { id } = await service.broadcast(hello('new broadcast'))
      await eventually(async () => expect((await service.counts('u')).counts.unread).toBe(4))
      expect((await service.markAsSeen('u', { upTo: state })).counts).toMatchObject({ unread: 4, unseen: 2 })
      expect((await service.markAllAsRead('u', { upTo: state })).counts).toMatchObject({ total: 4, unread: 2 })
      expect(await service.markAsRead('u', id)).toBe('changed')
      expect((await service.markAllAsRead('u')).counts).toMatchObject({ total: 4, unread: 0, unseen: 0 })
    }))

  test('every change reaches the other devices as a sync, and a client that missed some catches up with one', () =>
    using(async (open) => {
      const [phone, laptop] = [open(), open()]
      const id = (await phone.sendToUser('u', hello('first'))).id!
      const { state } = await laptop.list('u')
      const changes: InboxSync[] = []
      await laptop.subscribeUser('u', () => {}, { onChange: (change) => changes.push(change) })
      await phone.markAsRead('u', id)
      await eventually(() => expect(changes.at(-1)).toMatchObject({ reset: false, counts: { unread: 0 } }))
      expect(changed(changes.at(-1))).toMatchObject([{ id, read: true }])
      const second = (await phone.sendToUser('u', hello('second'))).id!
      await phone.delete('u', id)
      await eventually(() => expect(changes.at(-1)).toMatchObject({ removed: [id], counts: { total: 1 } }))
      await phone.broadcast(hello('broadcast'))
      await eventually(() => expect(changes.at(-1)).toMatchObject({ changed: [{ title: 'broadcast' }] }))
      const late = await laptop.sync('u', state)
      expect(late).toMatchObject({ reset: false, removed: [id], counts: { total: 2, unread: 2 } })
      expect(changed(late).map((each) => each.id)).toContain(second)
      const now = await laptop.sync('u', late.state)
      expect(now).toMatchObject({ reset: false, changed: [], removed: [] })
    }))

  test('a snoozed one wakes and an expiring one goes, announced live once by many processes', () =>
    using(async (open) => {
      const services = [open(), open(), open()]
      const [first] = services as [NotificationService]
      const changes: InboxSync[][] = [[], [], []]
      for (const [index, service] of services.entries()) {
        await service.subscribeUser('u', () => {}, { onChange: (change) => changes[index]!.push(change) })
      }
      const soon = () => new Date(Date.now() + 1_000)
      const id = (await first.sendToUser('u', hello('snoozed'))).id!
      await first.sendToUser('u', hello('short', { expiresAt: soon() }))
      await first.broadcast(hello('short broadcast', { expiresAt: soon() }))
      await first.snooze('u', id, soon())
      for (const list of changes) {
        await eventually(() => {
          const shown = new Map<string, string>()
          for (const change of list) {
            for (const { id, title, snoozedUntil } of changed(change))
              shown.set(id, `${title} ${snoozedUntil ?? 'awake'}`)
            for (const id of change.reset ? [] : change.removed) shown.delete(id)
          }
          expect([...shown.values()]).toEqual(['snoozed awake'])
          expect(list.at(-1)?.counts).toMatchObject({ total: 1, unread: 1 })
        })
        const states = list.flatMap(changed).filter((each) => each.id === id)
        const asleep = states.findIndex(({ snoozedUntil }) => snoozedUntil !== undefined)
        expect(states.slice(asleep + 1)).toMatchObject([{ read: false, snoozedUntil: undefined }])
      }
      expect(titles((await first.list('u')).notifications)).toEqual(['snoozed'])
    }))

  test('groups, dedupe keys, mutes, topics and the rate limit', () =>
    using(async (open) => {
      const service = open({ rateLimit: { max: 5, windowMs: 60_000 } })
      const comment = (n: number) => service.sendToUser('u', hello(`comment ${n}`), { groupKey: 'post-1' })
      await comment(1)
      await comment(2)
      expect((await service.list('u')).notifications).toMatchObject([{ title: 'comment 2', count: 2 }])
      const once = await service.sendToUser('u', hello('once'), { dedupeKey: 'k' })
      expect(await service.sendToUser('u', hello('once'), { dedupeKey: 'k' })).toEqual({
        outcome: 'duplicate',
        id: once.id,
        receivers: 0,
      })
      await service.mute('u', { types: ['error'], topics: ['ads'] })
      expect(await service.preferences('u')).toEqual({ mutedTypes: ['error'], mutedTopics: ['ads'], topics: [] })
      const muted = await service.sendToUser('u', { type: 'error', title: 'x', message: '' })
      expect(muted).toEqual({ outcome: 'muted', id: undefined, receivers: 0 })
      expect((await service.sendToUser('u', hello('ad', { topic: 'ads' }))).outcome).toBe('muted')
      for (let n = 0; n < 5; n += 1) await service.sendToUser('u', hello(`n${n}`))
      const { notifications } = await service.list('u')
      expect(notifications[0]).toMatchObject({ title: '3 more notifications', count: 3 })
      for (const user of ['f1', 'f2', 'f3']) await service.follow(user, 'release')
      await service.unfollow('f3', 'release')
      await service.mute('f2', { topics: ['release'] })
      const result = await service.notifyTopic('release', hello('2.0'))
      expect(result).toEqual({ sent: 1, unwanted: 1 })
      expect((await service.list('f1')).notifications).toMatchObject([{ title: '2.0', topic: 'release' }])
      expect((await service.list('f3')).notifications).toEqual([])
    }))

  test('a broadcast for an audience is seen by those alone, and mutes hold for broadcasts', () =>
    using(async (open) => {
      const service = open({ isAudience: (userId, audience) => userId.startsWith(String(audience)) })
      await Promise.all(['admin1', 'user1', 'user2'].map((user) => service.join(user)))
      await service.mute('user2', { topics: ['ads'] })
      await service.broadcast({ ...hello('for admins'), audience: 'admin' })
      await service.broadcast(hello('ad', { topic: 'ads' }))
      await eventually(async () => {
        expect(titles((await service.list('admin1')).notifications)).toEqual(['ad', 'for admins'])
        expect(titles((await service.list('user1')).notifications)).toEqual(['ad'])
        expect(titles((await service.list('user2')).notifications)).toEqual([])
      })
      const { state } = await service.counts('user2')
      await service.mute('user2', {})
      expect(await service.sync('user2', state)).toMatchObject({ changed: [{ title: 'ad' }] })
    }))

  test('a broadcast with a key is there once, whichever process sends it again', () =>
    using(async (open) => {
      const [here, there] = [open(), open()]
      await here.join('u')
      const got: string[] = []
      await there.subscribeBroadcast(({ title }) => got.push(title))
      const first = await here.broadcast(hello('a'), { dedupeKey: 'k' })
      expect(first).toMatchObject({ duplicate: false })
      expect(await there.broadcast(hello('b'), { dedupeKey: 'k' })).toEqual({
        id: first.id,
        receivers: 0,
        duplicate: true,
      })
      expect(await here.broadcast(hello('c'), { dedupeKey: 'other' })).toMatchObject({ duplicate: false })
      await eventually(() => expect(got).toEqual(['a', 'c']))
      expect(titles((await here.list('u')).notifications)).toEqual(['c', 'a'])
      const refused = expect.objectContaining({ code: 'UNKNOWN_OPTION' })
      await expect(here.broadcast(hello('d'), { groupKey: 'g' } as never)).rejects.toEqual(refused)
    }))

  test('of a new broadcast each who follows live asks about that one alone, however many there are', () =>
    using(async (open) => {
      const asked: string[] = []
      const service = open({
        isAudience: async (userId, audience) => {
          asked.push(`${userId} ${audience}`)
          return userId !== 'c'
        },
        audienceCacheMs: 0,
      })
      const last: Record<string, InboxSync> = {}
      for (const user of ['a', 'b', 'c']) {
        await service.subscribeUser(user, () => {}, { onChange: (change) => (last[user] = change) })
      }
      for (let n = 0; n < 50; n += 1) await service.broadcast({ ...hello(`${n}`), audience: n })
      await eventually(() => expect([last.a?.counts.total, last.b?.counts.total]).toEqual([50, 50]))
      asked.length = 0
      await service.broadcast({ ...hello('new'), audience: 'new' })
      await eventually(() => expect([last.a?.counts.total, last.b?.counts.total]).toEqual([51, 51]))
      expect(asked.sort()).toEqual(['a new', 'b new', 'c new'])
      expect(last.c).toBeUndefined()
    }))

  test('an action is taken once, whatever the device', () =>
    using(async (open) => {
      const [phone, laptop] = [open(), open()]
      const actions = [
        { label: 'Accept' },
        { key: 'no', label: 'Decline' },
        { label: 'See', url: 'https://example.com/x' },
      ]
      const id = (await phone.sendToUser('u', hello('Invitation', { actions }))).id!
      expect(await phone.act('u', id, 'Accept')).toBe('changed')
      expect(await laptop.act('u', id, 'no')).toBe('already')
      expect((await laptop.list('u')).notifications[0]).toMatchObject({
        acted: 'Accept',
        actions: [
          { key: 'Accept', label: 'Accept' },
          { key: 'no', label: 'Decline' },
          { key: 'See', label: 'See', url: 'https://example.com/x' },
        ],
      })
    }))

  test('an edit changes what it says and nothing else; a recall takes it away', () =>
    using(async (open) => {
      const service = open()
      const id = (await service.sendToUser('u', hello('wrong'))).id!
      await service.markAsRead('u', id)
      expect(await service.edit('u', id, hello('right'))).toBe('changed')
      expect((await service.list('u')).notifications).toMatchObject([{ id, title: 'right', read: true }])
      expect(await service.recall('u', id)).toBe('changed')
      expect(await service.recall('u', id)).toBe('unknown')
      expect((await service.list('u')).notifications).toEqual([])
    }))

  test('export has all of a user, and erase leaves nothing', () =>
    using(async (open) => {
      const service = open()
      const id = (await service.sendToUser('u', hello('a'))).id!
      await service.archive('u', id)
      await service.follow('u', 'news')
      const all = await service.exportUser('u')
      expect(JSON.parse(JSON.stringify(all))).toMatchObject({
        userId: 'u',
        notifications: [{ id, archived: true }],
        preferences: { topics: ['news'] },
      })
      const changes: InboxSync[] = []
      await service.subscribeUser('u', () => {}, { onChange: (change) => changes.push(change) })
      expect(await service.eraseUser('u')).toBe(true)
      await eventually(() => expect(changes.at(-1)).toMatchObject({ reset: true, counts: { total: 0 } }))
      expect((await service.exportUser('u')).notifications).toEqual([])
      expect((await service.sendToUser('u', hello('b'))).id).not.toBe(id)
      expect(await service.notifyTopic('news', hello('c'))).toEqual({ sent: 0, unwanted: 0 })
    }))

  test('who follows a user that is erased makes nothing anew, and shows what comes when the user is there again', () =>
    using(async (open) => {
      const [one, two] = [open(), open()]
      const follow = async (service: NotificationService) => {
        const [got, changes]: [string[], InboxSync[]] = [[], []]
        const onChange = (change: InboxSync) => changes.push(change)
        await service.subscribeUser('u', ({ title }) => got.push(title), { onChange })
        return { got, changes }
      }
      const followers = [await follow(one), await follow(two)]
      const each = (check: (follower: Awaited<ReturnType<typeof follow>>) => void) =>
        eventually(() => followers.forEach(check))
      await one.sendToUser('u', hello('soon', { expiresAt: new Date(Date.now() + 1_000) }))
      await each(({ got, changes }) => expect([got, changes.length]).toEqual([['soon'], 1]))
      expect(await two.eraseUser('u')).toBe(true)
      await each(({ changes }) => expect(changes.at(-1)).toMatchObject({ reset: true, counts: { total: 0 } }))
      const before = followers.map(({ changes }) => changes.length)
      // Until then the alarm of what was to expire has rung.
      await new Promise((resolve) => setTimeout(resolve, 1_050))
      const shown = await one.broadcast(hello('for all'))
      expect(await two.exportUser('u')).toMatchObject({ notifications: [], preferences: { topics: [] } })
      expect(await one.sync('u', followers[0]!.changes.at(-1)!.state)).toMatchObject({ reset: false, changed: [] })
      expect(await one.eraseUser('u')).toBe(false)
      expect(followers.map(({ changes }) => changes.length)).toEqual(before)
      expect((await one.list('u')).notifications).toEqual([])
      const id = (await two.broadcast(hello('for all again'))).id
      await each(({ changes }) => expect(changes.at(-1)).toMatchObject({ counts: { total: 1 } }))
      expect((await two.list('u')).notifications.map((each) => each.id)).toEqual([id])
      expect(id).not.toBe(shown.id)
      await two.sendToUser('u', hello('anew'))
      await each(({ got, changes }) => {
        expect(got).toEqual(['soon', 'anew'])
        expect(titles(changed(changes.at(-1)))).toEqual(['anew'])
      })
    }))

  test('all programs keep as much as the first one that says how much', () =>
    using(async (open) => {
      const [follower, strict] = [open(), open({ maxCount: 3, maxBroadcasts: 2 })]
      for (const title of ['a', 'b', 'c', 'd']) await follower.sendToUser('u', hello(title))
      expect((await strict.list('u')).notifications).toHaveLength(4)
      const other = open({ maxCount: 4, maxBroadcasts: 2 })
      const mismatch = { code: 'LIMITS_MISMATCH', context: { differences: ['maxCount is 4 here and 3 in Redis.'] } }
      await expect(other.sendToUser('u', hello('x'))).rejects.toMatchObject(mismatch)
      await expect(other.list('u')).rejects.toMatchObject(mismatch)
      await expect(other.broadcast(hello('x'))).rejects.toMatchObject(mismatch)
      await eventually(async () => {
        await follower.sendToUser('u', hello('e'))
        expect((await follower.list('u')).notifications).toHaveLength(3)
      })
      const late = open()
      await late.setLimits({ maxCount: 4 })
      await late.sendToUser('u', hello('f'))
      expect(titles((await other.list('u')).notifications)).toEqual(['f', 'e', 'e', 'e'].slice(0, 4))
      for (const title of ['x', 'y', 'z']) await late.broadcast(hello(title))
      // What came in one millisecond has no order between an inbox and the broadcasts.
      const shared = (await late.list('u')).notifications.filter(({ broadcast }) => broadcast)
      expect(titles(shared)).toEqual(['z', 'y'])
      expect((await open().list('u')).counts.total).toBe(6)
      await expect(late.setLimits({ maxCount: 0 })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
      await expect(late.setLimits({ nope: 1 } as object)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' })
    }))

  test('several handlers share what there is; one that goes or fails does not disturb the others', () =>
    using(async (open) => {
      const errors: unknown[] = []
      const service = open({ onError: (error) => errors.push(error.code) })
      const [one, two]: [string[], string[]] = [[], []]
      await service.subscribeUser('u', () => {
        throw new Error('broken')
      })
      const first = await service.subscribeUser('u', ({ title }) => one.push(title))
      await service.subscribeUser('u', ({ title }) => two.push(title))
      const all: string[] = []
      await service.subscribeBroadcast(({ title }) => all.push(title))
      await service.subscribeBroadcast(({ title }) => all.push(title))
      await service.sendToUser('u', hello('a'))
      await eventually(() => expect(two).toEqual(['a']))
      await first.unsubscribe()
      await service.sendToUser('u', hello('b'))
      await service.broadcast(hello('x'))
      await eventually(() =>
        expect([two, all]).toEqual([
          ['a', 'b'],
          ['x', 'x'],
        ]),
      )
      expect([one, errors]).toEqual([['a'], ['HANDLER_FAILED', 'HANDLER_FAILED']])
    }))
})

test('an erased user leaves no key in Redis, though two services follow the inbox', async () => {
  const where = { redis: server.url, namespace: randomUUID(), channelPrefix: `${randomUUID()}:` }
  await using one = new NotificationService(where)
  await using two = new NotificationService(where)
  const changes: InboxSync[] = []
  for (const service of [one, two]) {
    await service.subscribeUser('ada', () => {}, { onChange: (change) => changes.push(change) })
  }
  await one.sendToUser('ada', hello('soon', { expiresAt: new Date(Date.now() + 1_000) }))
  await one.follow('ada', 'news')
  await one.eraseUser('ada')
  await eventually(() => expect(changes.filter(({ reset }) => reset)).toHaveLength(2))
  await one.broadcast(hello('for all'))
  await new Promise((resolve) => setTimeout(resolve, 1_050))
  await two.exportUser('ada')
  expect(await server.admin.keys(`${where.namespace}*ada*`)).toEqual([])
})
