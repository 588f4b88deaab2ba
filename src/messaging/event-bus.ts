import { randomUUID } from 'node:crypto'
import { type UsedConnection, useConnection } from '../connection/connect.ts'
import type { Connection } from '../connection/connection.ts'
import { assertPattern } from '../core/channel-name.ts'
import { TidingsError } from '../core/errors.ts'
import { escapeGlob } from '../core/glob.ts'
import { replyChannel, requestChannel } from '../core/keys.ts'
import type { Policies } from '../core/policy.ts'
import { readPolicies } from '../core/policy-match.ts'
import { settledWithin } from '../core/settled-within.ts'
import type { AppendOptions, Receipt } from './append.ts'
import { BusPolicies } from './bus-policies.ts'
import { BusReports, type BusStatus } from './bus-reports.ts'
import type { Event } from './event.ts'
import {
  assertErrorHandler,
  assertHandler,
  type EventBusOptions,
  type HandlerOptions,
  type OnceOptions,
  OWN_OPTIONS,
  type RequestOptions,
  readPrefix,
  type StreamOptions,
} from './event-bus-options.ts'
import { EventCatalog, type EventPlace } from './event-catalog.ts'
import { type HistoryOptions, type HistorySource, readEvents, type StoredEvent } from './event-history.ts'
import { EventListeners, type ListenTo, release } from './event-listeners.ts'
import type {
  DataArgument,
  EventOf,
  EventSource,
  InputOf,
  MatchingEvents,
  MatchingTypes,
  RequestArguments,
  UntypedEvents,
  UsefulPattern,
} from './event-map.ts'
import { EventSender } from './event-sender.ts'
import type { EventStream } from './event-stream.ts'
import { historyOfPattern, historyOfType } from './history-source.ts'
import { Publisher } from './publisher.ts'
import { type ReplayOptions, type ReplayResult, replayEvents } from './replay.ts'
import { Requests } from './requests.ts'
import { Responder } from './responder.ts'
import type { SinceOptions } from './since-options.ts'
import { Subscriber } from './subscriber.ts'
import type { Subscription } from './subscription.ts'
import { handlerFailure, Topics } from './topics.ts'
import { Waits } from './waits.ts'

const DEFAULT_REQUEST_TIMEOUT_MS = 5_000

/**
 * Events between programs, over Redis Pub/Sub: live, at most once, in the order in which one bus emitted them. An
 * event type is a channel's name without the bus's prefix; any string is one, `error` too.
 *
 * What it carries is told by the `events` option, which has every event checked when it is emitted and again when it
 * is received; or by a type argument alone, `new EventBus<{ 'order.created': Order }>()`, which nothing checks; or
 * by nobody: then data is `unknown`. A definition made by `defineEvent` works on every bus.
 *
 * Methods never throw but reject, with a TidingsError; after `close()` with `CLOSED`. Handlers are not waited for.
 */
export class EventBus<Events extends object = UntypedEvents> {
  readonly publisher: Publisher
  readonly subscriber: Subscriber
  readonly channelPrefix: string
  /** What is kept of which event types. */
  readonly policies: BusPolicies
  readonly #used: UsedConnection
  readonly #namespace: string
  readonly #catalog: EventCatalog
  readonly #sender: EventSender
  readonly #reports: BusReports
  readonly #waits: Waits = new Waits()
  readonly #requests: Requests
  readonly #topics: Topics
  readonly #listeners: EventListeners
  /** The policies that Redis has not yet been found to hold. */
  #declared: Policies | undefined
  #ended = false
  #closing: Promise<void> | undefined

