import { setTimeout as delay } from 'node:timers/promises'
import { TidingsError } from '../../core/errors.ts'
import { settledWithin } from '../../core/settled-within.ts'
import type { Link } from './link.ts'
import { type QueueLimits, refusal } from './queue-limits.ts'
import { errorReply } from './redis-error.ts'

/** Milliseconds until a call that did not run is made again. */
const RETRY_MS = 50

/** The call did not run, and may soon. */
const PASSING = /^(TRYAGAIN|LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|READONLY|ASK|MOVED)/

export interface InboxCallsOptions {
  readonly link: Link
  readonly commandTimeoutMs: number
  readonly limits: QueueLimits
}

/**
 * Calls on their way, each by itself: none waits for another. One whose answer was lost is made again, up to the
 * command timeout.
 */
export class InboxCalls {
  readonly #options: InboxCallsOptions
  readonly #running = new Set<Promise<unknown>>()
  #bytes = 0
  /** No further attempts. */
  #ended = false
  #closing: Promise<void> | undefined

  constructor(options: InboxCallsOptions) {
    this.#options = options
  }

  /** @param call writes its command to the link; `again` where an earlier one may have been carried out */
  async run<T>(bytes: number, call: (again: boolean) => Promise<T>): Promise<T> {
    if (this.#closing) throw closed()
    const { limits } = this.#options
    if (this.#running.size >= limits.maxCount || this.#bytes + bytes > limits.maxBytes) {
      throw refusal(bytes, this.#running.size, this.#bytes, limits)
    }
    const running = this.#attempts(call)
    this.#running.add(running)
    this.#bytes += bytes
    try {
      return await running
    } finally {
      this.#running.delete(running)
      this.#bytes -= bytes
    }
  }

  /** Accepts no more; resolves when everything has been answered, or at the deadline. */
  close(deadlineMs: number): Promise<void> {
    const { link } = this.#options
    const answered = () => (link.started ? settledWithin(this.#running, deadlineMs) : Promise.resolve())
    this.#closing ??= answered().then(() => {
      this.#ended = true
    })
    return this.#closing
  }

  async #attempts<T>(call: (again: boolean) => Promise<T>): Promise<T> {
    const { link, commandTimeoutMs } = this.#options
    const deadline = performance.now() + commandTimeoutMs
    let lost: TidingsError | undefined
    for (;;) {
      try {
        await this.#writable(deadline)
        return await call(lost !== undefined)
      } catch (error) {
        if (!(error instanceof TidingsError)) throw error
        const { code } = error
        if (code === 'CONNECTION_LOST' || code === 'TIMEOUT') lost = error
        const reply = errorReply(error)
        const passing = reply !== undefined && PASSING.test(reply)
        // A server that has become a replica: the name may by now lead to another one.
        if (reply?.startsWith('READONLY')) link.reset('Redis has become read-only')
        const late = performance.now() + (passing ? RETRY_MS : 0) >= deadline
        const again =
          !late && !this.#ended && (passing || code === 'CONNECTION_LOST' || (code === 'NOT_CONNECTED' && link.started))
        if (!again) throw lost === undefined || (reply !== undefined && !passing) ? error : unknown(lost)
        if (passing) await delay(RETRY_MS)
      }
    }
  }

  /** As the link's own wait, which may take longer than what is left of this call's time. */
  async #writable(deadline: number): Promise<void> {
    const { link } = this.#options
    if (link.writable) return
    const ended = new AbortController()
    const late = async () => {
      await delay(Math.max(0, deadline - performance.now()), undefined, { signal: ended.signal })
      throw link.notConnected()
    }
    try {
      await Promise.race([link.whenWritable(), late()])
    } finally {
      ended.abort()
    }
  }
}

function closed(): TidingsError {
  return new TidingsError('CLOSED', 'This connection has been closed.')
}

function unknown(cause: TidingsError): TidingsError {
  return new TidingsError('CONNECTION_LOST', 'Redis did not say in time whether the inbox has been changed.', {
    cause,
    hint: 'It may or may not be. A notification that is sent again with the same dedupeKey is there once.',
  })
}
