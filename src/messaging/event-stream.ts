import type { Resumed } from '../core/gap.ts'
import type { TailHandle } from '../log/tail-handle.ts'
import { BufferedStream, type BufferedStreamHooks, type BufferOptions } from './buffered-stream.ts'
import type { Event } from './event.ts'

/** An event and the channel that it came on. */
export interface Delivery<E extends Event = Event> {
  readonly event: E
  readonly channel: string
}

/**
 * Events as an async iterator, from the moment it is given out until its loop is left, it is disposed, its signal
 * is aborted, or the bus is closed. Events that come while the reader is busy wait in a bounded buffer. Those of
 * channels with history are never dropped: what the buffer cannot hold stays in its log until there is room.
 */
export class EventStream<E extends Event = Event> implements AsyncIterableIterator<E, undefined>, AsyncDisposable {
  readonly #deliveries: BufferedStream<Delivery<E>>
  #source: TailHandle | undefined
  /** Kept events that are being checked. */
  #expected = 0
  #paused = false

  /** @throws TidingsError `INVALID_OPTION` */
  constructor(options: BufferOptions, hooks: BufferedStreamHooks<Delivery<E>>) {
    this.#deliveries = new BufferedStream(options, hooks, ({ event }) => event.position !== undefined)
  }

  /** Events that came and were dropped because the buffer was full. */
  get dropped(): number {
    return this.#deliveries.dropped
  }

  /** Whether it went on right after the position that it was to begin at; undefined where there was none. */
  get resumed(): Resumed | undefined {
    return this.#source?.resumed
  }

  /** Takes over the place that brings its events. */
  begin(source: TailHandle): void {
    this.#source = source
    if (this.#paused) source.pause()
  }

  /** Takes in a kept event, by something that in the end may push it. Where the buffer is full, no more will come. */
  expect(takeIn: () => unknown): unknown {
    this.#expected += 1
    if (this.#room <= 0) {
      this.#paused = true
      this.#source?.pause()
    }
    let result: unknown
    try {
      result = takeIn()
    } catch (error) {
      this.#expected -= 1
      throw error
    }
    if (result instanceof Promise) return result.finally(() => this.#done())
    this.#done()
    return result
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
    this.#resume()
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

  get #room(): number {
    return this.#deliveries.capacity - this.#deliveries.size - this.#expected
  }

  #done(): void {
    this.#expected -= 1
    this.#resume()
  }

  /** Not for every single event: each time the log is read. */
  #resume(): void {
    if (!this.#paused || this.#room < this.#deliveries.capacity / 2) return
    this.#paused = false
    this.#source?.resume(this.#room)
  }
}
