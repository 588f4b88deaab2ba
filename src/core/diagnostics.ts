import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'

/**
 * What Tidings tells `node:diagnostics_channel` subscribers, as tracing channels. Metrics and traces hang on
 * these instead of being woven through the code; without subscribers they cost a check.
 *
 * - `tidings:publish`: `start` when a message is accepted, then `asyncEnd` (with `receivers`) or `error`.
 * - `tidings:receive`: `start` and `end` around handing one message to all its handlers.
 * - `tidings:process`: around one handler's run: `start`, `end`, `asyncEnd` when it has settled, and `error`.
 */
export interface PublishContext {
  readonly channel: string
  readonly bytes: number
  receivers: number | undefined
  error: unknown
}

export interface ReceiveContext {
  readonly channel: string
  readonly bytes: number
  /** Set when the message came by a pattern. */
  readonly pattern: string | undefined
  readonly handlers: number
}

export interface ProcessContext {
  readonly channel: string
  readonly pattern: string | undefined
  error: unknown
}

export const publishChannel: TracingChannel<PublishContext> = tracingChannel('tidings:publish')
export const receiveChannel: TracingChannel<ReceiveContext> = tracingChannel('tidings:receive')
export const processChannel: TracingChannel<ProcessContext> = tracingChannel('tidings:process')
