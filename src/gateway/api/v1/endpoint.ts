import type { HttpRoute } from '../../http/route.ts'
import type { JsonSchema } from './json-schema.ts'

/** What a request says. */
export interface Call {
  /** Of the path. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>>
  /** Of the token; empty where a server asks. */
  readonly userId: string
  readonly idempotencyKey: string | undefined
}

/** One thing that `/v1` does: what its route, its checks and its part of the OpenAPI document are made from. */
export interface Endpoint {
  readonly method: Exclude<HttpRoute['method'], 'OPTIONS'>
  /** As of a route. */
  readonly path: string
  /** Its name for generated clients. */
  readonly id: string
  readonly summary: string
  readonly tag: 'Events' | 'Notifications' | 'Inbox'
  /** Who may ask: other servers, by an API key; or the user of a token, about itself. */
  readonly by: 'server' | 'user'
  /** What each part of the path is that it names. */
  readonly params?: Readonly<Record<string, JsonSchema>>
  /** Texts and whole numbers; all of them may be left out, unless `required` says so. */
  readonly query?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  /** By `Idempotency-Key` it tells that it is made again. Other writes take one too: they may be made again anyway. */
  readonly keyed?: boolean
  readonly body?: { readonly schema: JsonSchema; readonly example: object }
  /** Without it there is nothing to say: 204. */
  readonly answer?: { readonly schema: JsonSchema; readonly example: unknown }
  /** Codes of problems that it has beside the usual ones, by status. */
  readonly problems?: Readonly<Record<number, string>>
  handle(call: Call): Promise<unknown>
}
