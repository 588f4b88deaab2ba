import type { ClientError } from '../protocol/codes.ts'
import type { Frames } from './frames.ts'

/** What came with a client's first request. */
export interface ClientRequest {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The peer, or what a trusted proxy says of it. */
  readonly ip: string
  readonly transport: TransportName
}

export type TransportName = 'websocket' | 'http_stream' | 'sse' | 'eventsource' | 'http'

/** Who a client is. */
export interface GatewayUser {
  /** Empty for one that nobody knows. */
  readonly userId: string
  readonly claims: Readonly<Record<string, unknown>>
  /** When that ends, unless it is refreshed; by this node's clock. */
  readonly expiresAtMs?: number | undefined
  /** Shown to others by presence, and when it joins or leaves. */
  readonly info?: unknown
  /** Channels that it is subscribed to by the server, beside its own. */
  readonly channels?: readonly string[] | undefined
}

/** What a channel allows, and how it behaves for clients. */
export interface ChannelRule {
  /** Positions are given out and missed publications recovered, where the channel has history. Default true. */
  readonly recover: boolean
  readonly presence: boolean
  readonly joinLeave: boolean
  /** What happens to a client that does not keep up: closed (default), or publications are left out. */
  readonly slow: 'close' | 'drop' | 'skip'
}

/** For what the server subscribes a client to where no rule says more. */
export const DEFAULT_RULE: ChannelRule = { recover: true, presence: false, joinLeave: false, slow: 'close' }

export type ChannelAction = 'subscribe' | 'publish' | 'history' | 'presence'

/** Thrown to tell a client why something failed. Anything else that is thrown is an internal error to it. */
export class ClientFailure extends Error {
  readonly error: ClientError

  constructor(error: ClientError, options?: ErrorOptions) {
    super(error.message, options)
    this.error = error
  }
}

/** Decides who somebody is and what they may do. A failure says which error the client gets. */
export interface Gatekeeper {
  /**
   * It never looks at the request, so that no headers are kept, which may be more than all else that a client takes.
   * Default false.
   */
  readonly byTokenAlone?: boolean | undefined
  /** @throws ClientFailure `unauthorized`, `tokenExpired` */
  connect(token: string | undefined, request: ClientRequest): Promise<GatewayUser>
  /** A token that allows one channel. @throws ClientFailure */
  subscription(
    token: string,
    channel: string,
    user: GatewayUser,
    clientId: string,
  ): Promise<{ readonly expiresAtMs?: number | undefined; readonly info?: unknown }>
  /** The rule of a channel; undefined where there is none: then nothing is allowed. */
  rule(channel: string): ChannelRule | undefined
  /** Whether a user may, by the rules or by the program's own word. */
  allows(action: ChannelAction, channel: string, user: GatewayUser): Promise<boolean>
  /** Whether a browser page of this origin may connect. */
  allowsOrigin(origin: string | undefined): boolean
}

/** What carries frames to one client. */
export interface Transport {
  readonly name: TransportName
  /** Must not throw. */
  write(frames: Frames): void
  /** Bytes that were written and that the network has not taken yet. */
  readonly bufferedBytes: number
  /** Tells the client why, and closes. Idempotent. */
  close(code: number, reason: string): void
}

/** Limits of one node; the defaults are those of docs/gateway.md. */
export interface GatewayLimits {
  /** The most bytes of a message that a client publishes. Default 65,536. */
  readonly messageBytes: number
  /** The most bytes of what a client sends at once. Default 69,632. */
  readonly frameBytes: number
  /** The most characters of a channel's name. Default 200. */
  readonly channelLength: number
  /** Default 128. */
  readonly channelsPerClient: number
  /** Bytes that wait for a client that does not read. Default 1,048,576. */
  readonly queueBytes: number
  /** Milliseconds after which a client that takes nothing is closed, to the next second. Default 8,000. */
  readonly slowMs: number
  /** Milliseconds for which a client may be connected without saying who it is. Default 10,000. */
  readonly authenticateMs: number
  /** Milliseconds between pings. Default 25,000. */
  readonly pingMs: number
  /** Milliseconds for the answer to one. Default 8,000. */
  readonly pongMs: number
  /** Default 20. */
  readonly connectionsPerUser: number
  /** Default 100. */
  readonly connectionsPerIp: number
  /** Commands of one client in a second, on average; at once twice as many, or all its channels. Default 50. */
  readonly commandsPerSecond: number
  /** Entries that are recovered at once; beyond, recovery goes on page by page. Default 1,000. */
  readonly recoverCount: number
}

export const DEFAULT_LIMITS: GatewayLimits = {
  messageBytes: 65_536,
  frameBytes: 69_632,
  channelLength: 200,
  channelsPerClient: 128,
  queueBytes: 1_048_576,
  slowMs: 8_000,
  authenticateMs: 10_000,
  pingMs: 25_000,
  pongMs: 8_000,
  connectionsPerUser: 20,
  connectionsPerIp: 100,
  commandsPerSecond: 50,
  recoverCount: 1_000,
}
