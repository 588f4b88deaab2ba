import type { Centrifuge } from 'centrifuge'
import { ClientError, toClientError } from './client-error.ts'
import { EventChannel, type EventGap, type EventListener } from './event-channel.ts'
import { readEvent } from './event-data.ts'
import type { Reports } from './reports.ts'
import { type Publication, placeOf, positionAt } from './sdk.ts'
import type { DataArgument, Event, EventTypeOf, InputOf } from './server-types.ts'

/**
 * An event as a client gets it. Its data is what was emitted: clients run no schema, so it is what a schema takes, not
 * what one makes of it.
 */
export type ClientEvent<Events, Type extends EventTypeOf<Events>> = Event<
  string extends keyof Events ? string : Type,
  InputOf<Events, Type>
>

export interface EventOptions {
  /**
   * Takes what this client cannot be given on channels with history, and on others that the gateway may have missed
   * something: load anew what is shown. That the client itself was away is said by its status.
   */
  readonly onGap?: ((gap: EventGap) => unknown) | undefined
}

/** A handler's place. */
export interface ClientSubscription {
  /** Resolves once the gateway has taken it, rejects where it refuses. Nobody has to wait for it. */
  readonly ready: Promise<void>
  /** The handler gets nothing from the call on. Idempotent. */
  unsubscribe(): void
  [Symbol.dispose](): void
}

export interface HistoryOptions {
  /** The most events. Default 100; a gateway gives at most 1,000 at once. */
  readonly limit?: number | undefined
  /** A position: right after it, or with `reverse` right before. */
  readonly since?: string | undefined
  /** Newest first. */
  readonly reverse?: boolean | undefined
}

/** Events of the server's bus. */
export class ClientEvents<Events> {
  readonly #sdk: Centrifuge
  readonly #prefix: string
  readonly #reports: Reports
  readonly #channels = new Map<string, EventChannel>()
  #closed: ClientError | undefined

  constructor(sdk: Centrifuge, prefix: string, reports: Reports) {
    this.#sdk = sdk
    this.#prefix = prefix
    this.#reports = reports
  }

  /**
   * Calls the handler with each event of a type, from the moment on in which the gateway has taken the subscription, and
   * across reconnects: on a channel with history nothing is missed, or told to `onGap`.
   */
  on<Type extends EventTypeOf<Events>>(
    type: Type,
    handler: (event: ClientEvent<Events, Type>) => unknown,
    { onGap }: EventOptions = {},
  ): ClientSubscription {
    return this.#listen(type, { onEvent: handler as (event: Event) => unknown, onGap, onEnd: () => {} })
  }

  /** The next event of a type. Rejects where the gateway refuses, and when the client is closed before. */
  once<Type extends EventTypeOf<Events>>(
    type: Type,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<ClientEvent<Events, Type>> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        subscription.unsubscribe()
        reject(new ClientError('ABORTED', `Waiting for "${type}" was aborted.`, { cause: signal?.reason }))
      }
      const subscription = this.#listen(type, {
        onEvent: (event) => {
          signal?.removeEventListener('abort', abort)
          subscription.unsubscribe()
          resolve(event as ClientEvent<Events, Type>)
        },
        onGap: undefined,
        onEnd: (error) => {
          signal?.removeEventListener('abort', abort)
          reject(error)
        },
      })
      if (signal?.aborted) abort()
      else signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Events that were kept, oldest first. Rejects with `NOT_AVAILABLE` where nothing is kept. */
  async history<Type extends EventTypeOf<Events>>(
    type: Type,
    { limit = 100, since, reverse = false }: HistoryOptions = {},
  ): Promise<ClientEvent<Events, Type>[]> {
    const channel = this.#prefix + type
    const place = since === undefined ? undefined : placeOf(since)
    if (since !== undefined && place === undefined) {
      throw new ClientError('INVALID_OPTION', 'The option "since" must be the position of an event.')
    }
    const result = await this.#call(channel, () =>
      this.#sdk.history(channel, { limit, reverse, ...(place && { since: place }) }),
    )
    const events: Event[] = []
    for (const { data, offset, epoch = result.epoch } of result.publications as Publication[]) {
      try {
        events.push(readEvent(data, channel, positionAt(offset, epoch)))
      } catch (error) {
        this.#reports.error(toClientError(error, channel))
      }
    }
    return events as ClientEvent<Events, Type>[]
  }

  /** Emits an event, where the gateway's rules let this user publish. Its time is by this device's clock. */
  async emit<Type extends EventTypeOf<Events>>(
    type: Type,
    ...[data]: DataArgument<InputOf<Events, Type>>
  ): Promise<void> {
    const channel = this.#prefix + type
    const event = { type, timestamp: new Date().toISOString(), data: data === undefined ? null : data }
    await this.#call(channel, () => this.#sdk.publish(channel, event))
  }

  /** The client has been closed. */
  close(error: ClientError): void {
    this.#closed = error
    for (const channel of [...this.#channels.values()]) channel.end(error)
  }

  #listen(type: string, listener: EventListener): ClientSubscription {
    if (this.#closed) {
      const ready = Promise.reject(this.#closed)
      ready.catch(() => {})
      listener.onEnd(this.#closed)
      return { ready, unsubscribe: () => {}, [Symbol.dispose]: () => {} }
    }
    const channel = this.#channels.get(type) ?? this.#open(type)
    channel.add(listener)
    const unsubscribe = () => channel.remove(listener)
    return { ready: channel.ready, unsubscribe, [Symbol.dispose]: unsubscribe }
  }

  #open(type: string): EventChannel {
    const channel: EventChannel = new EventChannel(this.#sdk, this.#prefix + type, type, this.#reports, () => {
      if (this.#channels.get(type) === channel) this.#channels.delete(type)
    })
    this.#channels.set(type, channel)
    return channel
  }

  async #call<Result>(channel: string, call: () => Promise<Result>): Promise<Result> {
    if (this.#closed) throw this.#closed
    try {
      return await call()
    } catch (cause) {
      throw toClientError(cause, channel)
    }
  }
}
