import { TidingsError } from '../core/errors.ts'
import { replyPrefix } from '../core/keys.ts'
import type { Event } from './event.ts'
import type { EventPlace } from './event-catalog.ts'
import { toJson } from './payload.ts'
import type { Publisher } from './publisher.ts'

interface ReturnAddress {
  readonly id: string
  readonly replyTo: string
}

export interface ResponderOptions {
  readonly namespace: string
  readonly publisher: Publisher
  readonly handler: (event: Event) => unknown
  readonly report: (error: TidingsError) => void
}

/** Answers the requests of one place. */
export class Responder {
  readonly #options: ResponderOptions

  constructor(options: ResponderOptions) {
    this.#options = options
  }

  /**
   * Where a request wants its reply. Only reply channels of the same namespace will do: a request must not be
   * able to make its responder write anywhere else.
   */
  #addressOf(message: unknown): ReturnAddress | undefined {
    if (typeof message !== 'object' || message === null) return undefined
    const { id, replyTo } = message as { id?: unknown; replyTo?: unknown }
    if (typeof id !== 'string' || typeof replyTo !== 'string') return undefined
    const prefix = replyPrefix(this.#options.namespace)
    return replyTo.startsWith(prefix) && replyTo.length > prefix.length ? { id, replyTo } : undefined
  }

  /** Runs the handler for one request and sends what it gives. Rejects with what the handler threw. */
  async answer(event: Event, { type, channel }: EventPlace, message: unknown): Promise<void> {
    const address = this.#addressOf(message)
    if (address === undefined) {
      const error = new TidingsError('INVALID_EVENT', `A request on "${channel}" has no valid "id" and "replyTo".`, {
        context: { channel, type },
      })
      this.#options.report(error)
      return
    }
    const result = await this.#options.handler(event)
    await this.#send(address, `"data":${toJson(result === undefined ? null : result)}`)
  }

  /** Tells the one who asked, where that is possible, that there will be no answer, and why. */
  refuse(error: TidingsError, message: unknown): void {
    const address = this.#addressOf(message)
    if (address === undefined) return
    const { code, cause } = error
    const told = code === 'HANDLER_FAILED' && cause instanceof Error ? cause : error
    const reason = { code: told instanceof TidingsError ? told.code : code, message: told.message }
    this.#send(address, `"error":${JSON.stringify(reason)}`).catch(this.#options.report)
  }

  async #send({ id, replyTo }: ReturnAddress, answer: string): Promise<void> {
    await this.#options.publisher.publish(replyTo, `{"id":${JSON.stringify(id)},${answer}}`)
  }
}
