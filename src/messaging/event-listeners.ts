import type { TidingsError } from '../core/errors.ts'
import type { SubscriptionKind } from '../core/pub-sub.ts'
import type { BusReports } from './bus-reports.ts'
import type { Event } from './event.ts'
import { assertErrorHandler, type HandlerOptions, type StreamOptions } from './event-bus-options.ts'
import type { EventPlace } from './event-catalog.ts'
import { EventIntake, type IntakeOptions } from './event-intake.ts'
import { EventStream } from './event-stream.ts'
import type { Subscriber } from './subscriber.ts'
import { type Subscription, subscription } from './subscription.ts'
import type { Waits } from './waits.ts'

/** What to subscribe to. */
export interface ListenTo {
  readonly kind: SubscriptionKind
  readonly name: string
}

export type ListenerOptions = Omit<IntakeOptions, 'failed'> & Partial<Pick<IntakeOptions, 'failed'>>

/** Who listens on one bus: handlers and streams, each with its own place, until given up or ended all together. */
export class EventListeners {
  readonly #subscriber: Subscriber
  readonly #reports: BusReports
  readonly #waits: Waits
  readonly #ends = new Set<() => void>()

  constructor(subscriber: Subscriber, reports: BusReports, waits: Waits) {
    this.#subscriber = subscriber
    this.#reports = reports
    this.#waits = waits
  }

  /** Resolves once Redis has confirmed. What goes wrong with a message is reported, then told to `failed`. */
  async listen(to: ListenTo, { onError }: HandlerOptions, options: ListenerOptions): Promise<Subscription> {
    assertErrorHandler(onError)
    const intake = new EventIntake({
      ...options,
      failed: (error: TidingsError, message: unknown) => {
        this.#reports.error(error, onError)
        options.failed?.(error, message)
      },
    })
    const end = () => intake.close()
    const stop = () => {
      end()
      this.#ends.delete(end)
    }
    this.#ends.add(end)
    try {
      const place = await this.#subscribe(to, (channel, message) => intake.receive(channel, message))
      return subscription(() => {
        stop()
        void place.unsubscribe()
      })
    } catch (error) {
      stop()
      throw error
    }
  }

  #subscribe({ kind, name }: ListenTo, receive: EventIntake['receive']): Promise<Subscription> {
    return kind === 'channel'
      ? this.#subscriber.subscribe(name, receive)
      : this.#subscriber.psubscribe(name, (_pattern, channel, message) => receive(channel, message))
  }

  /** A stream of what comes, given out once Redis has confirmed. It is unsubscribed when it ends. */
  async stream<E extends Event>(
    to: ListenTo,
    placeOf: (channel: string) => EventPlace,
    { signal, ...options }: StreamOptions,
  ): Promise<EventStream<E>> {
    const abort = () => void stream.return()
    const end = () => stream.end()
    const stream: EventStream<E> = new EventStream(options, {
      dropped: ({ channel }) => this.#reports.lost(channel),
      ended: () => {
        signal?.removeEventListener('abort', abort)
        this.#ends.delete(end)
        release(listening)
      },
    })
    const confirmed = this.#waits.start<unknown>(signal)
    const deliver = (event: Event, { channel }: EventPlace) => stream.push({ event: event as E, channel })
    const listening = this.listen(to, {}, { placeOf, deliver })
    listening.then(confirmed.resolve, confirmed.reject)
    this.#ends.add(end)
    signal?.addEventListener('abort', abort)
    try {
      await confirmed.promise
    } catch (error) {
      await stream.return()
      throw error
    }
    return stream
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
