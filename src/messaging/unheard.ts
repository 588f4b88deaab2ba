import type { TidingsError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'

/**
 * For failures that nobody listens for: they go to the logger, or without one a single warning of the process says
 * that there are any and how to hear of them. Never silent, and never a crash.
 */
export class Unheard {
  readonly #logger: Logger | undefined
  readonly #advice: string
  #warned = false

  /** @param logger the one that the user gave, if any */
  constructor(logger: Logger | undefined, advice: string) {
    this.#logger = logger
    this.#advice = advice
  }

  report(error: TidingsError): void {
    if (this.#logger) {
      try {
        this.#logger.warn({ err: error }, error.message)
      } catch {
        // A logger that fails has nobody left to tell; deliveries go on.
      }
    } else if (!this.#warned) {
      this.#warned = true
      const detail = error.cause instanceof Error ? error.cause.stack : undefined
      process.emitWarning(`${error.message} ${this.#advice}`, {
        type: 'TidingsWarning',
        code: error.code,
        ...(detail === undefined ? {} : { detail }),
      })
    }
  }
}
