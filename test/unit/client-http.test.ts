import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createHttp, type Http, HttpError, type HttpOptions } from '../../src/http/index.ts'

interface Call {
  readonly url: string
  readonly method: string | undefined
  readonly headers: Record<string, string>
  readonly body: unknown
}

/** A `fetch` that answers one after the other, and what it was called with. */
function answering(...answers: (Response | Error)[]): { calls: Call[]; options: HttpOptions } {
  const calls: Call[] = []
  const fetch = async (url: string, init: RequestInit) => {
    const { method, headers, body } = init
    calls.push({ url, method, headers: headers as Record<string, string>, body: JSON.parse(body as string) })
    const answer = answers.shift()
    if (answer === undefined) throw new Error('Nothing more was to be asked.')
    if (answer instanceof Error) throw answer
    return answer
  }
  return { calls, options: { url: 'https://a.example/live/', apiKey: 'key', fetch: fetch as typeof globalThis.fetch } }
}

const json = (value: unknown, status = 200, type = 'application/json') =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': type } })
const problem = { type: 'about:blank', title: 'Conflict', status: 409, detail: 'nothing is kept', code: 'NO_HISTORY' }
const broken = () => new Response('<html>', { status: 502 })

it('has no client without a key, and asks for the variable', () => {
  for (const apiKey of [undefined, '']) {
    const making = () => createHttp({ url: 'https://a.example', apiKey })
    expect(making).toThrow(expect.objectContaining({ name: 'HttpError', code: 'INVALID_OPTION', status: 0 }))
    expect(making).toThrow('Is the environment variable set')
  }
})

describe('the calls over HTTP', () => {
  it('emit an event', async () => {
    const { calls, options } = answering(json({ receivers: 2 }))
    expect(await createHttp(options).emit('order.created', { n: 1 }, { idempotencyKey: 'k' })).toBe(2)
    expect(calls).toEqual([
      {
        url: 'https://a.example/live/v1/events/order.created',
        method: 'POST',
        headers: { authorization: 'apikey key', 'content-type': 'application/json', 'idempotency-key': 'k' },
        body: { data: { n: 1 } },
      },
    ])
  })

  it('append an event', async () => {
    const receipt = { position: '1-1@abc', receivers: 0, duplicate: false }
    const { calls, options } = answering(json(receipt))
    expect(await createHttp(options).append('a/b', undefined, { dedupeKey: 'd' })).toEqual(receipt)
    expect(calls).toMatchObject([
      { url: 'https://a.example/live/v1/events/a%2Fb', body: { data: null, append: true, dedupeKey: 'd' } },
    ])
  })

  it('send a notification', async () => {
    const sent = { outcome: 'stored', id: 'n1', receivers: 1 }
    const { calls, options } = answering(json(sent, 201))
    const notification = { type: 'info', title: 't', message: 'm', expiresAt: new Date(0) } as const
    expect(await createHttp(options).notify('a b', notification, { groupKey: 'g', idempotencyKey: 'k' })).toEqual(sent)
    expect(calls).toMatchObject([
      {
        url: 'https://a.example/live/v1/users/a%20b/notifications',
        headers: { 'idempotency-key': 'k' },
        body: { type: 'info', title: 't', message: 'm', expiresAt: '1970-01-01T00:00:00.000Z', groupKey: 'g' },
      },
    ])
    expect(calls[0]!.body).not.toHaveProperty('idempotencyKey')
  })

  it('send a broadcast', async () => {
    const sent = { id: 'b1', receivers: 3, duplicate: false }
    const { calls, options } = answering(json(sent))
    const notification = { type: 'info', title: 't', message: 'm', audience: 'staff' } as const
    const how = { idempotencyKey: 'k', dedupeWindowMs: 1_000 }
    expect(await createHttp(options).broadcast(notification, how)).toEqual(sent)
    expect(calls).toMatchObject([{ url: 'https://a.example/live/v1/broadcasts', headers: { 'idempotency-key': 'k' } }])
    expect(calls[0]!.body).toEqual({ ...notification, dedupeWindowMs: 1_000 })
  })

  it('have a key of their own each', async () => {
    const { calls, options } = answering(json({ receivers: 0 }), json({ receivers: 0 }))
    const http = createHttp(options)
    await http.emit('a', 1)
    await http.emit('a', 1)
    const [first, second] = calls.map(({ headers }) => headers['idempotency-key'])
    expect(first).toMatch(/^[0-9a-f-]{36}$/)
    expect(second).not.toBe(first)
  })
})

describe('a call over HTTP that fails', () => {
  it('rejects with the problem that the gateway told', async () => {
    const { options } = answering(json(problem, 409, 'application/problem+json'))
    const error = await createHttp(options)
      .append('a', 1)
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ status: 409, code: 'NO_HISTORY', title: 'Conflict', detail: 'nothing is kept' })
    expect((error as Error).message).toBe('Conflict: nothing is kept')
  })

  it.each([new Response('no', { status: 403 }), json([], 403), json(null, 403), json({ title: 1, code: 2 }, 403)])(
    'rejects alike where the answer is no problem document (%#)',
    async (answer) => {
      const { options } = answering(answer)
      await expect(createHttp(options).emit('a', 1)).rejects.toMatchObject({ status: 403, code: 'HTTP_403' })
    },
  )

  it.each<[string, (http: Http) => Promise<unknown>]>([
    ['append', (http) => http.append('a', 1)],
    ['notify', (http) => http.notify('ada', { type: 'info', title: 't', message: 'm' })],
    ['broadcast', (http) => http.broadcast({ type: 'info', title: 't', message: 'm' })],
  ])('is made again by %s with the same key, by which the gateway recognises it', async (_name, call) => {
    const { calls, options } = answering(new TypeError('offline'), broken(), json({ id: 'x' }))
    expect(await call(createHttp(options))).toEqual({ id: 'x' })
    expect(calls).toHaveLength(3)
    expect(new Set(calls.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
  })

  it('is made three times at most', async () => {
    const { calls, options } = answering(broken(), broken(), broken())
    await expect(createHttp(options).append('a', 1)).rejects.toMatchObject({ status: 502, code: 'HTTP_502' })
    expect(calls).toHaveLength(3)
  })

  it('is not made again by emit, which might do it twice', async () => {
    const { calls, options } = answering(new TypeError('offline'))
    await expect(createHttp(options).emit('a', 1)).rejects.toMatchObject({ status: 0, code: 'NO_ANSWER' })
    expect(calls).toHaveLength(1)
  })
})

describe('a gateway that does not answer', () => {
  async function silent(): Promise<string> {
    const server = createServer(() => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  it('is given up in time', async () => {
    const http = createHttp({ url: await silent(), apiKey: 'key', timeoutMs: 50 })
    await expect(http.append('a', 1)).rejects.toMatchObject({ status: 0, code: 'TIMEOUT' })
  })

  it('is given up when the call is aborted', async () => {
    const http = createHttp({ url: await silent(), apiKey: 'key' })
    const aborter = new AbortController()
    const call = http.append('a', 1, { signal: aborter.signal })
    aborter.abort()
    await expect(call).rejects.toMatchObject({ status: 0, code: 'ABORTED' })
  })
})
