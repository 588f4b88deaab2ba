import type { TidingsError } from '../core/errors.ts'
import type { SubscriptionKind } from '../core/pub-sub.ts'
import type { BusReports } from './bus-reports.ts'
import type { Event } from './event.ts'
import { assertErrorHandler, type HandlerOptions, type StreamOptions } from './event-bus-options.ts'
import type { EventPlace } from './event-catalog.ts'
import { EventIntake, type IntakeOptions } from './event-intake.ts'
import { EventStream } from './event-stream.ts'
import { assertGapListener, readSince, type SinceOptions } from './since-options.ts'
import { type Subscription, subscription } from './subscription.ts'
import type { Placed, Topics } from './topics.ts'
import type { Waits } from './waits.ts'

/** What to subscribe to. */
export interface ListenTo {
  readonly kind: SubscriptionKind
  readonly name: string
}

export type ListenerOptions = Omit<IntakeOptions, 'failed'> & Partial<Pick<IntakeOptions, 'failed'>>

type Receive = EventIntake['receive']

/** Who listens on one bus: handlers and streams, each with its own place, until given up or ended all together. */
export class EventListeners {
  readonly #topics: Topics
  readonly #reports: BusReports
  readonly #waits: Waits
  readonly #ends = new Set<() => void>()

  constructor(topics: Topics, reports: BusReports, waits: Waits) {
    this.#topics = topics
    this.#reports = reports
    this.#waits = waits
  }

  /** Resolves once Redis has confirmed. What goes wrong with a message is reported, then told to `failed`. */
  async listen(
    to: ListenTo,
    { onError, ...since }: HandlerOptions & SinceOptions,
    options: ListenerOptions,
  ): Promise<Subscription> {
    assertErrorHandler(onError)
    const intake = new EventIntake({
      ...options,
      failed: (error: TidingsError, message: unknown) => {
        this.#reports.error(error, onError)
        options.failed?.(error, message)
      },
    })
    const end = () => intake.close()
    const { handle, release: leave } = await this.#place(to, since, intake.receive.bind(intake), end)
    return subscription(leave, handle.resumed)
  }

  /** A stream of what comes, given out once Redis has confirmed. It is unsubscribed when it ends. */
  async stream<E extends Event>(
    to: ListenTo,
    placeOf: (channel: string) => EventPlace,
    { signal, since, onGap, ...options }: StreamOptions,
  ): Promise<EventStream<E>> {
    const abort = () => void stream.return()
    const stream: EventStream<E> = new EventStream(options, {
      dropped: ({ channel }) => this.#reports.lost(channel),
      ended: () => {
        signal?.removeEventListener('abort', abort)
        placing.then(
          ({ release: leave }) => leave(),
          () => {},
        )
      },
    })
    const intake = new EventIntake({
      placeOf,
      deliver: (event, { channel }) => stream.push({ event: event as E, channel }),
      failed: (error) => this.#reports.error(error),
    })
    const receive: Receive = (channel, message, position) =>
      position === undefined
        ? intake.receive(channel, message)
        : stream.expect(() => intake.receive(channel, message, position))
    const confirmed = this.#waits.start<Placed>(signal)
    const end = () => {
      intake.close()
      stream.end()
    }
    const placing: Promise<Placed> = this.#place(to, { since, onGap }, receive, end, true)
    placing.then(confirmed.resolve, confirmed.reject)
    signal?.addEventListener('abort', abort)
    try {
      stream.begin((await confirmed.promise).handle)
    } catch (error) {
      await stream.return()
      throw error
    }
    return stream
  }

  /** A place that is given up by its `release`, and by the end of all. */
  async #place(
    { kind, name }: ListenTo,
    { since, onGap }: SinceOptions,
    receive: Receive,
    end: () => void,
    alone?: boolean,
  ): Promise<Placed> {
    assertGapListener(onGap)
    const handler =
      kind === 'channel'
        ? receive
        : (_pattern: string, channel: string, message: unknown, position?: string) =>
            receive(channel, message, position)
    const from = readSince(since)
    this.#ends.add(end)
    const stop = () => {
      end()
      this.#ends.delete(end)
    }
    try {
      const options = { as: 'json', onGap, since: from, ...(alone && { alone }) } as const
      const { handle, release: leave } = await this.#topics.add(kind, name, handler, options)
      const give = () => {
        stop()
        leave()
      }
      return { handle, release: give }
    } catch (error) {
      stop()
      throw error
    }
  }

  /** Ends every stream, and delivers nothing more. */
  end(): void {
    for (const end of [...this.#ends]) end()
    this.#ends.clear()
  }
}

/** Gives a subscription up as soon as it is there. */
export function release(listening: Promise<Subscription>): void {
  listening.then(
    (place) => place.unsubscribe(),
    () => {},
  )
}
