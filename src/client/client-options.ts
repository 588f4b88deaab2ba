import type { Options, TransportEndpoint } from 'centrifuge'
import { UnauthorizedError } from 'centrifuge'
import { ClientError } from './client-error.ts'

export type ClientTransport = 'websocket' | 'http_stream' | 'sse'

export interface ClientOptions {
  /** Where the gateway is: `https://live.example.com`, or in a browser a path of the page's own origin. */
  readonly url: string
  /** The token to begin with. */
  readonly token?: string | undefined
  /**
   * Gives a token, at first where there is no `token` and whenever one has expired. `null` says that nobody is signed
   * in any more, which closes the client; a failure is tried again.
   */
  readonly getToken?: (() => string | null | Promise<string | null>) | undefined
  /** What the channel of an event type begins with. Default `events:`, as of the bus. */
  readonly prefix?: string | undefined
  /**
   * What is tried, in this order. Default: WebSocket, then HTTP streaming, then, for a client without a token,
   * Server-Sent Events: an EventSource sends no header, so the SDK would put the token into the URL, which servers log.
   */
  readonly transports?: readonly ClientTransport[] | undefined
  /** The constructor of WebSockets where there is no global one: `ws` on Node 20. */
  readonly websocket?: unknown
  readonly fetch?: unknown
  readonly eventSource?: unknown
  /** Milliseconds for a connection attempt and for each call. Default 5,000. */
  readonly timeoutMs?: number | undefined
  /** The waits between attempts to connect, in milliseconds: random, and longer each time. Default 500 and 20,000. */
  readonly minReconnectDelayMs?: number | undefined
  readonly maxReconnectDelayMs?: number | undefined
  /**
   * Takes what no call rejects with: handlers that failed, messages that are no events, subscriptions that were refused,
   * and attempts to connect that failed. Without it, all but the last are written to the console.
   */
  readonly onError?: ((error: ClientError) => unknown) | undefined
}

/** The addresses of a gateway. */
export function endpointsOf(url: string): Record<ClientTransport | 'emulation', string> {
  const page = (globalThis as { location?: { href?: string } }).location?.href
  let base: URL
  try {
    base = new URL(url, page)
  } catch (cause) {
    throw new ClientError('INVALID_OPTION', 'The option "url" must be the address of a gateway.', { cause })
  }
  const secure = base.protocol === 'https:' || base.protocol === 'wss:'
  if (!secure && base.protocol !== 'http:' && base.protocol !== 'ws:') {
    throw new ClientError('INVALID_OPTION', 'The option "url" must begin with http, https, ws or wss.')
  }
  const path = base.pathname.replace(/\/(connection\/websocket\/?)?$/, '')
  const at = (scheme: string, rest: string) => `${scheme}${secure ? 's' : ''}://${base.host}${path}/${rest}`
  return {
    websocket: at('ws', 'connection/websocket'),
    http_stream: at('http', 'connection/http_stream'),
    sse: at('http', 'connection/sse'),
    emulation: at('http', 'emulation'),
  }
}

/** The arguments of the SDK. */
export function sdkOptions(options: ClientOptions): { endpoints: TransportEndpoint[]; settings: Partial<Options> } {
  const { url, token, getToken, websocket, fetch, eventSource } = options
  const { timeoutMs = 5_000, minReconnectDelayMs = 500, maxReconnectDelayMs = 20_000 } = options
  const secret = token !== undefined || getToken !== undefined
  const { transports = secret ? ['websocket', 'http_stream'] : ['websocket', 'http_stream', 'sse'] } = options
  const addresses = endpointsOf(url)
  const settings: Partial<Options> = {
    name: 'tidings',
    emulationEndpoint: addresses.emulation,
    timeout: timeoutMs,
    minReconnectDelay: minReconnectDelayMs,
    maxReconnectDelay: maxReconnectDelayMs,
    ...(token !== undefined && { token }),
    ...(websocket !== undefined && { websocket }),
    ...(fetch !== undefined && { fetch }),
    ...(eventSource !== undefined && { eventsource: eventSource }),
  }
  if (getToken !== undefined) {
    settings.getToken = async () => {
      const fresh = await getToken()
      if (fresh === null || fresh === '') throw new UnauthorizedError('nobody is signed in')
      return fresh
    }
  }
  return { endpoints: transports.map((transport) => ({ transport, endpoint: addresses[transport] })), settings }
}
