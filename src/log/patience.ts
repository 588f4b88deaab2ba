import { fullJitter } from '../core/backoff.ts'
import { TidingsError } from '../core/errors.ts'

const BASE_MS = 200
const CAP_MS = 5_000

/** Tries what must work in the end: again and again, ever more slowly, until it does or it is ended. */
export class Patience {
  readonly #onError: ((error: unknown) => void) | undefined
  readonly #ends = new Set<() => void>()
  #ended = false

  /** @param onError takes the first failure of each series */
  constructor(onError?: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Resolves to what `act` comes to when it works. @throws TidingsError `CLOSED` after the end, of this or below. */
  async until<T>(act: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.#ended) throw new TidingsError('CLOSED', 'This object is closed.')
      try {
        return await act()
      } catch (error) {
        if (error instanceof TidingsError && error.code === 'CLOSED') throw error
        if (attempt === 1 && !this.#ended) this.#onError?.(error)
        await this.#wait(fullJitter(attempt, BASE_MS, CAP_MS))
      }
    }
  }

  end(): void {
    this.#ended = true
    for (const end of [...this.#ends]) end()
  }

  #wait(ms: number): Promise<void> {
    if (this.#ended) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#ends.delete(end)
        resolve()
      }
      const timer = setTimeout(end, ms).unref()
      this.#ends.add(end)
    })
  }
}
