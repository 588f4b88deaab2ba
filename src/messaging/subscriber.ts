import { EventEmitter } from 'node:events'
import { type UsedConnection, useConnection } from '../connection/connect.ts'
import type { ConnectionOptions } from '../connection/options.ts'
import { assertChannel, assertPattern } from '../core/channel-name.ts'
import { TidingsError } from '../core/errors.ts'
import type { MessageFormat } from '../core/message.ts'
import type { SubscriptionKind } from '../core/pub-sub.ts'
import { settledWithin } from '../core/settled-within.ts'
import type { ConnectionStatus } from '../core/status.ts'
import { assertGapListener, readSince, type SinceOptions } from './since-options.ts'
import { type Subscription, subscription } from './subscription.ts'
import type { AnyHandler } from './topic.ts'
import { handlerFailure, type Placed, type PlaceOptions, Topics } from './topics.ts'
import { Unheard } from './unheard.ts'

export type SubscriberOptions = ConnectionOptions

/**
 * Gets a channel's messages; where the channel has history, each with its position. It may be asynchronous: runs are
 * not waited for, and may overlap.
 */
export type MessageHandler<Message = unknown> = (channel: string, message: Message, position?: string) => unknown

/** Gets the messages of the channels that match a pattern. */
export type PatternHandler<Message = unknown> = (
  pattern: string,
  channel: string,
  message: Message,
  position?: string,
) => unknown

export interface SubscribeOptions<Format extends MessageFormat = MessageFormat> extends SinceOptions {
  /**
   * How the handler wants its messages: `'json'` (default; text that is no JSON arrives as a string), `'text'`, or
   * `'bytes'`. A message is parsed once for all handlers, so what they get is shared: do not change it.
   */
  readonly as?: Format
}

/** What a subscriber emits beside calling handlers. */
export interface SubscriberEvents {
  /** A handler failed (`HANDLER_FAILED`, with `cause` and `context.channel`), or the connection is in trouble. */
  error: [error: TidingsError]
  /** Every subscription is back after a break; what was published meanwhile was missed. */
  interruption: [interruption: Extract<ConnectionStatus, { kind: 'interruption' }>]
  /** Every change of the connection's state. */
  status: [status: ConnectionStatus]
}

type Text<Format extends MessageFormat> = Format extends 'text' ? string : Uint8Array

/**
 * Calls handlers with the messages of channels and patterns: live, at most once, in each publisher's order.
 * Several handlers on one channel share one subscription. After a break it reconnects and subscribes again by
 * itself, and emits one `interruption`, because messages may have been missed.
 */
export class Subscriber extends EventEmitter<SubscriberEvents> {
  readonly #used: UsedConnection
  readonly #listening: Topics
  readonly #unheard: Unheard
  readonly #endStatus: () => void
  #closing: Promise<void> | undefined

