import { ClientError } from './client-error.ts'

/** Where failures go that nobody waits for. */
export class Reports {
  readonly #onError: ((error: ClientError) => unknown) | undefined

  constructor(onError: ((error: ClientError) => unknown) | undefined) {
    this.#onError = onError
  }

  /** Something that a program should know of. */
  error(error: ClientError): void {
    if (this.#onError === undefined) console.error(error)
    else this.note(error)
  }

  /** Something that mends itself: only told to who asks. */
  note(error: ClientError): void {
    try {
      const result = this.#onError?.(error)
      if (result instanceof Promise) result.catch((failure: unknown) => console.error(failure))
    } catch (failure) {
      console.error(failure)
    }
  }

  /** Runs a program's handler, whose failure ends nothing. */
  run(handler: () => unknown, what: string): void {
    const failed = (cause: unknown) =>
      this.error(new ClientError('HANDLER_FAILED', `A handler of ${what} failed.`, { cause }))
    try {
      const result = handler()
      if (result instanceof Promise) result.catch(failed)
    } catch (cause) {
      failed(cause)
    }
  }
}
