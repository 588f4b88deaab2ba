import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api.ts'
import { RedisServer } from '../support/redis-server.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(() => redis.stopWithoutLeaks())

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

const WELCOME = { type: 'info', title: 'Welcome', message: 'Hello.' } as const

describe.each([
  ['memory', () => ({ redis: `memory:${randomUUID()}` })],
  ['Redis', () => ({ redis: redis.url, namespace: randomUUID() })],
])('what users do over HTTP, on %s', (_where, place) => {
  async function open(limits = {}): Promise<TestApi> {
    const api = await openApi({ connection: place(), channelPrefix: `${randomUUID()}:`, limits })
    ending.push(() => api.close())
    return api
  }

  const titles = async (api: TestApi, userId: string, query = '') => {
    const { body } = await api.user(userId, 'GET', `/v1/inbox${query}`)
    return body.notifications.map(({ title }: { title: string }) => title)
  }

  async function withNotifications(count: number): Promise<{ readonly api: TestApi; readonly ids: string[] }> {
    const api = await open()
    const ids: string[] = []
    for (let n = 1; n <= count; n += 1) {
      const actions = [{ label: 'Approve' }]
      const { id } = await api.notifications.sendToUser('u1', { ...WELCOME, title: `${n}`, actions })
      ids.push(id!)
    }
    return { api, ids }
  }

  test('lists page by page', async () => {
    const { api } = await withNotifications(5)
    const pages: string[][] = []
    for (let before = ''; ; ) {
      const { body } = await api.user('u1', 'GET', `/v1/inbox?limit=2${before}`)
      pages.push(body.notifications.map(({ title }: { title: string }) => title))
      expect(body.counts).toMatchObject({ total: 5, unread: 5 })
      if (body.next === undefined) break
      before = `&before=${encodeURIComponent(body.next)}`
    }
    expect(pages).toEqual([['5', '4'], ['3', '2'], ['1']])
    expect(await titles(api, 'u1', '?view=archived')).toEqual([])
    expect(await titles(api, 'u1', '?type=error')).toEqual([])
    for (const query of ['?view=mine', '?limit=0', '?limit=x', '?limit=1&limit=2', '?user=u2', '?before=9']) {
      expect((await api.user('u1', 'GET', `/v1/inbox${query}`)).status, query).toBe(400)
    }
  })

  test('marks, and tells what each came to', async () => {
    const { api, ids } = await withNotifications(4)
    const mark = async (what: string, list: readonly (string | undefined)[]) =>
      (await api.user('u1', 'POST', `/v1/inbox/${what}`, { ids: list })).body.outcomes
    expect(await mark('read', [ids[0], ids[1], 'nothing'])).toEqual(['changed', 'changed', 'unknown'])
    expect(await mark('read', [ids[0]])).toEqual(['already'])
    expect(await mark('unread', [ids[1]])).toEqual(['changed'])
    expect(await mark('archive', [ids[2]])).toEqual(['changed'])
    expect(await mark('delete', [ids[3]])).toEqual(['changed'])
    const { body } = await api.user('u1', 'GET', '/v1/inbox/counts')
    expect(body.counts).toMatchObject({ total: 2, unread: 1 })
    expect(await titles(api, 'u1', '?view=archived')).toEqual(['3'])
    expect(await titles(api, 'u1', '?view=unread')).toEqual(['2'])
  })

  test('marks everything up to what was seen', async () => {
    const { api } = await withNotifications(2)
    const { body: seen } = await api.user('u1', 'GET', '/v1/inbox')
    await api.notifications.sendToUser('u1', WELCOME)
    const { body } = await api.user('u1', 'POST', '/v1/inbox/read-all', { upTo: seen.state })
    expect(body.counts).toMatchObject({ unread: 1, unseen: 1 })
    // No body says: up to now.
    expect((await api.user('u1', 'POST', '/v1/inbox/seen')).body.counts).toMatchObject({ unread: 1, unseen: 0 })
    expect((await api.user('u1', 'POST', '/v1/inbox/read-all', {})).body.counts).toMatchObject({ unread: 0 })
    expect((await api.user('u1', 'POST', '/v1/inbox/seen', { upTo: 'then' })).body.code).toBe('INVALID_OPTION')
  })

  test('tells what has changed since a state', async () => {
    const { api, ids } = await withNotifications(2)
    const { body: before } = await api.user('u1', 'GET', '/v1/inbox/counts')
    await api.user('u1', 'POST', '/v1/inbox/read', { ids: [ids[0]] })
    await api.user('u1', 'POST', '/v1/inbox/delete', { ids: [ids[1]] })
    const { body } = await api.user('u1', 'GET', `/v1/inbox/sync?state=${encodeURIComponent(before.state)}`)
    expect(body).toMatchObject({ reset: false, changed: [{ id: ids[0], read: true }], removed: [ids[1]] })
    expect((await api.user('u1', 'GET', '/v1/inbox/sync')).body.issues[0].path).toBe('/state')
    expect((await api.user('u1', 'GET', '/v1/inbox/sync?state=x')).status).toBe(400)
  })

  test('snoozes, and takes actions', async () => {
    const { api, ids } = await withNotifications(2)
    const path = (index: number) => `/v1/inbox/${encodeURIComponent(ids[index]!)}`
    const until = new Date(Date.now() + 3_600_000).toISOString()
    expect((await api.user('u1', 'POST', `${path(0)}/snooze`, { until })).body).toEqual({ outcome: 'changed' })
    const { body } = await api.user('u1', 'GET', '/v1/inbox?view=snoozed')
    expect(body.notifications).toMatchObject([{ title: '1', snoozedUntil: until }])
    expect(body.nextChangeAt).toBe(until)
    expect((await api.user('u1', 'POST', `${path(1)}/act`, { action: 'Approve' })).body).toEqual({
      outcome: 'changed',
    })
    expect((await api.user('u1', 'POST', `${path(1)}/act`, { action: 'Approve' })).body).toEqual({
      outcome: 'already',
    })
    expect((await api.user('u1', 'POST', '/v1/inbox/nothing/act', { action: 'Approve' })).status).toBe(404)
    for (const wrong of [{ until: '2001-01-01T00:00:00Z' }, { until: 'x' }, {}]) {
      expect((await api.user('u1', 'POST', `${path(1)}/snooze`, wrong)).status).toBe(400)
    }
  })

  test('keeps preferences and topics', async () => {
    const { api } = await withNotifications(0)
    const muted = { mutedTypes: ['warning'], mutedTopics: ['offers'] }
    const preferences = { ...muted, topics: [] }
    expect((await api.user('u1', 'PUT', '/v1/inbox/preferences', muted)).body).toEqual(preferences)
    // What is called like something else that is in an inbox.
    for (const topic of ['snooze', 'a%2Fb']) {
      const followed = await api.user('u1', 'PUT', `/v1/inbox/topics/${topic}`)
      expect([followed.status, followed.body]).toEqual([204, undefined])
    }
    expect((await api.user('u1', 'GET', '/v1/inbox/preferences')).body.topics).toEqual(['a/b', 'snooze'])
    expect((await api.user('u1', 'DELETE', '/v1/inbox/topics/snooze')).status).toBe(204)
    expect((await api.user('u1', 'GET', '/v1/inbox/preferences')).body).toEqual({ ...preferences, topics: ['a/b'] })
    expect(
      (await api.user('u1', 'PUT', '/v1/inbox/preferences', { mutedTypes: ['loud'], mutedTopics: [] })).status,
    ).toBe(400)
    expect((await api.user('u1', 'PUT', '/v1/inbox/topics/%7B%7D')).body.code).toBe('INVALID_NOTIFICATION')
  })

  test('shows and changes nothing of another user', async () => {
    const { api, ids } = await withNotifications(1)
    const other = 'u2'
    expect(await titles(api, other)).toEqual([])
    // Ids name a place in the inbox of who asks: there is nothing there.
    for (const what of ['read', 'unread', 'archive', 'delete']) {
      const { body } = await api.user(other, 'POST', `/v1/inbox/${what}`, { ids })
      expect(body.outcomes, what).toEqual(['unknown'])
    }
    await api.user(other, 'POST', '/v1/inbox/read-all')
    const { body } = await api.user('u1', 'GET', '/v1/inbox')
    expect(body.notifications).toMatchObject([{ id: ids[0], userId: 'u1', read: false, archived: false }])
  })

  test('answers only who has a token that counts', async () => {
    const { api } = await withNotifications(1)
    const get = async (authorization?: string) => {
      const { status, body, headers } = await api.ask('GET', '/v1/inbox', {
        headers: authorization === undefined ? {} : { authorization },
      })
      return [status, body.code, headers.get('www-authenticate')?.split(' ')[0]]
    }
    expect(await get()).toEqual([401, 'NO_TOKEN', 'Bearer'])
    expect(await get('Basic dTE6')).toEqual([401, 'NO_TOKEN', 'Bearer'])
    expect(await get('Bearer nonsense')).toEqual([401, '101', 'Bearer'])
    expect(await get('Bearer user:')).toEqual([401, '101', 'Bearer'])
    expect(await get('Bearer expired')).toEqual([401, '109', 'Bearer'])
    expect((await api.ask('GET', '/v1/inbox?token=user:u1')).status).toBe(401)
    expect((await api.user('u1', 'GET', '/v1/inbox')).status).toBe(200)
    await api.gateway.node.control.send({ kind: 'revoke', userId: 'u1', beforeMs: Date.now() + 60_000 })
    expect(await get('Bearer user:u1')).toEqual([401, '101', 'Bearer'])
  })

  test('answers a user only so often', async () => {
    const api = await open({ commandsPerSecond: 5 })
    const answers = await Promise.all(Array.from({ length: 30 }, () => api.user('u1', 'GET', '/v1/inbox/counts')))
    const statuses = new Set(answers.map(({ status }) => status))
    expect(statuses).toEqual(new Set([200, 429]))
    expect((await api.user('u2', 'GET', '/v1/inbox/counts')).status).toBe(200)
  })
})
