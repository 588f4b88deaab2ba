import { TidingsError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { ErrorHandler } from '../messaging/bus-reports.ts'
import { Unheard } from '../messaging/unheard.ts'

/** Runs what the program has given: what it throws is told to the program's `onError`, or logged. */
export class HandlerRuns {
  readonly #running = new Set<Promise<unknown>>()
  /** Takes trouble that belongs to no call. */
  readonly report: (error: TidingsError) => void

  constructor(onError: ErrorHandler | undefined, logger: Logger | undefined) {
    const unheard = new Unheard(logger, 'Give the service a logger or onError to hear of every failure.')
    this.report = (error) => {
      if (onError === undefined) unheard.report(error)
      else this.#run(() => onError(error), unheard.report.bind(unheard))
    }
  }

  /** What has begun and not ended. */
  get running(): readonly Promise<unknown>[] {
    return [...this.#running]
  }

  /** Runs it now. A promise that it returns is not waited for. */
  run(handler: () => unknown): void {
    this.#run(handler, this.report)
  }

  #run(handler: () => unknown, failed: (error: TidingsError) => void): void {
    const fail = (cause: unknown) =>
      failed(new TidingsError('HANDLER_FAILED', 'A handler of notifications failed.', { cause }))
    try {
      const result = handler()
      if (!(result instanceof Promise)) return
      const settled = result.catch(fail).finally(() => this.#running.delete(settled))
      this.#running.add(settled)
    } catch (cause) {
      fail(cause)
    }
  }
}
