import type { ClientRequest, TransportName } from '../contract.ts'
import type { GatewayNode } from '../gateway-node.ts'
import { readText } from '../http/body-text.ts'
import { HttpFailure } from '../http/problem.ts'
import type { HttpContext } from '../http/route.ts'

/** No cache keeps any of it, and no proxy holds it back until there is more. */
const STREAM_HEADERS = { 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' }

export function toClientRequest({ request, ip }: HttpContext, transport: TransportName): ClientRequest {
  return { headers: Object.fromEntries(request.headers), ip, transport }
}

/** @throws HttpFailure where a client may not connect: its origin, too many of them, the end of the node */
export function assertWelcome(node: GatewayNode, request: Pick<ClientRequest, 'headers' | 'ip'>): void {
  const refusal = node.refusal(request)
  if (refusal === undefined) return
  const { status, reason } = refusal
  const titles: Readonly<Record<number, string>> = { 403: 'Forbidden', 429: 'Too Many Requests' }
  throw new HttpFailure(status, titles[status] ?? 'Service Unavailable', reason, 'REFUSED', { 'retry-after': '1' })
}

export function streamResponse(body: ReadableStream<Uint8Array> | null, contentType: string): Response {
  return new Response(body, { headers: { ...STREAM_HEADERS, 'content-type': contentType } })
}

/** Calls back when the peer is gone, also where nobody has begun to read the response. */
export function onGone({ signal }: Request, gone: () => void): void {
  if (signal.aborted) gone()
  else signal.addEventListener('abort', gone, { once: true })
}

/** An object of JSON. @throws HttpFailure */
export async function readObject(request: Request, maxBytes: number): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(request, maxBytes)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Said below.
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new HttpFailure(400, 'Bad Request', 'The body must be a JSON object.', 'INVALID_BODY')
}
