import { TidingsError } from '../core/errors.ts'

/** The longest time that a Node timer can be set to. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

export interface Timeout {
  /** Milliseconds; `undefined` for ever. */
  readonly ms: number | undefined
  /** What the wait then ends with. */
  error(): TidingsError
}

/** Something waited for. It settles once; later attempts do nothing. */
export interface Wait<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** All that a bus's callers are waiting for, so that closing can end every wait. */
export class Waits {
  readonly #open = new Set<(error: unknown) => void>()

  /**
   * A wait that ends with what it is resolved to, with `ABORTED` (the signal's reason is the cause), with the
   * timeout's error, or with {@link rejectAll}, whichever comes first. It leaves neither timer nor abort listener.
   * @throws TidingsError `ABORTED` at once if the signal is aborted; `INVALID_OPTION`
   */
  start<T>(signal: AbortSignal | undefined, timeout?: Timeout): Wait<T> {
    assertTimeout(timeout?.ms)
    assertSignal(signal)
    let settle!: Pick<Wait<T>, 'resolve' | 'reject'>
    const promise = new Promise<T>((resolve, reject) => {
      settle = { resolve, reject }
    })
    // Its owner may be looking elsewhere for a moment; it will see the rejection when it comes back.
    promise.catch(() => {})
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      this.#open.delete(wait.reject)
    }
    const wait: Wait<T> = {
      promise,
      resolve: (value) => {
        end()
        settle.resolve(value)
      },
      reject: (error) => {
        end()
        settle.reject(error)
      },
    }
    const abort = () => wait.reject(aborted(signal))
    const timer = timeout?.ms === undefined ? undefined : setTimeout(() => wait.reject(timeout.error()), timeout.ms)
    signal?.addEventListener('abort', abort)
    this.#open.add(wait.reject)
    return wait
  }

  rejectAll(error: TidingsError): void {
    for (const reject of [...this.#open]) reject(error)
  }
}

function assertTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs === undefined) return
  if (typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS) return
  throw new TidingsError('INVALID_OPTION', `timeoutMs must be a number above 0 and at most ${MAX_TIMEOUT_MS}.`)
}

function assertSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return
  if (typeof signal?.addEventListener !== 'function') {
    throw new TidingsError('INVALID_OPTION', 'signal must be an AbortSignal.')
  }
  if (signal.aborted) throw aborted(signal)
}

function aborted(signal: AbortSignal | undefined): TidingsError {
  return new TidingsError('ABORTED', 'The call was aborted.', { cause: signal?.reason })
}
