import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ipOf, send, toRequest, urlOf } from '../../src/gateway/http/node-adapter.ts'
import { failureOf, INTERNAL, problem } from '../../src/gateway/http/problem.ts'

const asked = (url: string, host = 'app.example.com') => ({ url, headers: { host } }) as unknown as IncomingMessage

describe('the address of a request', () => {
  test('is what was asked for, at the host that it names', () => {
    expect(urlOf(asked('/v1/inbox?limit=1&x=%20'))?.href).toBe('http://app.example.com/v1/inbox?limit=1&x=%20')
    expect(urlOf(asked('/', '[::1]:8000'))?.href).toBe('http://[::1]:8000/')
    expect(urlOf(asked('/a%2Fb/%zz'))?.pathname).toBe('/a%2Fb/%zz')
  })

  test.each(['//', '//evil.example.com/x', '/\\evil.example.com', '///'])('is on this host, also for %s', (url) => {
    expect(urlOf(asked(url))?.host).toBe('app.example.com')
  })

  test.each(['*', 'http://evil.example.com/', '', 'x:', '?a'])('is none for %s', (url) => {
    expect(urlOf(asked(url))).toBeUndefined()
  })

  test.each(['a b', 'user:secret@host', 'host/path', '[', '', 'x?y', 'a\\b', '%'])('needs no good host: %s', (host) => {
    expect(urlOf(asked('/x', host))?.href).toMatch(/^http:\/\/[^/@]+\/x$/)
  })
})

test('only a proxy that is trusted says who the peer is, and only for itself', () => {
  const request = (forwarded?: string) =>
    ({ headers: { 'x-forwarded-for': forwarded }, socket: { remoteAddress: '10.0.0.1' } }) as unknown as IncomingMessage
  expect(ipOf(request('1.1.1.1, 2.2.2.2'), false)).toBe('10.0.0.1')
  expect(ipOf(request('1.1.1.1, 2.2.2.2'), true)).toBe('2.2.2.2')
  expect(ipOf(request(), true)).toBe('10.0.0.1')
})

/** As middleware does, which keeps the body or not. */
async function readBefore(incoming: IncomingMessage, as: string): Promise<void> {
  const body = await buffer(incoming)
  const kept = { json: () => JSON.parse(String(body)), text: () => String(body), raw: () => body }[as]
  Object.assign(incoming, { body: kept?.() })
}

describe('over a socket', () => {
  test.each(['json', 'text', 'raw'])('a body that middleware has read before is what it has kept: %s', async (as) => {
    const body = JSON.stringify({ name: 'Ada ☃', n: 1 })
    const headers = { 'content-type': 'application/json', 'x-read': as }
    const response = await fetch(`http://127.0.0.1:${port}/x`, { method: 'POST', body, headers })
    expect(await response.json()).toMatchObject({ body })
  })

  test.each(['nothing', 'json'])('a body that is lost is said to be: %s', async (as) => {
    const type = as === 'json' ? 'application/x-www-form-urlencoded' : 'application/json'
    const headers = { 'content-type': type, 'x-read': as }
    const response = await fetch(`http://127.0.0.1:${port}/x`, { method: 'POST', body: '{}', headers })
    expect([response.status, await response.json()]).toMatchObject([500, { code: 'BODY_READ' }])
  })

  let server: Server
  let port: number
  beforeAll(async () => {
    server = createServer((incoming, outgoing) => {
      const answer = async () => {
        try {
          const { 'x-read': before } = incoming.headers
          if (before !== undefined) await readBefore(incoming, String(before))
          const request = toRequest(incoming, new AbortController().signal)
          return Response.json({ url: request.url, body: await request.text() })
        } catch (error) {
          return problem(failureOf(error) ?? INTERNAL)
        }
      }
      void answer().then((response) => send(response, outgoing))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  afterAll(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  /** The status and body of what is answered to these very bytes. */
  async function raw(bytes: string): Promise<[number, string]> {
    const socket = connect(port, '127.0.0.1')
    socket.end(bytes)
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    return [Number(text.split(' ')[1]), text]
  }

  test.each([
    ['GET //', 200],
    ['GET /\\', 200],
    ['GET *', 400],
    ['GET http://u:p@x/', 400],
    ['TRACE /', 501],
    ['OPTIONS *', 400],
    ['PROPFIND /', 200],
    ['get /', 400],
  ])('nothing that a peer asks for is too much: %s', async (line, status) => {
    expect((await raw(`${line} HTTP/1.1\r\nHost: x y\r\nConnection: close\r\n\r\n`))[0]).toBe(status)
  })

  test('bytes that are no ASCII may be in headers', async () => {
    const [status] = await raw('GET / HTTP/1.1\r\nHost: h\xfc\r\nX-Name: \xe9\r\nConnection: close\r\n\r\n')
    expect(status).toBe(200)
  })

  test('a body arrives as it was sent', async () => {
    const body = '🌍'.repeat(50_000)
    const response = await fetch(`http://127.0.0.1:${port}/x`, { method: 'PUT', body })
    expect(((await response.json()) as { body: string }).body).toBe(body)
  })
})
