import type { ClientSession } from '../client-session.ts'
import type { GatewayNode } from '../gateway-node.ts'
import { readText } from '../http/body-text.ts'
import { HttpFailure } from '../http/problem.ts'
import type { HttpContext, HttpRoute } from '../http/route.ts'
import { crossOrigin } from './cross-origin.ts'
import { assertWelcome, onGone, readObject, streamResponse, toClientRequest } from './stream-request.ts'
import { encodeEvent, encodeLines, StreamTransport } from './stream-transport.ts'

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** What the body of an emulated command has beside the command. */
const ENVELOPE_BYTES = 1_024

/**
 * Centrifuge's fallbacks for where WebSocket does not get through: what the server sends comes in one response that goes
 * on, as lines or as server-sent events; each thing that the client sends is a request, which any node may get.
 */
export function emulationRoutes(node: GatewayNode): readonly HttpRoute[] {
  const { frameBytes } = node.limits

  const open = (context: HttpContext, name: 'http_stream' | 'sse', commands: string, contentType: string): Response => {
    const clientRequest = toClientRequest(context, name)
    assertWelcome(node, clientRequest)
    if (context.request.method === 'HEAD') return streamResponse(null, contentType)
    let session: ClientSession | undefined
    const encode = name === 'sse' ? encodeEvent : encodeLines
    const transport = new StreamTransport(name, encode, () => session?.ended())
    session = node.open(clientRequest, transport)
    onGone(context.request, () => transport.body.gone())
    session.receive(commands)
    return streamResponse(transport.body.stream, contentType)
  }

  return crossOrigin(node, [
    {
      method: 'POST',
      path: '/connection/http_stream',
      handle: async (context) => {
        if (context.request.headers.get('content-type')?.includes('octet-stream')) {
          throw new HttpFailure(415, 'Unsupported Media Type', 'This speaks JSON.', 'INVALID_BODY')
        }
        // A body costs nothing before it is read.
        assertWelcome(node, toClientRequest(context, 'http_stream'))
        return open(context, 'http_stream', await readText(context.request, frameBytes), 'application/x-ndjson')
      },
    },
    {
      method: 'GET',
      path: '/connection/sse',
      handle: (context) =>
        open(context, 'sse', context.url.searchParams.get('cf_connect') ?? '', 'text/event-stream; charset=utf-8'),
    },
    {
      method: 'POST',
      path: '/emulation',
      handle: async ({ request }) => {
        // The command is a string of JSON in JSON: each of its quotes takes two bytes.
        const { session, node: nodeId, data } = await readObject(request, 2 * frameBytes + ENVELOPE_BYTES)
        // What comes from outside never becomes a part of a channel's name as it is.
        if (!isUuid(session) || !isUuid(nodeId) || typeof data !== 'string') {
          throw new HttpFailure(400, 'Bad Request', 'It needs "session", "node" and "data".', 'INVALID_BODY')
        }
        if (!(await node.control.emulate(nodeId, session, data))) {
          throw new HttpFailure(404, 'Not Found', 'There is no such node.', 'UNKNOWN_NODE')
        }
        return new Response(null, { status: 204 })
      },
    },
  ])
}

function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value)
}
