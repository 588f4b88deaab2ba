import type { ConnectionOptions } from '../connection/options.ts'
import { TidingsError } from '../core/errors.ts'
import type { Policies } from '../core/policy.ts'
import type { BufferOptions } from './buffered-stream.ts'
import type { ErrorHandler } from './bus-reports.ts'
import type { SchemasOnly, UntypedEvents } from './event-map.ts'
import type { SinceOptions } from './since-options.ts'

export type EventBusOptions<Events extends object = UntypedEvents> = ConnectionOptions & {
  /**
   * The bus's event types, each with a Standard Schema (zod, valibot, arktype …) or its own definition. The bus then
   * has no other types: what comes with another type, or does not fit, goes to `onError` and never to a handler.
   */
  readonly events?: (Events & SchemasOnly<Events>) | undefined
  /** What stands before an event type to make it a channel. Default `events:`; may be empty. */
  readonly channelPrefix?: string | undefined
  /**
   * The policies that this program counts on, by patterns over event types. They change nothing: where Redis holds
   * others, the bus's calls reject with `POLICY_MISMATCH` until they agree. `bus.policies.apply()` sets them.
   */
  readonly policies?: Policies | undefined
  /** Takes trouble that belongs to no call, where a handler has no `onError` of its own. */
  readonly onError?: ErrorHandler | undefined
  /** The most bytes an event may have, as it travels. Default 65,536. */
  readonly maxBytes?: number | undefined
}

/** The options that are the bus's own, beside those of its connection. */
export const OWN_OPTIONS = ['events', 'channelPrefix', 'policies', 'onError', 'maxBytes'] as const

export interface HandlerOptions {
  /** Takes the failures of this handler, and what it could not be given, in place of the bus's `onError`. */
  readonly onError?: ErrorHandler | undefined
}

export interface OnceOptions {
  /** Rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until it rejects with `TIMEOUT`. Default: none. */
  readonly timeoutMs?: number | undefined
}

export interface StreamOptions extends BufferOptions, SinceOptions {
  /** Ends the stream at once. */
  readonly signal?: AbortSignal | undefined
}

export interface RequestOptions {
  /** Rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until it rejects with `REQUEST_TIMEOUT`. Default 5,000. */
  readonly timeoutMs?: number | undefined
}

/** @throws TidingsError `INVALID_OPTION` */
export function readPrefix({ channelPrefix = 'events:' }: EventBusOptions<object>): string {
  if (typeof channelPrefix === 'string' && channelPrefix.isWellFormed()) return channelPrefix
  throw new TidingsError('INVALID_OPTION', 'The option "channelPrefix" must be a string of well-formed Unicode.')
}

/** @throws TidingsError `INVALID_OPTION` */
export function assertErrorHandler(onError: unknown): asserts onError is ErrorHandler | undefined {
  if (onError === undefined || typeof onError === 'function') return
  throw new TidingsError('INVALID_OPTION', 'The option "onError" must be a function.')
}

/** @throws TidingsError `INVALID_HANDLER` */
export function assertHandler(handler: unknown): asserts handler is (...args: never[]) => unknown {
  if (typeof handler === 'function') return
  throw new TidingsError('INVALID_HANDLER', 'A handler must be a function.')
}
