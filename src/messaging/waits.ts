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

function assertTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs === undefined) return
  if (typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS) return
  throw new TidingsError('INVALID_OPTION', `timeoutMs must be a number above 0 and at most ${MAX_TIMEOUT_MS}.`)
}

function assertSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TidingsError('INVALID_OPTION', 'signal must be an AbortSignal.')
  }
  if (signal?.aborted) throw aborted(signal)
}

function aborted(signal: AbortSignal | undefined): TidingsError {
  return new TidingsError('ABORTED', 'The call was aborted.', { cause: signal?.reason })
}

/** All that a bus's callers are waiting for, so that closing can end every wait. */
export class Waits {
  readonly #open = new Set<(error: unknown) => void>()

  /**
   * A wait that ends with what it is resolved to, with `ABORTED` (the signal's reason is the cause), with `late()`
   * after `timeoutMs`, or with {@link rejectAll}, whichever comes first. Whatever ends it leaves neither timer nor abort listener.
   * @throws TidingsError `ABORTED`, `INVALID_OPTION`
   */
  start<T>({ signal, timeoutMs }: WaitOptions, late?: () => TidingsError): Wait<T> {
    assertTimeout(timeoutMs)
    assertSignal(signal)
    const ends: { resolve(value: T): void; reject(error: unknown): void }[] = []
    const promise = new Promise<T>((resolve, reject) => {
      ends.push({ resolve, reject })
    })
    // Its owner may be looking elsewhere for a moment; it will see the rejection when it comes back.
    promise.catch(() => {})
    const { resolve, reject } = ends[0]!
    const abort = () => wait.reject(aborted(signal))
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => wait.reject(late?.()), timeoutMs)
    const clear = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
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
    signal?.addEventListener('abort', abort)
    this.#open.add(wait.reject)
    return wait
  }

  rejectAll(error: TidingsError): void {
    for (const reject of [...this.#open]) reject(error)
  }
}
