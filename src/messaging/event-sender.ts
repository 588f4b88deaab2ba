import type { AppendOptions, Receipt } from './append.ts'
import { encodeEvent } from './event.ts'
import type { EventPlace } from './event-catalog.ts'
import { Ordered } from './ordered.ts'
import type { Publisher } from './publisher.ts'
import { check } from './schema.ts'

/**
 * Sends the events of one bus in the order of the calls, though the schemas of some are asynchronous.
 * An event's data and time are those of the call.
 */
export class EventSender {
  readonly #publisher: Publisher
  readonly #order: Ordered = new Ordered()

  constructor(publisher: Publisher) {
    this.#publisher = publisher
  }

  /** @throws TidingsError `INVALID_EVENT` with the issues, `INVALID_MESSAGE`; rejects as the publisher does. */
  send(place: EventPlace, data: unknown, extra?: string): Promise<number> {
    return this.#checked(place, data, extra, (message) => this.#publisher.publish(place.channel, message))
  }

  /** As {@link send}, into the channel's log. */
  append(place: EventPlace, data: unknown, options: AppendOptions): Promise<Receipt> {
    return this.#checked(place, data, '', (message) => this.#publisher.append(place.channel, message, options))
  }

  #checked<T>(
    { schema, type, channel }: EventPlace,
    data: unknown,
    extra: string | undefined,
    send: (message: string) => Promise<T>,
  ): Promise<T> {
    const checked = schema === undefined ? undefined : check(schema, { type, channel }, data)
    if (!(checked instanceof Promise) && checked?.error !== undefined) throw checked.error
    const message = encodeEvent(type, data, extra)
    return this.#order.run(checked, (result) =>
      result?.error === undefined ? send(message) : Promise.reject(result.error),
    )
  }

  /** Settles when everything that was accepted so far is with the publisher. */
  idle(): Promise<void> {
    return this.#order.idle()
  }
}
