import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'

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

/** A Web request of one that Node's HTTP server has taken. */
export function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const host = incoming.headers.host ?? 'localhost'
  const url = new URL(incoming.url ?? '/', `http://${host}`)
  const headers = new Headers()
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!)
  }
  const { method = 'GET' } = incoming
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return new Request(url, {
    method,
    headers,
    signal,
    ...(hasBody && { body: incoming as unknown as ReadableStream<Uint8Array>, duplex: 'half' }),
  } as RequestInit)
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
  const gone = () => void reader.cancel().catch(() => {})
  outgoing.once('close', gone)
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done || outgoing.destroyed) break
      if (!outgoing.write(value)) await Promise.race([once(outgoing, 'drain'), once(outgoing, 'close')])
    }
  } catch {
    // The body failed on its way: the peer sees a response that breaks off.
    outgoing.destroy()
  } finally {
    outgoing.off('close', gone)
    outgoing.end()
  }
}