  /** @throws TidingsError `UNKNOWN_OPTION`, `INVALID_OPTION`, `INVALID_EVENT_TYPE` */
  constructor(options: EventBusOptions<Events> = {}) {
    this.#used = useConnection(options, OWN_OPTIONS, 'EventBus')
    const channelPrefix = readPrefix(options)
    const { namespace } = this.#used.connection
    const { events, onError, maxBytes, policies } = options
    if (policies !== undefined) this.#declared = readPolicies(policies)
    assertErrorHandler(onError)
    this.channelPrefix = channelPrefix
    this.#namespace = namespace
    const { eventLog, pubSub } = this.#used.connection
    this.policies = new BusPolicies(eventLog, channelPrefix, () => pubSub.readPolicies())
    this.#catalog = new EventCatalog(channelPrefix, events)
    const logger = this.#used.hasLogger ? this.#used.logger : undefined
    const shared = { redis: this.#used.connection, ...(logger && { logger }) }
    this.publisher = new Publisher(maxBytes === undefined ? shared : { ...shared, maxBytes })
    this.subscriber = new Subscriber(shared)
    this.#sender = new EventSender(this.publisher)
    this.#reports = new BusReports(onError, logger)
    this.#topics = new Topics({
      pubSub,
      failed: (topic, name, cause) => this.#reports.handlerFailed(handlerFailure(topic, name, cause)),
      closed,
    })
    this.#listeners = new EventListeners(this.#topics, this.#reports, this.#waits)
    this.#requests = new Requests({
      replyChannel: replyChannel(namespace, randomUUID()),
      subscriber: this.subscriber,
      waits: this.#waits,
      invalid: (error) => this.#reports.error(error),
    })
    // The other errors there are the connection's, which `status` tells as well.
    this.subscriber.on('error', (error) => {
      if (error.code === 'HANDLER_FAILED') this.#reports.handlerFailed(error)
    })
    this.subscriber.on('status', (status) => {
      if (status.kind === 'closed') this.#end()
      this.#reports.connection(status)
    })
  }

  /** What this bus works on, to share with others. */
  get connection(): Connection {
    return this.#used.connection
  }

  /**
   * Sends an event to whoever listens now, and resolves to the number of subscribers that Redis handed it to.
   * Data is checked against the event's schema and sent as it was given, not as the schema would change it.
   * Rejects, and sends nothing, with `INVALID_EVENT` (the issues are in the context) or `INVALID_EVENT_TYPE`, and
   * else as `Publisher.publish` does.
   */
  emit<Source extends EventSource<Events>>(
    source: Source,
    ...[data]: DataArgument<InputOf<Events, Source>>
  ): Promise<number> {
    return this.#agreed(() => this.#sender.send(this.#catalog.find(source), data))
  }

  /**
   * Keeps an event in its channel's log and sends it, as one step; resolves when it is in the log. Rejects as `emit`
   * does, and with `NO_HISTORY` where the policy of the event type keeps none.
   */
  append<Source extends EventSource<Events>>(
    source: Source,
    ...[data, options = {}]: RequestArguments<InputOf<Events, Source>, AppendOptions>
  ): Promise<Receipt> {
    return this.#agreed(() => this.#sender.append(this.#catalog.find(source), data, options))
  }

  /**
   * The kept events of a type, or of all types that match a pattern (a string with `*`, `?` or `[`), oldest first. It
   * ends with what was the last event when reading began. Types of their own logs are merged by time.
   */
  history<Source extends EventSource<Events>>(
    source: Source,
    options?: HistoryOptions,
  ): AsyncGenerator<StoredEvent<EventOf<Events, Source>>, void, undefined>
  history<const Pattern extends string>(
    pattern: Pattern & UsefulPattern<Events, Pattern>,
    options?: HistoryOptions,
  ): AsyncGenerator<StoredEvent<MatchingEvents<Events, Pattern>>, void, undefined>
  history(source: unknown, options: HistoryOptions = {}): AsyncGenerator<StoredEvent, void, undefined> {
    return readEvents(this.#kept(source), options)
  }

  /**
   * Gives the kept events of a type, or of all types that match a pattern, to a handler, one after the other: each is
   * waited for before the next. It ends with what was the last event when it began. A handler that fails ends it with
   * `HANDLER_FAILED`; whatever stops it early, `context.since` of the error is the option to go on with, as far as it
   * is known, and `context.events` counts what is done.
   */
  replay<Source extends EventSource<Events>>(
    source: Source,
    handler: (event: StoredEvent<EventOf<Events, Source>>) => unknown,
    options?: ReplayOptions,
  ): Promise<ReplayResult>
  replay<const Pattern extends string>(
    pattern: Pattern & UsefulPattern<Events, Pattern>,
    handler: (event: StoredEvent<MatchingEvents<Events, Pattern>>) => unknown,
    options?: ReplayOptions,
  ): Promise<ReplayResult>
  async replay(
    source: unknown,
    handler: (event: never) => unknown,
    options: ReplayOptions = {},
  ): Promise<ReplayResult> {
    return replayEvents(this.#kept(source), handler as (event: StoredEvent) => unknown, options)
  }

  /**
   * Calls the handler for each event of a type. Resolves once Redis has confirmed: what is emitted from then on
   * arrives while the connection lives. Handlers without a schema share the event's data: do not change it.
   */
  async on<Source extends EventSource<Events>>(
    source: Source,
    handler: (event: EventOf<Events, Source>) => unknown,
    options: HandlerOptions & SinceOptions = {},
  ): Promise<Subscription> {
    assertHandler(handler)
    const place = this.#find(source)
    if (this.#declared !== undefined) await this.#agree()
    return this.#listeners.listen(channel(place), options, {
      placeOf: () => place,
      deliver: (event) => handler(event as EventOf<Events, Source>),
    })
  }

  /**
   * Calls the handler for each event whose type matches a Redis glob, such as `order.*`, with the type that its
   * channel says. Resolves once Redis has confirmed.
   */
  async onPattern<const Pattern extends string>(
    pattern: Pattern & UsefulPattern<Events, Pattern>,
    handler: (type: MatchingTypes<Events, Pattern>, event: MatchingEvents<Events, Pattern>) => unknown,
    options: HandlerOptions & SinceOptions = {},
  ): Promise<Subscription> {
    assertHandler(handler)
    const to = this.#pattern(pattern)
    if (this.#declared !== undefined) await this.#agree()
    return this.#listeners.listen(to, options, {
      placeOf: (channel) => this.#catalog.received(channel),
      deliver: (event, { type }) => (handler as (type: string, event: Event) => unknown)(type, event),
    })
  }

  /**
   * The first valid event of a type from the moment that Redis has confirmed. Rejects with `ABORTED` (the signal's
   * reason is the cause), `TIMEOUT`, or `CLOSED`; however it ends it leaves no subscription.
   */
  async once<Source extends EventSource<Events>>(
    source: Source,
    { signal, timeoutMs }: OnceOptions = {},
  ): Promise<EventOf<Events, Source>> {
    const { type, channel } = this.#find(source)
    const wait = this.#waits.start<EventOf<Events, Source>>(signal, {
      ms: timeoutMs,
      error: () =>
        new TidingsError('TIMEOUT', `No event "${type}" came within ${timeoutMs} ms.`, { context: { channel, type } }),
    })
    const listening = this.on(source, wait.resolve)
    listening.catch(wait.reject)
    try {
      return await wait.promise
    } finally {
      release(listening)
    }
  }

  /**
   * The events of a type as an async iterator; resolves once Redis has confirmed. Leaving the loop, disposing, and
   * aborting the signal unsubscribe. A reader that is too slow loses what its `buffer` cannot hold, or fails with
   * `OVERFLOW`, as `overflow` says: the stream's `dropped` counts it and `status()` tells it.
   */
  async subscribe<Source extends EventSource<Events>>(
    source: Source,
    options: StreamOptions = {},
  ): Promise<EventStream<EventOf<Events, Source>>> {
    const place = this.#find(source)
    if (this.#declared !== undefined) await this.#agree()
    return this.#listeners.stream<EventOf<Events, Source>>(channel(place), () => place, options)
  }

  /** {@link subscribe} for all events whose type matches a Redis glob. */
  async subscribePattern<const Pattern extends string>(
    pattern: Pattern & UsefulPattern<Events, Pattern>,
    options: StreamOptions = {},
  ): Promise<EventStream<MatchingEvents<Events, Pattern>>> {
    const placeOf = (channel: string) => this.#catalog.received(channel)
    const to = this.#pattern(pattern)
    if (this.#declared !== undefined) await this.#agree()
    return this.#listeners.stream<MatchingEvents<Events, Pattern>>(to, placeOf, options)
  }

  /**
   * What goes on in the background, from this call until the bus is closed. Each reader gets all of it; one that is
   * a thousand reports behind loses the oldest.
   */
  status(): AsyncIterableIterator<BusStatus, undefined> & AsyncDisposable {
    return this.#reports.read()
  }

  /**
   * Asks whoever replies to a type, and resolves to what the first reply says, unchecked. Every responder gets the
   * request and later replies are dropped, so asking should change nothing.
   * Rejects with `NO_RESPONDER` at once where nobody listens, `REQUEST_TIMEOUT`, `REPLY_FAILED` with the message of
   * what the responder threw, `ABORTED`, or `CLOSED`; and as `emit` does.
   */
  async request<Source extends EventSource<Events>>(
    source: Source,
    ...[data, options = {}]: RequestArguments<InputOf<Events, Source>, RequestOptions>
  ): Promise<unknown> {
    const place = this.#findRequest(source)
    const { timeoutMs = DEFAULT_REQUEST_TIMEOUT_MS, signal } = options
    return this.#requests.ask(place, signal, timeoutMs, async (extra) => this.#sender.send(place, data, extra))
  }

  /**
   * Replies to requests of a type with what the handler returns or its promise resolves to, as JSON. Requests
   * travel on channels of their own; `on` does not see them. Every responder gets every request, so that a reply
   * should only read. What the handler throws is reported here, and its message is told to who asked.
   */
  async reply<Source extends EventSource<Events>>(
    source: Source,
    handler: (event: EventOf<Events, Source>) => unknown,
    options: HandlerOptions = {},
  ): Promise<Subscription> {
    assertHandler(handler)
    const place = this.#findRequest(source)
    const report = (error: TidingsError) => this.#reports.error(error, options.onError)
    const responder = new Responder({
      namespace: this.#namespace,
      publisher: this.publisher,
      handler: (request) => handler(request as EventOf<Events, Source>),
      report,
    })
    return this.#listeners.listen(channel(place), options, {
      placeOf: () => place,
      deliver: (request, _place, message) => responder.answer(request, place, message),
      failed: (error, message) => responder.refuse(error, message),
    })
  }

  /**
   * Ends every stream, rejects whoever waits with `CLOSED`, sends what was emitted before, and closes what this bus
   * opened. Takes at most a few seconds also when Redis is away. Idempotent, never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#end()
    // Responders that are at work may still reply, so the publisher goes last.
    await Promise.all([settledWithin([this.#sender.idle(), ...this.#topics.close()]), this.subscriber.close()])
    await Promise.all([this.publisher.close(), this.#used.owned ? this.#used.connection.close() : undefined])
    this.#reports.connection({ kind: 'closed' })
  }

  #end(): void {
    this.#ended = true
    this.#waits.rejectAll(closed())
    this.#listeners.end()
  }

  /** Does it now or, where policies are still to be compared, then. */
  #agreed<T>(act: () => Promise<T>): Promise<T> {
    try {
      this.#assertOpen()
      return this.#declared === undefined ? act() : this.#agree().then(act)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Calls that wait here go on in their order. */
  async #agree(): Promise<void> {
    if (this.#declared === undefined) return
    await this.policies.assertHeld(this.#declared)
    this.#declared = undefined
    this.#assertOpen()
  }

  #assertOpen(): void {
    if (this.#ended) throw closed()
  }

  #find(source: unknown): EventPlace {
    this.#assertOpen()
    return this.#catalog.find(source)
  }

  /** Where the kept events of a type are, or of a pattern. */
  #kept(source: unknown): HistorySource {
    const parts = {
      connection: this.#used.connection,
      ready: () => this.#agree(),
      invalid: (error: TidingsError) => this.#reports.error(error),
    }
    if (typeof source !== 'string' || !/[*?[]/.test(source)) return historyOfType(parts, this.#find(source))
    return historyOfPattern(parts, this.#pattern(source).name, (channel) => this.#catalog.received(channel))
  }

  /** Where requests of a type travel. */
  #findRequest(source: unknown): EventPlace {
    const place = this.#find(source)
    return { ...place, channel: requestChannel(this.#namespace, place.channel) }
  }

  #pattern(pattern: string): ListenTo {
    this.#assertOpen()
    assertPattern(pattern)
    return { kind: 'pattern', name: escapeGlob(this.channelPrefix) + pattern }
  }
}

function channel({ channel: name }: EventPlace): ListenTo {
  return { kind: 'channel', name }
}

function closed(): TidingsError {
  return new TidingsError('CLOSED', 'This event bus has been closed.')
}
