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
  send({ schema, type, channel }: EventPlace, data: unknown, extra?: string): Promise<number> {
    const checked = schema === undefined ? undefined : check(schema, { type, channel }, data)
    if (!(checked instanceof Promise) && checked?.error !== undefined) throw checked.error
    const message = encodeEvent(type, data, extra)
    return this.#order.run(checked, (result) =>
      result?.error === undefined ? this.#publisher.publish(channel, message) : Promise.reject(result.error),
    )
  }

  /** Settles when everything that was accepted so far is with the publisher. */
  idle(): Promise<void> {
    return this.#order.idle()
  }
}
