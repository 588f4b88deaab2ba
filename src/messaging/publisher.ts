import { type UsedConnection, useConnection } from '../connection/connect.ts'
import { type ConnectionOptions, count } from '../connection/options.ts'
import { assertChannel, assertEventType, assertPattern } from '../core/channel-name.ts'
import { type PublishContext, publishChannel } from '../core/diagnostics.ts'
import { TidingsError } from '../core/errors.ts'
import { settledWithin } from '../core/settled-within.ts'
import type { LoggedPubSub } from '../log/logged-pub-sub.ts'
import { type AppendOptions, type Receipt, readAppendOptions, receiptOf } from './append.ts'
import { encodeEvent } from './event.ts'
import { checkSize, encodePayload } from './payload.ts'

export type PublisherOptions = ConnectionOptions & {
  /** The most bytes a message may have, as it travels. Default 65,536. */
  readonly maxBytes?: number | undefined
}

const DEFAULT_MAX_BYTES = 65_536

const NO_OPTIONS = readAppendOptions({})
const receiversOf = ({ receivers }: { readonly receivers: number }) => receivers

/**
 * Publishes messages on channels: live, at most once. Calls made in one tick leave together and in order; each
 * promise settles with its own message's receivers or its own error. A message that cannot be sent at once waits
 * for the connection up to `commandTimeoutMs`; one that was sent is never sent again.
 */
export class Publisher {
  readonly #used: UsedConnection
  readonly #maxBytes: number
  /** Messages that have not settled; counted only where close() must wait for them itself. */
  #pending = 0
  #idle: (() => void) | undefined
  readonly #settled = (): void => {
    this.#pending -= 1
    if (this.#pending === 0) this.#idle?.()
  }
  #closing: Promise<void> | undefined

  constructor(options: PublisherOptions = {}) {
    this.#used = useConnection(options, ['maxBytes'], 'Publisher')
    this.#maxBytes = count('maxBytes', options.maxBytes, DEFAULT_MAX_BYTES, 1)
  }

  /**
   * Sends a string as it is, a `Uint8Array` as it is, and any other value as JSON.
   *
   * Resolves to the number of subscribers that Redis handed it to: connections, not people, and no sign that a
   * handler ran. Rejects, and sends nothing, with `INVALID_CHANNEL`, `INVALID_MESSAGE`, `MESSAGE_TOO_LARGE`,
   * `QUEUE_FULL`, `NOT_CONNECTED`, `NO_PERMISSION`, `AUTH_FAILED` or `CLOSED`. `CONNECTION_LOST` and `TIMEOUT` mean
   * that nobody knows whether it was sent.
   */
  publish(channel: string, message: unknown): Promise<number> {
    try {
      assertChannel(channel)
      return this.#send(channel, encodePayload(message, this.#maxBytes))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Keeps a message in its channel's log and publishes it, as one step. Resolves when it is in the log. A connection
   * that breaks meanwhile costs nothing and doubles nothing: it is tried until `commandTimeoutMs` has passed.
   * Rejects with `NO_HISTORY` where the channel's policy keeps none, `WRITE_REFUSED` where Redis stores nothing at
   * present, and else as `publish` does.
   */
  append(channel: string, message: unknown, options?: AppendOptions): Promise<Receipt> {
    try {
      assertChannel(channel)
      const read = options === undefined ? NO_OPTIONS : readAppendOptions(options)
      const payload = encodePayload(message, this.#maxBytes)
      const pubSub = this.#pubSub()
      const append = () => pubSub.append(channel, payload, read)
      const sent = publishChannel.hasSubscribers ? traced(channel, payload, append, receiversOf) : append()
      return this.#settling(sent).then(receiptOf)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Publishes `{ type, timestamp, data }`, the envelope that event buses read. Rejects as `publish` does. */
  publishEvent(channel: string, type: string, data?: unknown): Promise<number> {
    try {
      assertChannel(channel)
      assertEventType(type)
      const payload = encodeEvent(type, data)
      checkSize(payload, this.#maxBytes)
      return this.#send(channel, payload)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Number of subscribers of a channel. Subscribers by pattern are not counted. */
  async getChannelSubscribers(channel: string): Promise<number> {
    assertChannel(channel)
    const [subscribers] = await this.#pubSub().subscriberCounts([channel])
    return subscribers ?? 0
  }

  /** Channels with at least one subscriber, in no particular order. Subscribers by pattern are not counted. */
  async getActiveChannels(pattern = '*'): Promise<string[]> {
    assertPattern(pattern)
    return this.#pubSub().activeChannels(pattern)
  }

  /** Number of distinct patterns that anybody is subscribed to. */
  async getPatternCount(): Promise<number> {
    return this.#pubSub().patternCount()
  }

  /**
   * Accepts no more, and waits at most three seconds for what was accepted to go out. A connection of its own is then
   * closed, and the rest rejected with `CLOSED`; on one that was handed in the rest still goes out or times out by
   * itself. Idempotent, never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    if (this.#used.owned) await this.#used.connection.close()
    else if (this.#pending > 0) await settledWithin([new Promise<void>((resolve) => (this.#idle = resolve))])
  }

  #pubSub(): UsedConnection['connection']['pubSub'] {
    if (this.#closing) throw closed()
    return this.#used.connection.pubSub
  }

  #send(channel: string, payload: string | Uint8Array): Promise<number> {
    const pubSub = this.#pubSub()
    if (publishChannel.hasSubscribers) return this.#settling(tracedPublish(pubSub, channel, payload))
    return this.#settling(pubSub.publish(channel, payload))
  }

  #settling<T>(sent: Promise<T>): Promise<T> {
    if (!this.#used.owned) {
      this.#pending += 1
      sent.then(this.#settled, this.#settled)
    }
    return sent
  }
}

/** A function of its own: one that makes closures makes them a context at each call, whether they are made or not. */
function tracedPublish(pubSub: LoggedPubSub, channel: string, payload: string | Uint8Array): Promise<number> {
  return traced(channel, payload, () => pubSub.publish(channel, payload), Number)
}

function traced<T>(
  channel: string,
  payload: string | Uint8Array,
  send: () => Promise<T>,
  receiversOf: (result: T) => number,
): Promise<T> {
  const context: PublishContext = { channel, bytes: Buffer.byteLength(payload), receivers: undefined, error: undefined }
  publishChannel.start.publish(context)
  const sent = send()
  sent.then(
    (result) => {
      context.receivers = receiversOf(result)
      publishChannel.asyncEnd.publish(context)
    },
    (error: unknown) => {
      context.error = error
      publishChannel.error.publish(context)
      publishChannel.asyncEnd.publish(context)
    },
  )
  return sent
}

function closed(): TidingsError {
  return new TidingsError('CLOSED', 'This publisher has been closed.')
}
