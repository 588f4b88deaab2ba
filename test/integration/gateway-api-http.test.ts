import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { API_KEY, answerOf, openApi, type TestApi } from '../support/api.ts'

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function open(limits = {}): Promise<TestApi> {
  const api = await openApi({ connection: { redis: `memory:${randomUUID()}` }, limits })
  ending.push(() => api.close())
  return api
}

const OWN = 'https://app.example.com'
const FOREIGN = 'https://evil.example.com'

async function withOrigins(): Promise<TestApi> {
  const api = await open()
  api.gatekeeper.allowsOrigin = ((origin?: string) => origin === undefined || origin === OWN) as () => boolean
  return api
}

const cors = (headers: Headers) => [...headers.keys()].filter((name) => name.startsWith('access-control-'))

describe('pages of other origins', () => {
  test('may ask what users may, if they are allowed', async () => {
    const api = await withOrigins()
    const headers = { authorization: 'Bearer user:u1', origin: OWN }
    const { status, headers: answered } = await api.ask('GET', '/v1/inbox', { headers })
    expect(status).toBe(200)
    expect(answered.get('access-control-allow-origin')).toBe(OWN)
    expect(answered.get('vary')).toBe('origin')
    // They also learn what went wrong.
    const failed = await api.ask('GET', '/v1/inbox?x=1', { headers })
    expect([failed.status, failed.headers.get('access-control-allow-origin')]).toEqual([400, OWN])
    // Who is no page is not concerned.
    expect(cors((await api.user('u1', 'GET', '/v1/inbox')).headers)).toEqual([])
  })

  test('are told before they send', async () => {
    const api = await withOrigins()
    const preflight = (path: string, origin: string) =>
      api.ask('OPTIONS', path, { headers: { origin, 'access-control-request-method': 'PUT' } })
    const { status, headers } = await preflight('/v1/inbox/preferences', OWN)
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe(OWN)
    expect(headers.get('access-control-allow-methods')).toBe('GET, PUT, OPTIONS')
    expect(headers.get('access-control-allow-headers')).toContain('idempotency-key')
    expect((await preflight('/v1/inbox/topics/snooze', OWN)).headers.get('access-control-allow-methods')).toContain(
      'PUT',
    )
    const refused = await preflight('/v1/inbox/preferences', FOREIGN)
    expect([refused.status, cors(refused.headers)]).toEqual([403, []])
  })

  test('change nothing if they are not allowed', async () => {
    const api = await withOrigins()
    await api.server('POST', '/v1/users/u1/notifications', { type: 'info', title: 'x', message: '' })
    const refused = await api.ask('POST', '/v1/inbox/read-all', {
      body: {},
      headers: { authorization: 'Bearer user:u1', origin: FOREIGN },
    })
    expect([refused.status, refused.body.code, cors(refused.headers)]).toEqual([403, 'ORIGIN_NOT_ALLOWED', []])
    expect((await api.user('u1', 'GET', '/v1/inbox/counts')).body.counts.unread).toBe(1)
  })

  test('have no business with what servers do', async () => {
    const api = await withOrigins()
    for (const path of ['/v1/events/e', '/api/publish']) {
      const asked = await api.ask('OPTIONS', path, { headers: { origin: OWN } })
      expect([asked.status, cors(asked.headers)], path).toEqual([405, []])
      const body = { channel: 'c', data: 1 }
      const sent = await api.ask('POST', path, { body, headers: { origin: OWN, 'x-api-key': API_KEY } })
      expect(cors(sent.headers), path).toEqual([])
    }
  })
})

describe('bodies', () => {
  test('are refused where they are too large, whether they say so or not', async () => {
    const api = await open({ messageBytes: 1_000 })
    const data = 'x'.repeat(6_000)
    for (const path of ['/v1/events/e', '/api/publish']) {
      const { status, body, headers } = await api.server('POST', path, { data })
      expect([status, body.code, body.maxBytes], path).toEqual([413, 'BODY_TOO_LARGE', 5_096])
      expect(headers.get('connection')).toBe('close')
    }
    // Of one that does not say, no more is read than is needed to know.
    let sent = 0
    let cancelled = false
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1
        controller.enqueue(new Uint8Array(1_000).fill(32))
      },
      cancel: () => {
        cancelled = true
      },
    })
    const endless = new Request('http://gateway/v1/events/e', {
      method: 'POST',
      headers: { 'x-api-key': API_KEY, 'content-type': 'application/json' },
      body: stream,
      duplex: 'half',
    } as RequestInit)
    expect((await api.gateway.fetch(endless)).status).toBe(413)
    expect(sent).toBeLessThan(10)
    // And who sends it is told.
    expect(cancelled).toBe(true)
  })

  test('of several messages may be larger', async () => {
    const api = await open({ messageBytes: 1_000 })
    const command = { publish: { channel: 'c', data: 'x'.repeat(900) } }
    const { replies } = await api.call('batch', { commands: Array(500).fill(command) })
    expect(replies).toEqual(Array(500).fill({ publish: {} }))
    const { status } = await api.server('POST', '/api/batch', { commands: Array(2_000).fill(command) })
    expect(status).toBe(413)
  })

  test('have to be JSON, and say so', async () => {
    const api = await open()
    const post = async (body: string, type = 'application/json') => {
      const headers = { 'content-type': type }
      const answer = await api.server('POST', '/v1/events/e', body, headers)
      return [answer.status, answer.body.code]
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', '']) {
      expect(await post('{}', type), type).toEqual([415, 'NOT_JSON'])
    }
    expect(await post('{}', 'Application/JSON; charset=utf-8')).toEqual([200, undefined])
    expect(await post('{"data":')).toEqual([400, 'INVALID_JSON'])
    const request = new Request('http://gateway/v1/events/e', {
      method: 'POST',
      headers: { 'x-api-key': API_KEY, 'content-type': 'application/json' },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    })
    expect((await answerOf(await api.gateway.fetch(request))).body.code).toBe('INVALID_JSON')
  })

  test('of any shape break nothing', async () => {
    const api = await open()
    const deep = '['.repeat(30_000) + ']'.repeat(30_000)
    for (const body of [
      deep,
      `{"data":${deep}}`,
      `{"channel":"c","data":${deep}}`,
      '{"constructor":{"prototype":{}}}',
      '""',
    ]) {
      for (const path of [
        '/v1/events/e',
        '/v1/users/u1/notifications',
        '/api/publish',
        '/api/batch',
        '/api/broadcast',
      ]) {
        const { status } = await api.server('POST', path, body)
        expect(status, `${path} ${body.slice(0, 40)}`).toBeLessThan(500)
      }
    }
    expect(api.errors).toEqual([])
  })
})

