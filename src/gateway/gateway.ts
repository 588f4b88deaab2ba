import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { TidingsError } from '../core/errors.ts'
import type { ClientRequest, TransportName } from './contract.ts'
import type { GatewayNode } from './gateway-node.ts'
import { type GatewayOptions, openNode } from './gateway-options.ts'
import { healthRoutes } from './health-routes.ts'
import { ipOf, send, toRequest, urlOf } from './http/node-adapter.ts'
import { failureOf, HttpFailure, problem } from './http/problem.ts'
import { Router } from './http/route.ts'
import { WebSocketTransports } from './websocket.ts'

const BAD_REQUEST = new HttpFailure(400, 'Bad Request', 'The request cannot be.', 'BAD_REQUEST')
const WEBSOCKET_PATH = '/connection/websocket'
/** Servers that a gateway is attached to: two would answer the same upgrade. */
const served = new WeakSet<Server>()

/** What a request can be given beside what it says itself. */
export interface FetchInfo {
  /** The address of the peer. Default: none, so that all share one limit. */
  readonly ip?: string | undefined
}

/** Carries events and notifications to browsers, apps and other services. Made by {@link createGateway}. */
export interface Gateway {
  readonly node: GatewayNode
  /** Resolves when other nodes know of this one and it can be sent commands. */
  readonly ready: Promise<void>
  /**
   * Serves a server's WebSocket upgrades, and its requests unless it has a handler of its own.
   * @throws TidingsError `INVALID_OPTION` where a gateway serves it already
   */
  attach(server: Server): void
  /** Answers a request of Node's HTTP server, of Express, or of whatever is like them. */
  handler(request: IncomingMessage, response: ServerResponse, next?: () => void): void
  /** Answers a Web request: everything but WebSocket. */
  fetch(request: Request, info?: FetchInfo): Promise<Response>
  /** Tells clients to connect elsewhere, over `drainMs` (default 5,000), and ends. Idempotent. */
  close(drainMs?: number): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens a gateway. It needs no web framework.
 * @throws TidingsError `UNKNOWN_OPTION`, `INVALID_OPTION`
 */
export function createGateway(options: GatewayOptions): Gateway {
  const { node, routes, trustProxy } = openNode(options)
  const router = new Router([...healthRoutes(node), ...routes])
  const websockets = new WebSocketTransports(node)
  const ready = node.start()
  ready.catch(node.report)

  const answer = async (request: Request, ip: string): Promise<Response> => {
    const url = new URL(request.url)
    const found = router.find(request.method, url.pathname)
    try {
      if ('allowed' in found) {
        if (found.allowed.length === 0)
          throw new HttpFailure(404, 'Not Found', `There is nothing at ${url.pathname}.`, 'NOT_FOUND')
        const allow = found.allowed.join(', ')
        throw new HttpFailure(405, 'Method Not Allowed', `This takes ${allow}.`, 'METHOD_NOT_ALLOWED', { allow })
      }
      return await found.route.handle({ request, url, ip, params: found.params })
    } catch (error) {
      const failure = failureOf(error)
      if (failure !== undefined) return problem(failure)
      node.report(error)
      return problem(new HttpFailure(500, 'Internal Server Error', 'It is our fault, and was noted.', 'INTERNAL'))
    }
  }

  const handler: Gateway['handler'] = (incoming, outgoing, next) => {
    const found = router.find(incoming.method ?? 'GET', urlOf(incoming)?.pathname ?? '')
    if (next !== undefined && 'allowed' in found && found.allowed.length === 0) {
      next()
      return
    }
    const gone = new AbortController()
    outgoing.once('close', () => gone.abort())
    const answered = async () => {
      let request: Request
      try {
        request = toRequest(incoming, gone.signal)
      } catch (error) {
        return problem(failureOf(error) ?? BAD_REQUEST)
      }
      return answer(request, ipOf(incoming, trustProxy))
    }
    answered()
      .then((response) => send(response, outgoing))
      .catch(node.report)
  }

  const upgrade = (incoming: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (urlOf(incoming)?.pathname !== WEBSOCKET_PATH) {
      // Nobody else will say that there is nothing.
      if (alone(incoming)) refuse(socket, { status: 404, reason: 'Not Found' })
      return
    }
    const request = clientRequest(incoming, trustProxy, 'websocket')
    const refusal = node.refusal(request)
    if (refusal === undefined) websockets.accept(incoming, socket, head, request)
    else refuse(socket, refusal)
  }

  /** Whether the gateway alone listens for upgrades on the server that a request has come to. */
  const alone = ({ socket }: IncomingMessage): boolean => {
    const { server } = socket as { readonly server?: Server }
    return server === undefined || server.listenerCount('upgrade') === 1
  }
  const attached: (() => void)[] = []
  let closing: Promise<void> | undefined
  const close = async (drainMs?: number): Promise<void> => {
    closing ??= (async () => {
      await node.close(drainMs)
      websockets.close()
      for (const detach of attached) detach()
    })()
    await closing
  }
  return {
    node,
    ready,
    attach(server) {
      if (served.has(server)) {
        throw new TidingsError('INVALID_OPTION', 'This server has a gateway already.', {
          hint: 'Attach a gateway once, and close one before another takes its place.',
        })
      }
      served.add(server)
      server.on('upgrade', upgrade)
      const own = server.listenerCount('request') === 0
      if (own) server.on('request', handler)
      attached.push(() => {
        served.delete(server)
        server.off('upgrade', upgrade)
        if (!own) return
        server.off('request', handler)
        // Whoever still has a connection is told, rather than left to wait.
        server.on('request', (_request, response) => {
          response.writeHead(503, { connection: 'close' }).end()
        })
      })
    },
    handler,
    fetch: (request, { ip = '' } = {}) => answer(request, ip),
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

function clientRequest(incoming: IncomingMessage, trustProxy: boolean, transport: TransportName): ClientRequest {
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(incoming.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return { headers, ip: ipOf(incoming, trustProxy), transport }
}

function refuse(socket: Duplex, { status, reason }: { readonly status: number; readonly reason: string }): void {
  socket.on('error', () => {})
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
