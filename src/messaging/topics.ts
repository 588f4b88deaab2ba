import { describeThrown } from '../core/describe.ts'
import { TidingsError } from '../core/errors.ts'
import type { GapListener } from '../core/gap.ts'
import type { MessageFormat } from '../core/message.ts'
import type { SubscriptionKind } from '../core/pub-sub.ts'
import type { LoggedPubSub } from '../log/logged-pub-sub.ts'
import type { Since } from '../log/since.ts'
import type { TailHandle } from '../log/tail-handle.ts'
import { type AnyHandler, type Place, Topic, type TopicOwner } from './topic.ts'

export interface TopicsOptions {
  readonly pubSub: LoggedPubSub
  readonly failed: (topic: Topic, channel: string, cause: unknown) => void
  readonly closed: () => TidingsError
}

/** How a handler wants to be served. */
export interface PlaceOptions {
  readonly as: MessageFormat
  readonly onGap: GapListener | undefined
  readonly since?: Since | undefined
  /** It shares nothing with others, so that it can be paused. */
  readonly alone?: boolean
}

/** A handler's place. */
export interface Placed {
  readonly handle: TailHandle
  release(): void
}

/** The channels and patterns that somebody listens to, and who does. Handlers of one share one subscription. */
export class Topics {
  readonly #options: TopicsOptions
  readonly #shared = { channel: new Map<string, Topic>(), pattern: new Map<string, Topic>() }
  readonly #alone = new Set<Topic>()
  readonly #running = new Set<Promise<unknown>>()
  readonly #owner: TopicOwner
  #closed = false

  constructor(options: TopicsOptions) {
    this.#options = options
    this.#owner = {
      running: (promise) => {
        this.#running.add(promise)
        void promise.finally(() => this.#running.delete(promise))
      },
      failed: options.failed,
    }
  }

  /** Resolves once it is confirmed. A rejected call leaves nothing behind. */
  async add(kind: SubscriptionKind, name: string, handler: AnyHandler, options: PlaceOptions): Promise<Placed> {
    if (this.#closed) throw this.#options.closed()
    const { as, onGap, since, alone = since !== undefined } = options
    const topic = (alone ? undefined : this.#shared[kind].get(name)) ?? this.#begin(kind, name, alone, since)
    const place: Place = { handler, as, onGap, active: true }
    topic.add(place)
    let handle: TailHandle
    try {
      handle = await topic.subscribed!
    } catch (error) {
      this.#removeFrom(topic, place)
      throw this.#closed ? this.#options.closed() : error
    }
    if (this.#closed) throw this.#options.closed()
    return { handle, release: () => this.#removeFrom(topic, place) }
  }

  /** Takes one handler off a name, or all of them. */
  remove(kind: SubscriptionKind, name: string, which?: AnyHandler): void {
    const topics = [this.#shared[kind].get(name), ...this.#alone]
    for (const topic of topics) if (topic?.kind === kind && topic.name === name) this.#removeFrom(topic, which)
  }

  /** Delivers nothing more. Returns what still runs. */
  close(): readonly Promise<unknown>[] {
    this.#closed = true
    for (const topic of this.#all()) this.#end(topic)
    return [...this.#running]
  }

  #all(): Topic[] {
    return [...this.#shared.channel.values(), ...this.#shared.pattern.values(), ...this.#alone]
  }

  #begin(kind: SubscriptionKind, name: string, alone: boolean, since: Since | undefined): Topic {
    const topic = new Topic(kind, name, this.#owner)
    if (alone) this.#alone.add(topic)
    else this.#shared[kind].set(name, topic)
    const { pubSub } = this.#options
    const onGap: GapListener = (gap) => topic.gap(gap)
    topic.subscribed = pubSub.subscribe(kind, name, topic.deliver.bind(topic), { since, onGap })
    return topic
  }

  #removeFrom(topic: Topic, which?: Place | AnyHandler): void {
    topic.remove(which)
    if (topic.size === 0) this.#end(topic)
  }

  #end(topic: Topic): void {
    topic.remove()
    const shared = this.#shared[topic.kind]
    if (shared.get(topic.name) === topic) shared.delete(topic.name)
    else if (!this.#alone.delete(topic)) return
    topic.subscribed?.then(
      (handle) => handle.release(),
      () => {},
    )
  }
}

/** What is told of a handler that failed. */
export function handlerFailure({ kind, name }: Topic, channel: string, cause: unknown): TidingsError {
  const by = kind === 'pattern' ? ` (pattern "${name}")` : ''
  return new TidingsError('HANDLER_FAILED', `A handler of "${channel}"${by} failed: ${describeThrown(cause)}`, {
    cause,
    context: { channel, ...(kind === 'pattern' ? { pattern: name } : {}) },
  })
}