test('nothing is cached, and nothing is taken for something else', async () => {
  const api = await open()
  const answers = [
    await api.user('u1', 'GET', '/v1/inbox'),
    await api.ask('GET', '/v1/inbox'),
    await api.user('u1', 'PUT', '/v1/inbox/topics/t'),
    await api.server('POST', '/api/info', {}),
    await api.ask('GET', '/openapi.json'),
    await api.ask('GET', '/nothing'),
    await api.ask('PUT', '/v1/inbox'),
  ]
  expect(answers.map(({ status }) => status)).toEqual([200, 401, 204, 200, 200, 404, 405])
  for (const { headers, status } of answers) {
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    if (status >= 400) expect(headers.get('content-type')).toBe('application/problem+json')
  }
})

test('what is our fault is reported, and not told', async () => {
  const api = await open()
  const secret = new Error('redis://:password@10.0.0.1 is on fire')
  api.gateway.node.presence.stats = () => Promise.reject(secret)
  api.notifications.counts = () => Promise.reject(secret)
  expect(await api.call('presence_stats', { channel: 'c' })).toEqual({
    error: { code: 100, message: 'internal server error' },
  })
  const { status, body } = await api.user('u1', 'GET', '/v1/inbox/counts')
  expect([status, body.code]).toEqual([500, 'INTERNAL'])
  expect(JSON.stringify(body)).not.toContain('fire')
  expect(api.errors.map((error) => (error as Error).cause)).toEqual([secret, secret])
})

test('without keys there is nothing for servers', async () => {
  const { apiRoutes } = await import('../../src/gateway/api/api-routes.ts')
  const api = await openApi({
    connection: { redis: `memory:${randomUUID()}` },
    routes: (node) => apiRoutes(node),
  })
  ending.push(() => api.close())
  expect((await api.server('POST', '/api/publish', { channel: 'c', data: 1 })).status).toBe(404)
  expect((await api.server('POST', '/v1/events/e', {})).status).toBe(404)
  expect((await api.user('u1', 'GET', '/v1/inbox')).status).toBe(200)
  const { body } = await api.ask('GET', '/openapi.json')
  expect(Object.keys(body.paths).filter((path) => !path.startsWith('/v1/inbox'))).toEqual([])
})

describe('over a socket', () => {
  test('answers as it does without', async () => {
    const api = await open()
    const base = `http://127.0.0.1:${api.port}`
    const headers = { 'x-api-key': API_KEY, 'content-type': 'application/json' }
    const body = JSON.stringify({ type: 'info', title: 'Grüße 🌍', message: 'x'.repeat(50_000) })
    const sent = await fetch(`${base}/v1/users/%C3%BC/notifications`, { method: 'POST', headers, body })
    expect((await answerOf(sent)).body.outcome).toBe('stored')
    expect((await api.notifications.list('ü')).notifications).toMatchObject([{ title: 'Grüße 🌍' }])
    const tooLarge = await fetch(`${base}/v1/events/e`, { method: 'POST', headers, body: `"${'x'.repeat(80_000)}"` })
    expect((await answerOf(tooLarge)).body.code).toBe('BODY_TOO_LARGE')
  })

  test('a body that breaks off is nobody’s fault', async () => {
    const api = await open()
    const socket = connect(api.port, '127.0.0.1')
    await once(socket, 'connect')
    const got = once(api.httpServer, 'request')
    socket.write(
      `POST /v1/events/e HTTP/1.1\r\nHost: x\r\nX-API-Key: ${API_KEY}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"data"`,
    )
    const [incoming] = await got
    socket.destroy()
    await new Promise((resolve) => incoming.once('close', resolve))
    await api.ask('GET', '/health/live')
    expect(api.errors).toEqual([])
  })
})
