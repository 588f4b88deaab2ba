import { TidingsError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { ConnectionStatus } from '../core/status.ts'
import { BufferedStream } from './buffered-stream.ts'
import { Unheard } from './unheard.ts'

/**
 * What goes on in the background of a bus: the states of its connection, errors that belong to no call, and
 * `lost`: events that were received and then dropped because a reader was too slow.
 */
export type BusStatus =
  | ConnectionStatus
  | { readonly kind: 'lost'; readonly reason: 'overflow'; readonly channel: string; readonly count: number }

/** Takes trouble that belongs to no call. What it throws itself is logged and goes no further. */
export type ErrorHandler = (error: TidingsError) => void

/**
 * Brings background trouble to whoever listens: a handler's own `onError` or else the bus's, and every reader of
 * `status()`. Where there is neither, to the logger; where none was given, one warning to the process.
 */
export class BusReports {
  readonly #onError: ErrorHandler | undefined
  readonly #unheard: Unheard
  readonly #readers = new Set<BufferedStream<BusStatus>>()
  readonly #lost = new Map<string, number>()
  readonly #reported = new WeakSet<object>()
  #ended = false

  constructor(onError: ErrorHandler | undefined, logger: Logger | undefined) {
    this.#onError = onError
    this.#unheard = new Unheard(logger, 'Give the bus a logger or onError, or read its status(), to hear of it all.')
  }

  /** All reports from now on. */
  read(): BufferedStream<BusStatus> {
    const stream: BufferedStream<BusStatus> = new BufferedStream({}, { ended: () => this.#readers.delete(stream) })
    if (this.#ended) stream.end()
    else this.#readers.add(stream)
    return stream
  }

  /** Tells of a change of the connection's state; `closed` is the last that readers hear. */
  connection(status: ConnectionStatus): void {
    if (this.#ended) return
    if (status.kind === 'error') this.error(status.error)
    else {
      if (status.kind === 'closed') this.#tellLost()
      this.#tell(status)
      if (status.kind === 'disconnected') this.#call(this.#onError, status.error)
      if (status.kind === 'closed') this.#end()
    }
  }

  /** Tells of an error that belongs to no call. Never throws. */
  error(error: TidingsError, onError: ErrorHandler | undefined = this.#onError): void {
    this.#reported.add(error)
    const told = this.#tell({ kind: 'error', error })
    if (onError === undefined && !told) this.#unheard.report(error)
    this.#call(onError, error)
  }

  /** Tells of a failure that the subscriber saw, unless it is one that was told when it happened. */
  handlerFailed(error: TidingsError): void {
    if (!this.#reported.has(error.cause as object)) this.error(error)
  }

  /** Counts an event that was dropped; the count is told once for all that are dropped in this tick. */
  lost(channel: string): void {
    if (this.#lost.size === 0) setImmediate(() => this.#tellLost())
    this.#lost.set(channel, (this.#lost.get(channel) ?? 0) + 1)
  }

  #tellLost(): void {
    for (const [channel, count] of this.#lost) {
      if (this.#tell({ kind: 'lost', reason: 'overflow', channel, count })) continue
      const text = `A reader was too slow; events on "${channel}" that were dropped: ${count}.`
      this.#unheard.report(new TidingsError('OVERFLOW', text, { context: { channel, count } }))
    }
    this.#lost.clear()
  }

  #tell(status: BusStatus): boolean {
    for (const reader of this.#readers) reader.push(status)
    return this.#readers.size > 0
  }

  #call(onError: ErrorHandler | undefined, error: TidingsError): void {
    const failed = (cause: unknown) =>
      this.#unheard.report(
        new TidingsError('HANDLER_FAILED', 'An onError handler failed.', { cause, context: error.context }),
      )
    try {
      const result: unknown = onError?.(error)
      if (result instanceof Promise) result.catch(failed)
    } catch (cause) {
      failed(cause)
    }
  }

  #end(): void {
    this.#ended = true
    for (const reader of [...this.#readers]) reader.end()
  }
}