  constructor(options: SubscriberOptions = {}) {
    super()
    this.#used = useConnection(options, [], 'Subscriber')
    this.#unheard = new Unheard(
      this.#used.hasLogger ? this.#used.logger : undefined,
      "Listen with subscriber.on('error', …), or give a logger, to hear of every failure.",
    )
    this.#listening = new Topics({
      pubSub: this.#used.connection.pubSub,
      failed: (topic, channel, cause) => this.#error(handlerFailure(topic, channel, cause)),
      closed,
    })
    this.#endStatus = this.#used.connection.pubSub.onStatus((status) => this.#onStatus(status))
  }

  /**
   * Calls `handler(channel, message)` for each message of a channel. Resolves once Redis has confirmed: what is
   * published from then on is delivered while the connection lives. A handler added while others listen costs no
   * call. A rejected call (`INVALID_CHANNEL`, `INVALID_HANDLER`, `NOT_CONNECTED`, `AUTH_FAILED`, `NO_PERMISSION`,
   * `TIMEOUT`, `CLOSED`; with `since` also `NO_HISTORY`) leaves nothing behind.
   */
  subscribe<Format extends 'text' | 'bytes'>(
    channel: string,
    handler: MessageHandler<Text<Format>>,
    options: SubscribeOptions<Format> & { readonly as: Format },
  ): Promise<Subscription>
  subscribe<Message = unknown>(
    channel: string,
    handler: MessageHandler<Message>,
    options?: SubscribeOptions<'json'>,
  ): Promise<Subscription>
  subscribe(channel: string, handler: AnyHandler, options: SubscribeOptions = {}): Promise<Subscription> {
    return this.#add('channel', channel, handler, options)
  }

  /**
   * Calls `handler(pattern, channel, message)` for each message on a channel that matches a Redis glob: `*`, `?`,
   * `[abc]`, `[^a]`, `[a-z]`, and `\` before a character that stands for itself. Otherwise as `subscribe`.
   */
  psubscribe<Format extends 'text' | 'bytes'>(
    pattern: string,
    handler: PatternHandler<Text<Format>>,
    options: SubscribeOptions<Format> & { readonly as: Format },
  ): Promise<Subscription>
  psubscribe<Message = unknown>(
    pattern: string,
    handler: PatternHandler<Message>,
    options?: SubscribeOptions<'json'>,
  ): Promise<Subscription>
  psubscribe(pattern: string, handler: AnyHandler, options: SubscribeOptions = {}): Promise<Subscription> {
    return this.#add('pattern', pattern, handler, options)
  }

  /** Takes one handler off a channel, or all of them. They get nothing from the call on. */
  async unsubscribe(channel: string, handler?: AnyHandler): Promise<void> {
    assertChannel(channel)
    this.#listening.remove('channel', channel, handler)
  }

  /** Takes one handler off a pattern, or all of them. */
  async punsubscribe(pattern: string, handler?: AnyHandler): Promise<void> {
    assertPattern(pattern)
    this.#listening.remove('pattern', pattern, handler)
  }

  /**
   * Stops deliveries at once, waits at most three seconds for handlers that are running, and closes the
   * connection unless it was handed in. Idempotent, never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const running = this.#listening.close()
    await settledWithin([...running, ...(this.#used.owned ? [this.#used.connection.close()] : [])])
    this.#endStatus()
  }

  #add(kind: SubscriptionKind, name: string, handler: AnyHandler, options: SubscribeOptions): Promise<Subscription> {
    try {
      return this.#listening.add(kind, name, handler, readOptions(kind, name, handler, options)).then(subscribed)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #onStatus(status: ConnectionStatus): void {
    if (status.kind === 'disconnected' || status.kind === 'error') {
      // The connection's own logger has it; without a listener here there is no more to say.
      if (this.listenerCount('error') > 0) this.#error(status.error)
    }
    if (status.kind === 'interruption') this.#tell('interruption', status)
    this.#tell('status', status)
  }

  #error(error: TidingsError): void {
    if (this.listenerCount('error') === 0) this.#unheard.report(error)
    else this.#tell('error', error)
  }

  /** A listener that throws must not stop deliveries, nor crash the process. */
  #tell<Name extends keyof SubscriberEvents>(name: Name, ...args: SubscriberEvents[Name]): void {
    try {
      ;(this.emit as (name: Name, ...args: SubscriberEvents[Name]) => boolean).call(this, name, ...args)
    } catch (cause) {
      this.#unheard.report(
        new TidingsError('HANDLER_FAILED', `A listener of the subscriber's "${name}" event failed.`, { cause }),
      )
    }
  }
}

function readOptions(
  kind: SubscriptionKind,
  name: string,
  handler: unknown,
  { as = 'json', since, onGap }: SubscribeOptions,
): PlaceOptions {
  if (kind === 'channel') assertChannel(name)
  else assertPattern(name)
  if (typeof handler !== 'function') {
    throw new TidingsError('INVALID_HANDLER', `The handler for the ${kind} "${name}" is no function.`)
  }
  if (as !== 'json' && as !== 'text' && as !== 'bytes') {
    throw new TidingsError('INVALID_OPTION', 'The option "as" must be "json", "text" or "bytes".')
  }
  assertGapListener(onGap)
  return { as, onGap, since: readSince(since) }
}

function subscribed({ release, handle }: Placed): Subscription {
  return subscription(release, handle.resumed)
}

function closed(): TidingsError {
  return new TidingsError('CLOSED', 'This subscriber has been closed.')
}
