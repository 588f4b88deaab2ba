import type { IncomingMessage, ServerResponse } from 'node:http'
import { HttpFailure } from './problem.ts'

/** What `Request` refuses to be made with. */
const NEVER = ['CONNECT', 'TRACE', 'TRACK']

/** The address of the peer, or what the proxy before us says of it, where there is one that is to be believed. */
export function ipOf(request: IncomingMessage, trustProxy: boolean): string {
  const forwarded = trustProxy ? request.headers['x-forwarded-for'] : undefined
  // The last is what our own proxy has seen; those before it anybody may have written.
  const last = String(forwarded ?? '')
    .split(',')
    .at(-1)
    ?.trim()
  return last || request.socket.remoteAddress || ''
}

/** The address that a request asks for. Whatever a peer sends, this does not throw; undefined for what is none. */
export function urlOf({ url = '/', headers }: IncomingMessage): URL | undefined {
  // Only a path: `//` would begin a host, and a whole address may have a password.
  if (!url.startsWith('/')) return undefined
  for (const host of [headers.host ?? 'localhost', 'localhost']) {
    const base = `http://${host}`
    if (/[/?#@\\]/.test(host) || !URL.canParse(base)) continue
    const parsed = new URL(base)
    const at = url.search(/[?#]/)
    parsed.pathname = (at < 0 ? url : url.slice(0, at)).replace(/^[/\\]{2,}/, '/')
    parsed.search = at < 0 ? '' : url.slice(at).split('#')[0]!
    return parsed
  }
  return undefined
}

/**
 * A Web request of one that Node's HTTP server has taken. A body that middleware has read before is taken from where it
 * has put it.
 * @throws HttpFailure 400, 500, 501
 */
export function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const url = urlOf(incoming)
  if (url === undefined) throw new HttpFailure(400, 'Bad Request', 'The address cannot be.', 'INVALID_ADDRESS')
  const { method = 'GET' } = incoming
  if (NEVER.includes(method.toUpperCase())) {
    throw new HttpFailure(501, 'Not Implemented', `There is no ${method} here.`, 'METHOD_NOT_ALLOWED')
  }
  const headers = new Headers()
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!)
  }
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return new Request(url, {
    method,
    headers,
    signal,
    ...(hasBody && { body: bodyOf(incoming), duplex: 'half' }),
  } as RequestInit)
}

/** The body of a request. Whoever cancels it is sent no more of it, and can still be answered. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> | string | Uint8Array {
  if (incoming.readableDidRead) return bodyReadBefore(incoming)
  // By itself it would end the connection as well.
  const chunks = incoming.iterator({ destroyOnReturn: false })
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(value as Uint8Array)
      },
      async cancel() {
        await chunks.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

/** What `express.json()` and the like have left: JSON is as good as it was. */
function bodyReadBefore(incoming: IncomingMessage): string | Uint8Array {
  const { body } = incoming as { readonly body?: unknown }
  if (typeof body === 'string' || body instanceof Uint8Array) return body
  const isForm = /urlencoded|multipart/i.test(incoming.headers['content-type'] ?? '')
  if (body !== undefined && !isForm) return JSON.stringify(body)
  const detail = 'Something before the gateway has read the body of the request: let the gateway come before it.'
  throw new HttpFailure(500, 'Internal Server Error', detail, 'BODY_READ')
}

/** Sends a Web response, as fast as the peer takes it. A peer that goes ends the response's body. */
export async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.statusCode = response.status
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value)
  if (response.body === null || outgoing.req.method === 'HEAD') {
    outgoing.end()
    return
  }
  outgoing.flushHeaders()
  const reader = response.body.getReader()
  // A body that fails while the peer takes nothing ends the connection: the peer would never be asked again.
  reader.closed.catch(() => outgoing.destroy())
  let wake = () => {}
  outgoing.on('drain', () => wake())
  outgoing.once('close', () => {
    wake()
    reader.cancel().catch(() => {})
  })
  try {
    while (!outgoing.destroyed) {
      const { value, done } = await reader.read()
      if (done) break
      if (outgoing.write(value) || outgoing.destroyed) continue
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    if (outgoing.destroyed) await reader.cancel()
  } catch {
    // The body failed on its way: the peer sees a response that breaks off.
    outgoing.destroy()
  } finally {
    outgoing.end()
  }
}
