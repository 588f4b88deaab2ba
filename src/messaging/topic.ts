import { type ProcessContext, processChannel, receiveChannel } from '../core/diagnostics.ts'
import type { Gap, GapListener } from '../core/gap.ts'
import type { Message, MessageFormat } from '../core/message.ts'
import type { SubscriptionKind } from '../core/pub-sub.ts'
import type { TailHandle } from '../log/tail-handle.ts'

/** Called with `(channel, message)` or `(pattern, channel, message)`; of a log's entry its position follows. */
export type AnyHandler = (...args: never[]) => unknown

/** One handler's place. */
export interface Place {
  readonly handler: AnyHandler
  readonly as: MessageFormat
  readonly onGap: GapListener | undefined
  active: boolean
}

/** Who is told what a handler's run came to. */
export interface TopicOwner {
  /** A handler is running that will settle later. */
  running(promise: Promise<unknown>): void
  failed(topic: Topic, channel: string, cause: unknown): void
}

/** What one subscriber does with one channel or pattern: the handlers, and the single subscription under them. */
export class Topic {
  /**
   * Of the only place, which most topics have. What each message needs stands first and lies open: thousands of
   * topics do not stay in the processor's cache.
   */
  #single: AnyHandler | undefined
  #as: MessageFormat = 'json'
  readonly name: string
  readonly kind: SubscriptionKind
  readonly #owner: TopicOwner
  readonly #pattern: string | undefined
  /** Grows at its end, and is replaced when one goes, so that both may happen while a message is handed round. */
  #places: Place[] = []
  /** Resolves when the first handler's subscription is confirmed. */
  subscribed: Promise<TailHandle> | undefined

  constructor(kind: SubscriptionKind, name: string, owner: TopicOwner) {
    this.kind = kind
    this.name = name
    this.#owner = owner
    this.#pattern = kind === 'pattern' ? name : undefined
  }

  get size(): number {
    return this.#places.length
  }

  add(place: Place): void {
    // The first by a list of its own length: one that has grown has room for many more.
    if (this.#places.length === 0) this.#places = [place]
    else this.#places.push(place)
    this.#noteSingle()
  }

  /** Takes one handler's place away, all of that handler's, or all. From now on it gets nothing. */
  remove(which?: Place | AnyHandler): void {
    const goes = (place: Place) => which === undefined || place === which || place.handler === which
    for (const place of this.#places) if (goes(place)) place.active = false
    this.#places = this.#places.filter((place) => place.active)
    this.#noteSingle()
  }

  #noteSingle(): void {
    const [first] = this.#places
    this.#single = this.#places.length === 1 ? first?.handler : undefined
    if (first !== undefined) this.#as = first.as
  }

  deliver(message: Message): void {
    if (receiveChannel.hasSubscribers) this.#traced(message)
    else this.#hand(message)
  }

  /** Tells of entries that no handler here can be given. */
  gap(gap: Gap): void {
    for (const { active, onGap } of this.#places) {
      if (!active || onGap === undefined) continue
      try {
        onGap(gap)
      } catch (error) {
        this.#owner.failed(this, gap.log, error)
      }
    }
  }

  #hand(message: Message): void {
    const traced = processChannel.hasSubscribers
    const single = this.#single
    if (single !== undefined) {
      this.#run(single, this.#as, message, traced)
      return
    }
    const places = this.#places
    const count = places.length
    for (let i = 0; i < count; i += 1) {
      const { active, handler, as } = places[i]!
      if (active) this.#run(handler, as, message, traced)
    }
  }

  #traced(message: Message): void {
    const context = {
      channel: message.channel,
      bytes: message.bytes.byteLength,
      pattern: this.#pattern,
      handlers: this.#places.length,
    }
    receiveChannel.start.publish(context)
    this.#hand(message)
    receiveChannel.end.publish(context)
  }

  #run(handlerOfAny: AnyHandler, as: MessageFormat, message: Message, traced: boolean): void {
    const tracing = traced ? this.#startProcess(message) : undefined
    try {
      const handler = handlerOfAny as (...args: unknown[]) => unknown
      const payload = message.as(as)
      const { channel, positionText } = message
      const result =
        positionText === undefined
          ? this.kind === 'channel'
            ? handler(channel, payload)
            : handler(this.name, channel, payload)
          : this.kind === 'channel'
            ? handler(channel, payload, positionText)
            : handler(this.name, channel, payload, positionText)
      if (isThenable(result)) this.#settleLater(message, result, tracing)
      else if (tracing) processChannel.asyncEnd.publish(tracing)
    } catch (error) {
      this.#failed(message, error, tracing)
    } finally {
      if (tracing) processChannel.end.publish(tracing)
    }
  }

  #settleLater(message: Message, result: PromiseLike<unknown>, tracing: ProcessContext | undefined): void {
    const settled = Promise.resolve(result).then(
      () => tracing && processChannel.asyncEnd.publish(tracing),
      (error: unknown) => this.#failed(message, error, tracing),
    )
    this.#owner.running(settled)
  }

  #failed(message: Message, error: unknown, tracing: ProcessContext | undefined): void {
    if (tracing) {
      tracing.error = error
      processChannel.error.publish(tracing)
      processChannel.asyncEnd.publish(tracing)
    }
    this.#owner.failed(this, message.channel, error)
  }

  #startProcess(message: Message): ProcessContext {
    const context: ProcessContext = { channel: message.channel, pattern: this.#pattern, error: undefined }
    processChannel.start.publish(context)
    return context
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
