import { TidingsError } from '../core/errors.ts'

/** The longest time that a Node timer can be set to. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
}

/** Something waited for. It settles once; later attempts do nothing. */
export interface Wait<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** @throws TidingsError `ABORTED`, with the signal's reason as cause, if the signal is aborted. */
export function assertNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new TidingsError('ABORTED', 'The call was aborted.', { cause: signal.reason })
}

/** @throws TidingsError `INVALID_OPTION` */
export function assertTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs === undefined) return
  if (typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS) return
  throw new TidingsError('INVALID_OPTION', `timeoutMs must be a number above 0 and at most ${MAX_TIMEOUT_MS}.`)
}

/** All that a bus's callers are waiting for, so that closing can end every wait. */
export class Waits {
  readonly #open = new Set<(error: unknown) => void>()

  /**
   * A wait that ends with what it is resolved to, with `ABORTED`, with `late()` after `timeoutMs`, or with
   * {@link rejectAll}, whichever comes first. Whatever ends it leaves neither timer nor abort listener.
   * @throws TidingsError `ABORTED`, `INVALID_OPTION`
   */
  start<T>({ signal, timeoutMs }: WaitOptions, late: () => TidingsError): Wait<T> {
    assertTimeout(timeoutMs)
    assertNotAborted(signal)
    const ends: { resolve(value: T): void; reject(error: unknown): void }[] = []
    const promise = new Promise<T>((resolve, reject) => {
      ends.push({ resolve, reject })
    })
    // Its owner may be looking elsewhere for a moment; it will see the rejection when it comes back.
    promise.catch(() => {})
    const { resolve, reject } = ends[0]!
    const aborted = () => wait.reject(new TidingsError('ABORTED', 'The call was aborted.', { cause: signal?.reason }))
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => wait.reject(late()), timeoutMs)
    const clear = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', aborted)
      this.#open.delete(wait.reject)
    }
    const wait: Wait<T> = {
      promise,
      resolve: (value) => {
        clear()
        resolve(value)
      },
      reject: (error) => {
        clear()
        reject(error)
      },
    }
    signal?.addEventListener('abort', aborted)
    this.#open.add(wait.reject)
    return wait
  }

  rejectAll(error: TidingsError): void {
    for (const reject of [...this.#open]) reject(error)
  }
}
