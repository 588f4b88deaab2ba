import { BufferedStream, type BufferedStreamHooks, type BufferOptions } from './buffered-stream.ts'
import type { Event } from './event.ts'

/** An event and the channel that it came on. */
export interface Delivery<E extends Event = Event> {
  readonly event: E
  readonly channel: string
}

/**
 * Events as an async iterator, from the moment it is given out until its loop is left, it is disposed, its signal
 * is aborted, or the bus is closed. Events that come while the reader is busy wait in a bounded buffer.
 */
export class EventStream<E extends Event = Event> implements AsyncIterableIterator<E, undefined>, AsyncDisposable {
  readonly #deliveries: BufferedStream<Delivery<E>>

  /** @throws TidingsError `INVALID_OPTION` */
  constructor(options: BufferOptions, hooks: BufferedStreamHooks<Delivery<E>>) {
    this.#deliveries = new BufferedStream(options, hooks)
  }

  /** Events that came and were dropped because the buffer was full. */
  get dropped(): number {
    return this.#deliveries.dropped
  }

  push(delivery: Delivery<E>): void {
    this.#deliveries.push(delivery)
  }

  /** Takes no more events; those in the buffer can still be read. */
  end(): void {
    this.#deliveries.end()
  }

  /** @throws TidingsError `OVERFLOW`, once, after the buffered events, where `overflow` is `fail`. */
  async next(): Promise<IteratorResult<E, undefined>> {
    const { value, done } = await this.#deliveries.next()
    return done ? { value: undefined, done: true } : { value: value.event, done: false }
  }

  async return(): Promise<IteratorResult<E, undefined>> {
    await this.#deliveries.return()
    return { value: undefined, done: true }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
