import type { ClientError, Disconnect } from './codes.ts'

/**
 * Centrifuge's client protocol, version 2, as JSON: commands and replies, one a line. Source: the public protocol
 * definition of Centrifuge (client.proto) and its documentation.
 */

/** How far a reader has come: of a log, `offset` is the number of the entry, `epoch` `<epoch>.<gen>` of the position. */
export interface StreamPosition {
  readonly offset?: number
  readonly epoch?: string
}

export interface ConnectRequest {
  readonly token?: string
  readonly data?: unknown
  readonly name?: string
  readonly version?: string
  readonly subs?: Readonly<Record<string, StreamPosition & { readonly recover?: boolean }>>
}

export interface SubscribeRequest extends StreamPosition {
  readonly channel: string
  readonly token?: string
  readonly recover?: boolean
  readonly data?: unknown
  readonly positioned?: boolean
  readonly recoverable?: boolean
  readonly join_leave?: boolean
}

/** A command of a client: one of these members. Without an id it wants no reply; an empty one is a pong. */
export interface Command {
  readonly id?: number
  readonly connect?: ConnectRequest
  readonly subscribe?: SubscribeRequest
  readonly unsubscribe?: { readonly channel: string }
  readonly publish?: { readonly channel: string; readonly data: unknown }
  readonly presence?: { readonly channel: string }
  readonly presence_stats?: { readonly channel: string }
  readonly history?: {
    readonly channel: string
    readonly limit?: number
    readonly since?: StreamPosition
    readonly reverse?: boolean
  }
  readonly send?: { readonly data: unknown }
  readonly rpc?: { readonly method: string; readonly data?: unknown }
  readonly refresh?: { readonly token: string }
  readonly sub_refresh?: { readonly channel: string; readonly token: string }
  readonly ping?: unknown
}

export interface ClientInfo {
  readonly user: string
  readonly client: string
  readonly conn_info?: unknown
  readonly chan_info?: unknown
}

export interface Publication {
  readonly data: unknown
  readonly offset?: number
  readonly epoch?: string
  readonly info?: ClientInfo
}

export interface SubscribeResult extends StreamPosition {
  readonly recoverable?: boolean
  readonly positioned?: boolean
  readonly recovered?: boolean
  readonly was_recovering?: boolean
  readonly publications?: readonly Publication[]
  readonly data?: unknown
  readonly expires?: boolean
  readonly ttl?: number
}

export interface ConnectResult {
  readonly client: string
  readonly version: string
  readonly expires?: boolean
  readonly ttl?: number
  readonly data?: unknown
  readonly subs?: Readonly<Record<string, SubscribeResult>>
  /** Seconds between the server's pings. */
  readonly ping?: number
  /** The client is to answer them. */
  readonly pong?: boolean
  /** For the emulation of a two-way transport. */
  readonly session?: string
  readonly node?: string
}

export interface Reply {
  readonly id: number
  readonly error?: ClientError
  readonly connect?: ConnectResult
  readonly subscribe?: SubscribeResult
  readonly unsubscribe?: Record<string, never>
  readonly publish?: Record<string, never>
  readonly presence?: { readonly presence: Readonly<Record<string, ClientInfo>> }
  readonly presence_stats?: { readonly num_clients: number; readonly num_users: number }
  readonly history?: StreamPosition & { readonly publications: readonly Publication[] }
  readonly rpc?: { readonly data: unknown }
  readonly refresh?: {
    readonly client: string
    readonly version: string
    readonly expires: boolean
    readonly ttl?: number
  }
  readonly sub_refresh?: { readonly expires: boolean; readonly ttl?: number }
}

export interface Push {
  readonly push: { readonly channel?: string } & (
    | { readonly pub: Publication }
    | { readonly join: { readonly info: ClientInfo } }
    | { readonly leave: { readonly info: ClientInfo } }
    | { readonly unsubscribe: Disconnect }
    | { readonly subscribe: SubscribeResult }
    | { readonly message: { readonly data: unknown } }
    | { readonly disconnect: Disconnect }
  )
}
