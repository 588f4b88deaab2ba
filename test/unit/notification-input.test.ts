import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NotificationService } from '../../src/index.ts'

let service: NotificationService
beforeEach(() => {
  service = new NotificationService({ redis: `memory:${randomUUID()}`, maxBytes: 1_000 })
})
afterEach(() => service.close())

const subscribe = (options: unknown) => service.subscribeUser('u', () => {}, options as never)
const opened = (options: object) => new NotificationService({ redis: `memory:${randomUUID()}`, ...options })

const good = { type: 'info', title: 'a', message: 'b' } as const

describe('what a notification cannot be is refused, and nothing is stored', () => {
  test.each([
    ['an unknown type', { ...good, type: 'urgent' }, 'type'],
    ['no type', { title: 'a', message: 'b' }, 'type'],
    ['a type from a prototype', { ...good, type: 'constructor' }, 'type'],
    ['an empty title', { ...good, title: '' }, 'title'],
    ['a title that is no string', { ...good, title: 7 }, 'title'],
    ['half a character', { ...good, title: '\ud800' }, 'title'],
    ['no message', { ...good, message: undefined }, 'message'],
    ['a javascript: link', { ...good, actions: [{ label: 'x', url: 'javascript:alert(1)' }] }, 'actions'],
    ['one with a tab in it', { ...good, actions: [{ label: 'x', url: 'java\tscript:alert(1)' }] }, 'actions'],
    ['one that begins with blanks', { ...good, actions: [{ label: 'x', url: '  JavaScript:alert(1)' }] }, 'actions'],
    ['a data: link', { ...good, actions: [{ label: 'x', url: 'data:text/html,x' }] }, 'actions'],
    ['a link that is none', { ...good, actions: [{ label: 'x', url: 'nowhere' }] }, 'actions'],
    ['two actions with one key', { ...good, actions: [{ label: 'x' }, { label: 'x' }] }, 'actions'],
    ['too many actions', { ...good, actions: Array.from({ length: 11 }, (_, n) => ({ label: `${n}` })) }, 'actions'],
    ['data that is a function', { ...good, data: () => 1 }, 'data'],
    ['actions that are no objects', { ...good, actions: [null] }, 'actions'],
    ['a topic with a brace', { ...good, topic: '{a}' }, 'topic'],
    ['an expiry that is no date', { ...good, expiresAt: new Date(Number.NaN) }, 'expiresAt'],
    ['an expiry in the past', { ...good, expiresAt: new Date(0) }, 'expiresAt'],
    ['nothing', undefined, 'notification'],
  ])('%s', async (_what, notification, field) => {
    const refused = { code: 'INVALID_NOTIFICATION', context: { field } }
    await expect(service.sendToUser('u', notification as never)).rejects.toMatchObject(refused)
    await expect(service.broadcast(notification as never)).rejects.toMatchObject(refused)
    expect((await service.list('u', { view: 'all' })).notifications).toEqual([])
  })

  test('the error of something that is no object says so', async () => {
    const message = 'A notification must be an object. Nothing was stored.'
    await expect(service.sendToUser('u', undefined as never)).rejects.toMatchObject({ message })
    await expect(service.broadcast('hello' as never)).rejects.toMatchObject({ message })
  })

  test('too many bytes', async () => {
    const large = { ...good, data: 'x'.repeat(1_000) }
    await expect(service.sendToUser('u', large)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    await expect(service.broadcast(large)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect((await service.counts('u')).counts.total).toBe(0)
  })

  test('data that JSON cannot hold', async () => {
    await expect(service.sendToUser('u', { ...good, data: 1n })).rejects.toMatchObject({ code: 'INVALID_MESSAGE' })
  })

  test('data that would pollute a prototype pollutes nothing, and comes back as it was', async () => {
    const data = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as unknown
    await service.sendToUser('u', { ...good, data })
    const [notification] = (await service.list('u')).notifications
    expect(JSON.stringify(notification?.data)).toBe(JSON.stringify(data))
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

describe('what a user id cannot be is refused', () => {
  test.each([
    ['nothing', ''],
    ['braces', '{}'],
    ['a tag', 'a{b}c'],
    ['a line end', 'a\nb'],
    ['NUL', 'a\0b'],
    ['10 KB', 'x'.repeat(10_240)],
    ['half a character', 'a\udfff'],
    ['no string', 7],
    ['an object', { toString: () => 'u' }],
  ])('%s', async (_what, userId) => {
    const refused = { code: 'INVALID_USER' }
    const user = userId as string
    await expect(service.sendToUser(user, good)).rejects.toMatchObject(refused)
    await expect(service.list(user)).rejects.toMatchObject(refused)
    await expect(service.counts(user)).rejects.toMatchObject(refused)
    await expect(service.markAsRead(user, 'n1-1@a')).rejects.toMatchObject(refused)
    await expect(service.subscribeUser(user, () => {})).rejects.toMatchObject(refused)
    await expect(service.eraseUser(user)).rejects.toMatchObject(refused)
  })

  test('strange ones are users like others, each with an inbox of its own', async () => {
    const users = [
      'a',
      'a:b',
      'a%3Ab',
      'a*',
      'a?',
      '[a]',
      'ä',
      'a b',
      '__proto__',
      'constructor',
      '../a',
      "a'",
      'A',
      '%',
    ]
    for (const user of users) await service.sendToUser(user, { ...good, title: `for ${user}` })
    for (const user of users) {
      expect((await service.list(user)).notifications.map(({ title }) => title)).toEqual([`for ${user}`])
    }
  })
})

describe('other slips', () => {
  test.each<[string, () => Promise<unknown>, string]>([
    ['a state that is none', () => service.sync('u', 'yesterday'), 'INVALID_OPTION'],
    ['an upTo that is none', () => service.markAllAsRead('u', { upTo: 'n5' }), 'INVALID_OPTION'],
    ['a cursor that is none', () => service.list('u', { before: '-1' }), 'INVALID_OPTION'],
    ['a limit of 0', () => service.list('u', { limit: 0 }), 'INVALID_OPTION'],
    ['an unknown view', () => service.list('u', { view: 'trash' as never }), 'INVALID_OPTION'],
    ['an unknown option of list', () => service.list('u', { offset: 1 } as never), 'UNKNOWN_OPTION'],
    ['an unknown option of sendToUser', () => service.sendToUser('u', good, { ttl: 1 } as never), 'UNKNOWN_OPTION'],
    ['an empty dedupeKey', () => service.sendToUser('u', good, { dedupeKey: '' }), 'INVALID_OPTION'],
    ['an id that is no string', () => service.markAsRead('u', 7 as never), 'INVALID_OPTION'],
    ['a snooze into the past', () => service.snooze('u', 'n1-1@a', new Date(0)), 'INVALID_NOTIFICATION'],
    ['an action without a name', () => service.act('u', 'n1-1@a', ''), 'INVALID_NOTIFICATION'],
    ['options of list that are none', () => service.list('u', null as never), 'INVALID_OPTION'],
    ['options of sendToUser that are none', () => service.sendToUser('u', good, null as never), 'INVALID_OPTION'],
    ['options of broadcast that are none', () => service.broadcast(good, null as never), 'INVALID_OPTION'],
    ['options of notifyTopic that are none', () => service.notifyTopic('t', good, null as never), 'INVALID_OPTION'],
    ['options of subscribeUser that are none', () => subscribe(null), 'INVALID_OPTION'],
    ['options of markAllAsRead that are none', () => service.markAllAsRead('u', null as never), 'INVALID_OPTION'],
    ['options of markAsSeen that are none', () => service.markAsSeen('u', 7 as never), 'INVALID_OPTION'],
    ['what is muted that is none', () => service.mute('u', null as never), 'INVALID_OPTION'],
    ['a broadcast with a group', () => service.broadcast(good, { groupKey: 'g' } as never), 'UNKNOWN_OPTION'],
    ['a rate limit that is none', async () => opened({ rateLimit: null }), 'INVALID_OPTION'],
    ['an isAudience that is none', async () => opened({ isAudience: 'all' }), 'INVALID_OPTION'],
    ['an audienceCacheMs that is none', async () => opened({ audienceCacheMs: -1 }), 'INVALID_OPTION'],
    ['a handler that is none', () => service.subscribeUser('u', 7 as never), 'INVALID_HANDLER'],
    ['an unknown muted type', () => service.mute('u', { types: ['x' as never] }), 'INVALID_NOTIFICATION'],
    ['a topic that is none', () => service.follow('u', ''), 'INVALID_NOTIFICATION'],
  ])('%s', async (_what, act, code) => {
    await expect(act()).rejects.toMatchObject({ code })
  })

  test('after close everything rejects with CLOSED', async () => {
    await service.close()
    for (const act of [
      () => service.sendToUser('u', good),
      () => service.broadcast(good),
      () => service.list('u'),
      () => service.subscribeUser('u', () => {}),
      () => service.subscribeBroadcast(() => {}),
      () => service.recallBroadcast('b_x'),
    ]) {
      await expect(act()).rejects.toMatchObject({ code: 'CLOSED' })
    }
  })
})
