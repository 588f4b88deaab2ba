import { TidingsError } from '../core/errors.ts'
import { RingBuffer } from './ring-buffer.ts'

/** What a full buffer does with one item more: forget the oldest, forget the new one, or end with `OVERFLOW`. */
export type Overflow = 'drop-oldest' | 'drop-newest' | 'fail'

export interface BufferOptions {
  /** Items that wait for a slow reader. Default 1000. */
  readonly buffer?: number | undefined
  /** Default `drop-oldest`. */
  readonly overflow?: Overflow | undefined
}

export interface BufferedStreamHooks<T> {
  /** An item will never be read. */
  readonly dropped?: (item: T) => void
  /** The stream needs no more items. Called once. */
  readonly ended?: () => void
}

type Reader<T> = (result: IteratorResult<T, undefined>) => void

/**
 * An async iterator fed by {@link push}, with a bounded buffer between the two. Several readers share the items.
 * Leaving a `for await` loop, {@link return} and disposing end it and forget what is buffered.
 */
export class BufferedStream<T> implements AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly #buffer = new RingBuffer<T>()
  readonly capacity: number
  readonly #overflow: Overflow
  readonly #hooks: BufferedStreamHooks<T>
  readonly #keeps: (item: T) => boolean
  readonly #readers: Reader<T>[] = []
  #dropped = 0
  #ended = false
  #error: TidingsError | undefined

  /**
   * @param keeps which items are never dropped: whoever pushes them heeds {@link size}
   * @throws TidingsError `INVALID_OPTION`
   */
  constructor(
    { buffer = 1000, overflow = 'drop-oldest' }: BufferOptions = {},
    hooks: BufferedStreamHooks<T> = {},
    keeps: (item: T) => boolean = () => false,
  ) {
    if (!Number.isSafeInteger(buffer) || buffer < 1) {
      throw new TidingsError('INVALID_OPTION', 'buffer must be a whole number of at least 1.')
    }
    if (!['drop-oldest', 'drop-newest', 'fail'].includes(overflow)) {
      throw new TidingsError('INVALID_OPTION', 'overflow must be "drop-oldest", "drop-newest" or "fail".')
    }
    this.#overflow = overflow
    this.#hooks = hooks
    this.#keeps = keeps
    this.capacity = buffer
  }

  /** Items that no reader will ever see because the buffer was full. */
  get dropped(): number {
    return this.#dropped
  }

  /** Items that wait to be read. */
  get size(): number {
    return this.#buffer.size
  }

  push(item: T): void {
    if (this.#ended) return
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      reader({ value: item, done: false })
      return
    }
    if (this.#buffer.size < this.capacity || this.#keeps(item)) {
      this.#buffer.push(item)
      return
    }
    let lost = item
    if (this.#overflow === 'drop-oldest' && !this.#keeps(this.#buffer.first as T)) {
      lost = this.#buffer.shift() as T
      this.#buffer.push(item)
    }
    this.#dropped += 1
    this.#hooks.dropped?.(lost)
    if (this.#overflow === 'fail') {
      this.#error = new TidingsError('OVERFLOW', `The reader was too slow: ${this.#buffer.size} items were waiting.`, {
        context: { buffer: this.#buffer.size },
        hint: 'Read faster, raise `buffer`, or choose another `overflow`.',
      })
      this.end()
    }
  }

  /** Takes no more items. What is buffered can still be read; then the loop ends. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const reader of this.#readers.splice(0)) reader({ value: undefined, done: true })
    this.#hooks.ended?.()
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#buffer.size > 0) return Promise.resolve({ value: this.#buffer.shift() as T, done: false })
    if (this.#error !== undefined) {
      const error = this.#error
      this.#error = undefined
      return Promise.reject(error)
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => {
      this.#readers.push(resolve)
    })
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#buffer.clear()
    this.#error = undefined
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
