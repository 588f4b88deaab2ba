import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
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

describe.each([
  ['memory', () => ({ redis: `memory:${randomUUID()}` })],
  ['Redis', () => ({ redis: redis.url, namespace: randomUUID() })],
])("what Centrifugo's server API takes, on %s", (_where, place) => {
  async function open(connection = place(), limits = {}): Promise<TestApi> {
    const api = await openApi({ connection, channelPrefix: `${randomUUID()}:`, limits })
    ending.push(() => api.close())
    return api
  }

  const history = (pattern: string) => ({ [pattern]: { history: { maxCount: 100 } } })

  test('takes what client libraries send as empty, and refuses what it would not obey', async () => {
    const api = await open()
    await api.bus.policies.apply(history('kept'))
    const empty = { tags: {}, b64data: '', skip_history: false, idempotency_key: '', delta: false, version: 0 }
    expect(await api.call('publish', { channel: 'c', data: 1, ...empty })).toEqual({ result: {} })
    const refused: [string, object][] = [
      ['publish', { channel: 'c', data: 1, tags: { a: 'b' } }],
      ['publish', { channel: 'kept', data: 1, skip_history: true }],
      ['publish', { channel: 'c', b64data: '@' }],
      ['publish', { channel: 7, data: 1 }],
      ['publish', { data: 1 }],
      ['broadcast', { channels: [], data: 1 }],
      ['history', { channel: 'kept', limit: 1.5 }],
      ['disconnect', { user: 'u1', client: 'one' }],
      ['disconnect', { user: '' }],
      ['disconnect', { user: 'a{b}' }],
      ['disconnect', { user: 'u1', disconnect: { code: 1_000 } }],
      ['disconnect', { user: 'u1', disconnect: { code: 4_000, reason: 'x'.repeat(124) } }],
      ['refresh', { user: 'u1' }],
      ['subscribe', { user: 'u1', channel: 'c', expire_at: 1 }],
      ['unsubscribe', { user: 'u1' }],
      ['batch', { commands: {} }],
    ]
    for (const [method, body] of refused) {
      const answer = await api.call(method, body)
      expect(answer, `${method} ${JSON.stringify(body)}`).toEqual({
        error: { code: 107, message: expect.stringMatching(/^bad request: /) },
      })
    }
    expect(api.errors).toEqual([])
  })

  test('lets nobody speak on the channels of the inside', async () => {
    const api = await open()
    const channel = `${api.bus.connection.namespace}:anything`
    const denied = { error: { code: 103, message: 'permission denied' } }
    expect(await api.call('publish', { channel, data: 1 })).toEqual(denied)
    expect(await api.call('subscribe', { user: 'u1', channel })).toEqual(denied)
    expect(await api.call('history', { channel })).toEqual(denied)
  })

  test('takes no message that is larger than its clients may send', async () => {
    const api = await open(place(), { messageBytes: 100 })
    expect(await api.call('publish', { channel: 'c', data: 'x'.repeat(98) })).toEqual({ result: {} })
    const tooLarge = { error: { code: 106, message: 'limit exceeded' } }
    expect(await api.call('publish', { channel: 'c', data: 'x'.repeat(99) })).toEqual(tooLarge)
  })

  test('wants a key, by either header, and any body that is JSON', async () => {
    const api = await open()
    const body = JSON.stringify({ channel: 'c', data: 1 })
    for (const headers of [{ 'x-api-key': API_KEY }, { authorization: `apikey ${API_KEY}` }]) {
      // What curl sends by itself.
      const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' }
      expect((await api.ask('POST', '/api/publish', { body, headers: form })).body).toEqual({ result: {} })
    }
    const wrong = [{}, { 'x-api-key': `${API_KEY}x` }, { 'x-api-key': '' }, { authorization: `Bearer ${API_KEY}` }]
    for (const headers of wrong) {
      const { status, body: answer } = await api.ask('POST', '/api/publish', { body, headers })
      expect([status, answer.code]).toEqual([401, 'API_KEY'])
      expect(JSON.stringify(answer)).not.toContain(API_KEY)
    }
    const { status } = await api.ask('POST', `/api/publish?api_key=${API_KEY}`, { body })
    expect(status).toBe(401)
    const broken = await api.ask('POST', '/api/publish', { body: '{"channel"', headers: { 'x-api-key': API_KEY } })
    expect([broken.status, broken.body.code]).toEqual([400, 'INVALID_JSON'])
  })
})
