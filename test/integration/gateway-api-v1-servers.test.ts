import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createHttp } from '../../src/http/index.ts'
import { API_KEY, openApi, type TestApi } from '../support/api.ts'
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
])('what servers do over HTTP, on %s', (_where, place) => {
  async function open(limits = {}): Promise<TestApi> {
    const api = await openApi({ connection: place(), channelPrefix: `${randomUUID()}:`, limits })
    ending.push(() => api.close())
    return api
  }

  const titles = async (api: TestApi, userId: string, query = '') => {
    const { body } = await api.user(userId, 'GET', `/v1/inbox${query}`)
    return body.notifications.map(({ title }: { title: string }) => title)
  }

  test('emits events', async () => {
    const api = await open()
    const got: unknown[] = []
    await api.bus.on('order.created', ({ data }) => got.push(data))
    const { status, body } = await api.server('POST', '/v1/events/order.created', { data: { id: 1 } })
    expect([status, body]).toEqual([200, { receivers: 1 }])
    await expect.poll(() => got).toEqual([{ id: 1 }])
    expect((await api.server('POST', '/v1/events/order%2Fcreated', {})).body).toEqual({ receivers: 0 })
  })

  test('appends events, once for a key of the body or of the header', async () => {
    const api = await open()
    await api.bus.policies.apply({ 'order.*': { history: { maxCount: 100 } } })
    const path = '/v1/events/order.created'
    const { body: first } = await api.server('POST', path, { data: 1, append: true, dedupeKey: 'k' })
    expect(first).toMatchObject({ position: expect.stringMatching(/^1-1@/), duplicate: false })
    const again = await api.server('POST', path, { data: 1, append: true }, { 'idempotency-key': 'k' })
    expect(again.body).toMatchObject({ position: first.position, duplicate: true })
    // What is emitted is kept as well, so the same holds.
    const emitted = await api.server('POST', path, { data: 1 }, { 'idempotency-key': 'k' })
    expect(emitted.body).toMatchObject({ position: first.position, duplicate: true })
    const { status, body } = await api.server('POST', '/v1/events/other', { append: true })
    expect([status, body.code]).toEqual([409, 'NO_HISTORY'])
    expect((await api.server('POST', '/v1/events/other', {}, { 'idempotency-key': 'k' })).body).toEqual({
      receivers: 0,
    })
  })

  test('sends notifications to a user, edits them and takes them back', async () => {
    const api = await open()
    const path = '/v1/users/u%2F1/notifications'
    const { body: sent } = await api.server('POST', path, WELCOME)
    expect(sent).toEqual({ outcome: 'stored', id: expect.any(String), receivers: 0 })
    expect(await titles(api, 'u/1')).toEqual(['Welcome'])

    const one = `${path}/${encodeURIComponent(sent.id)}`
    const edited = await api.server('PATCH', one, { ...WELCOME, title: 'Welcome back' })
    expect(edited.body).toEqual({ outcome: 'changed' })
    expect(await titles(api, 'u/1')).toEqual(['Welcome back'])

    expect((await api.server('DELETE', one)).body).toEqual({ outcome: 'changed' })
    expect(await titles(api, 'u/1')).toEqual([])
    for (const [method, body] of [
      ['PATCH', WELCOME],
      ['DELETE', undefined],
    ] as const) {
      const unknown = await api.server(method, `${path}/nothing`, body)
      expect([unknown.status, unknown.body.code]).toEqual([404, 'UNKNOWN_NOTIFICATION'])
    }
  })

  test('sends a notification once for a key', async () => {
    const api = await open()
    const path = '/v1/users/u1/notifications'
    const { body: first } = await api.server('POST', path, WELCOME, { 'idempotency-key': 'k' })
    const again = await api.server('POST', path, { ...WELCOME, dedupeKey: 'k' }, { 'idempotency-key': 'other' })
    expect(again.body).toEqual({ outcome: 'duplicate', id: first.id, receivers: 0 })
    expect(await titles(api, 'u1')).toEqual(['Welcome'])
  })

  test('sends broadcasts to everybody, edits them and takes them back', async () => {
    const api = await open()
    for (const userId of ['u1', 'u2']) await api.user(userId, 'GET', '/v1/inbox')
    const { body: sent } = await api.server('POST', '/v1/broadcasts', WELCOME)
    expect(sent).toEqual({ id: expect.stringMatching(/^b_/), receivers: expect.any(Number), duplicate: false })
    await expect.poll(() => titles(api, 'u1')).toEqual(['Welcome'])
    const one = `/v1/broadcasts/${sent.id}`
    expect((await api.server('PATCH', one, { ...WELCOME, title: 'Hi' })).body).toEqual({ outcome: 'changed' })
    expect(await titles(api, 'u2')).toEqual(['Hi'])
    expect((await api.server('DELETE', one)).body).toEqual({ outcome: 'changed' })
    expect(await titles(api, 'u2')).toEqual([])
    expect((await api.server('DELETE', one)).body).toEqual({ outcome: 'already' })
    expect((await api.server('DELETE', '/v1/broadcasts/b_0')).status).toBe(404)
  })

  test('sends a broadcast once for a key', async () => {
    const api = await open()
    await api.user('u1', 'GET', '/v1/inbox')
    const { body: first } = await api.server('POST', '/v1/broadcasts', WELCOME, { 'idempotency-key': 'k' })
    const same = { ...WELCOME, dedupeKey: 'k', dedupeWindowMs: 60_000 }
    const again = await api.server('POST', '/v1/broadcasts', same, { 'idempotency-key': 'other' })
    expect([again.status, again.body]).toEqual([200, { id: first.id, receivers: 0, duplicate: true }])
    await api.server('POST', '/v1/broadcasts', WELCOME, { 'idempotency-key': 'other' })
    await expect.poll(() => titles(api, 'u1')).toEqual(['Welcome', 'Welcome'])
    const grouped = await api.server('POST', '/v1/broadcasts', { ...WELCOME, groupKey: 'g' })
    expect([grouped.status, grouped.body.code]).toEqual([400, 'INVALID_REQUEST'])
  })

  test('takes a key for every write', async () => {
    const api = await open()
    const { body: sent } = await api.server('POST', '/v1/users/u1/notifications', WELCOME)
    const one = `/v1/users/u1/notifications/${sent.id}`
    for (let n = 0; n < 2; n += 1) {
      const edited = await api.server('PATCH', one, { ...WELCOME, title: 'Hi' }, { 'idempotency-key': 'k' })
      expect([edited.status, await titles(api, 'u1')]).toEqual([200, ['Hi']])
    }
    for (const method of ['PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? WELCOME : undefined
      const long = await api.server(method, one, body, { 'idempotency-key': 'x'.repeat(1_025) })
      expect([long.status, long.body.code]).toEqual([400, 'INVALID_REQUEST'])
    }
    expect(await titles(api, 'u1')).toEqual(['Hi'])
  })

  test('sends to who follows a topic, once for a key', async () => {
    const api = await open()
    for (const userId of ['u1', 'u2']) await api.user(userId, 'PUT', '/v1/inbox/topics/order%2F1')
    await api.user('u2', 'PUT', '/v1/inbox/preferences', { mutedTypes: ['info'], mutedTopics: [] })
    const path = '/v1/topics/order%2F1/notifications'
    const { body } = await api.server('POST', path, WELCOME, { 'idempotency-key': 'k' })
    expect(body).toEqual({ sent: 1, unwanted: 1 })
    await api.server('POST', path, WELCOME, { 'idempotency-key': 'k' })
    expect(await titles(api, 'u1', '?topic=order%2F1')).toEqual(['Welcome'])
  })

  test('is what tidings/http speaks to', async () => {
    const api = await open()
    await api.bus.policies.apply({ 'order.*': { history: { maxCount: 100 } } })
    const http = createHttp({
      url: 'http://gateway',
      apiKey: API_KEY,
      fetch: (url, init) => api.gateway.fetch(new Request(url as string, init)),
    })
    expect(await http.emit('other', { a: 1 })).toBe(0)
    expect(await http.append('order.created', 1, { dedupeKey: 'k' })).toMatchObject({ duplicate: false })
    expect(await http.append('order.created', 1, { dedupeKey: 'k' })).toMatchObject({ duplicate: true })
    await expect(http.append('other', 1)).rejects.toMatchObject({ status: 409, code: 'NO_HISTORY' })
    const expiresAt = new Date(Date.now() + 60_000)
    const sent = await http.notify('u1', { type: 'info', title: 'Hi', message: '', expiresAt }, { groupKey: 'g' })
    expect(sent.outcome).toBe('stored')
    expect((await http.broadcast({ type: 'info', title: 'All', message: '' })).id).toMatch(/^b_/)
    const { body } = await api.user('u1', 'GET', '/v1/inbox')
    expect(body.notifications).toContainEqual(
      expect.objectContaining({ title: 'Hi', expiresAt: expiresAt.toISOString() }),
    )
  })

  test('says what is wrong with a request', async () => {
    const api = await open()
    const user = '/v1/users/u1/notifications'
    const wrong: [string, string, unknown, string][] = [
      ['POST', user, { ...WELCOME, type: 'loud' }, '/type'],
      ['POST', user, { ...WELCOME, title: '' }, '/title'],
      ['POST', user, { ...WELCOME, color: 'red' }, ''],
      ['POST', user, { type: 'info', title: 'x' }, '/message'],
      ['POST', user, { ...WELCOME, expiresAt: 'soon' }, '/expiresAt'],
      ['POST', user, { ...WELCOME, actions: [{ key: 'a' }] }, '/actions/0/label'],
      ['POST', user, [WELCOME], ''],
      ['POST', user, 'null', ''],
      ['POST', user, '{"__proto__":{"x":1},"type":"info","title":"x","message":""}', ''],
      ['POST', '/v1/topics/t/notifications', { ...WELCOME, topic: 'other' }, ''],
      ['POST', '/v1/events/e', { append: 'yes' }, '/append'],
      ['POST', '/v1/events/e?x=1', {}, ''],
      ['POST', '/v1/broadcasts', {}, '/type'],
    ]
    for (const [method, path, body, where] of wrong) {
      const answer = await api.server(method, path, body)
      const said = JSON.stringify([path, body])
      expect(answer.status, said).toBe(400)
      expect(answer.body, said).toMatchObject({ code: 'INVALID_REQUEST', title: 'Bad Request', status: 400 })
      expect(answer.body.issues[0].path, said).toBe(where)
    }
    // What only the library knows.
    const link = { ...WELCOME, actions: [{ label: 'Go', url: 'javascript:alert(1)' }] }
    const bad = await api.server('POST', user, link)
    expect([bad.status, bad.body.code, bad.body.field]).toEqual([400, 'INVALID_NOTIFICATION', 'actions'])
    const past = await api.server('POST', user, { ...WELCOME, expiresAt: '2001-01-01T00:00:00Z' })
    expect([past.status, past.body.field]).toEqual([400, 'expiresAt'])
    const nobody = await api.server('POST', '/v1/users/a%7Bb%7D/notifications', WELCOME)
    expect([nobody.status, nobody.body.code]).toEqual([400, 'INVALID_USER'])
    const long = await api.server('POST', user, WELCOME, { 'idempotency-key': 'x'.repeat(1_025) })
    expect([long.status, long.body.code]).toEqual([400, 'INVALID_REQUEST'])
    expect(await titles(api, 'u1')).toEqual([])
    expect(api.errors).toEqual([])
  })

  test('is not for users, nor the other way round', async () => {
    const api = await open()
    for (const path of ['/v1/events/e', '/v1/users/u1/notifications', '/v1/broadcasts', '/v1/topics/t/notifications']) {
      expect((await api.user('u1', 'POST', path, WELCOME)).body.code, path).toBe('API_KEY')
    }
    expect((await api.server('GET', '/v1/inbox')).body.code).toBe('NO_TOKEN')
  })
})
