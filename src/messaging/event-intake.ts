import { describeThrown } from '../core/describe.ts'
import { TidingsError } from '../core/errors.ts'
import { decodeEvent, type Event } from './event.ts'
import type { EventPlace } from './event-catalog.ts'
import { Ordered } from './ordered.ts'
import { checkReceived } from './schema.ts'

export interface IntakeOptions {
  /** Where events of a channel belong. May throw a TidingsError. */
  placeOf(channel: string): EventPlace
  /** Takes one valid event. What it throws, or its promise rejects with, fails as `HANDLER_FAILED`. */
  deliver(event: Event, place: EventPlace, message: unknown): unknown
  /** Takes what went wrong with a message. */
  failed(error: TidingsError, message: unknown): void
}

function handlerFailed(cause: unknown, { type, channel }: EventPlace): TidingsError {
  const why = describeThrown(cause)
  return new TidingsError('HANDLER_FAILED', `A handler of "${type}" failed: ${why}`, {
    cause,
    context: { channel, type },
  })
}

/**
 * Makes events of the messages that one handler gets: decoded, checked against their schema, in the order in
 * which they came even where a schema is asynchronous. Handlers are not waited for.
 */
export class EventIntake {
  readonly #options: IntakeOptions
  readonly #order: Ordered = new Ordered()
  #closed = false

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /** Settles when the handler is done. Fails with what `failed` was told, so that whoever traces the run sees it. */
  receive(channel: string, message: unknown, position?: string): unknown {
    if (this.#closed) return undefined
    const failed = (error: TidingsError): never => {
      this.#options.failed(error, message)
      throw error
    }
    let place: EventPlace
    let event: Event
    try {
      place = this.#options.placeOf(channel)
      event = decodeEvent(message, channel, position)
      assertType(event, place)
    } catch (error) {
      return failed(error as TidingsError)
    }
    const checked = place.schema === undefined ? undefined : checkReceived(place.schema, place, event.data)
    return this.#order.run(checked, (result) => {
      if (this.#closed) return undefined
      if (result?.error !== undefined) return failed(result.error)
      return this.#deliver(result === undefined ? event : { ...event, data: result.value }, place, message, failed)
    })
  }

  #deliver(event: Event, place: EventPlace, message: unknown, failed: (error: TidingsError) => never): unknown {
    const handlerThrew = (cause: unknown) => failed(handlerFailed(cause, place))
    let result: unknown
    try {
      result = this.#options.deliver(event, place, message)
    } catch (cause) {
      return handlerThrew(cause)
    }
    return isThenable(result) ? Promise.resolve(result).catch(handlerThrew) : undefined
  }

  /** Nothing is delivered from now on, what is being checked included. */
  close(): void {
    this.#closed = true
  }
}

function assertType(event: Event, { type, channel, declared }: EventPlace): void {
  if (!declared || event.type === type) return
  throw new TidingsError('INVALID_EVENT', `An event on "${channel}" says that it is of another type.`, {
    context: { channel, type },
  })
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
