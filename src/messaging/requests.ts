import { TidingsError } from '../core/errors.ts'
import type { EventPlace } from './event-catalog.ts'
import type { Subscriber } from './subscriber.ts'
import type { Subscription } from './subscription.ts'
import type { Wait, Waits } from './waits.ts'

interface ReplyMessage {
  readonly id: string
  readonly data?: unknown
  readonly error?: { readonly code: string; readonly message: string }
}

function isReply(value: unknown): value is ReplyMessage {
  if (typeof value !== 'object' || value === null) return false
  const { id, error } = value as { id?: unknown; error?: { code?: unknown; message?: unknown } | null }
  if (typeof id !== 'string') return false
  return error === undefined || (typeof error?.code === 'string' && typeof error.message === 'string')
}

interface Asked {
  readonly wait: Wait<unknown>
  readonly type: string
}

export interface RequestsOptions {
  /** Where replies to this bus come in. */
  readonly replyChannel: string
  readonly subscriber: Subscriber
  readonly waits: Waits
  /** Takes a message on the reply channel that is no reply. */
  readonly invalid: (error: TidingsError) => void
}

/** The requests of one bus that wait for their reply. The reply channel is subscribed at the first of them. */
export class Requests {
  readonly #options: RequestsOptions
  readonly #asked = new Map<string, Asked>()
  #listening: Promise<Subscription> | undefined
  #count = 0

  constructor(options: RequestsOptions) {
    this.#options = options
  }

  /**
   * Sends one request and resolves to the data of its first reply.
   * @param send publishes the request with these further JSON members, and resolves to its receivers
   */
  async ask(
    place: EventPlace,
    signal: AbortSignal | undefined,
    timeoutMs: number,
    send: (extra: string) => Promise<number>,
  ): Promise<unknown> {
    const { type, channel } = place
    const wait = this.#options.waits.start<unknown>(signal, {
      ms: timeoutMs,
      error: () =>
        new TidingsError('REQUEST_TIMEOUT', `No reply to "${type}" came within ${timeoutMs} ms.`, {
          context: { channel, type },
          hint: 'A responder may have acted on it all the same.',
        }),
    })
    const id = String(++this.#count)
    this.#asked.set(id, { wait, type })
    this.#send(id, place, send).catch(wait.reject)
    try {
      return await wait.promise
    } finally {
      this.#asked.delete(id)
    }
  }

  async #send(id: string, { type, channel }: EventPlace, send: (extra: string) => Promise<number>): Promise<void> {
    await this.#listen()
    if (!this.#asked.has(id)) return
    const replyTo = JSON.stringify(this.#options.replyChannel)
    const receivers = await send(`"id":"${id}","replyTo":${replyTo}`)
    if (receivers === 0) {
      throw new TidingsError('NO_RESPONDER', `Nobody replies to "${type}".`, {
        context: { channel, type },
        hint: 'Start what calls reply() for it, on the same channelPrefix and namespace.',
      })
    }
  }

  #listen(): Promise<Subscription> {
    this.#listening ??= this.#options.subscriber
      .subscribe(this.#options.replyChannel, (_channel, message) => this.#receive(message))
      .catch((error: unknown) => {
        this.#listening = undefined
        throw error
      })
    return this.#listening
  }

  #receive(message: unknown): void {
    if (!isReply(message)) {
      const context = { channel: this.#options.replyChannel }
      this.#options.invalid(
        new TidingsError('INVALID_EVENT', 'A message on the reply channel is no reply.', { context }),
      )
      return
    }
    const { id, data = null, error } = message
    // Not there: answered already by another responder, or given up.
    const asked = this.#asked.get(id)
    if (asked === undefined) return
    if (error === undefined) asked.wait.resolve(data)
    else {
      const { type, wait } = asked
      wait.reject(
        new TidingsError('REPLY_FAILED', `The responder to "${type}" failed: ${error.message}`, {
          context: { type, code: error.code },
        }),
      )
    }
  }
}
