import { toByteString } from '../core/byte-string.ts'
import { compileGlob, type Glob } from '../core/glob.ts'
import type { LogTail } from './log-tail.ts'
import type { TailListener, TailPlace } from './tail-place.ts'

/** A pattern that somebody follows: its place on the tail of every channel's own log that matches. */
export class Watch {
  /** The counter of each partition when it began: what is older is not for it. */
  readonly since: number[]
  readonly #glob: Glob
  readonly #listener: TailListener
  readonly #partitionOf: (tail: LogTail) => number
  readonly #places = new Map<LogTail, TailPlace>()
  #paused: boolean
  /** Paused from its beginning on: what came before it is read by others, and must not come twice. */
  #starting: boolean

  constructor(
    pattern: string,
    listener: TailListener,
    since: number[],
    paused: boolean,
    partitionOf: (tail: LogTail) => number,
  ) {
    this.since = since
    this.#glob = compileGlob(pattern)
    this.#listener = listener
    this.#partitionOf = partitionOf
    this.#paused = paused
    this.#starting = paused
  }

  matches(channel: string): boolean {
    return this.#glob.matches(toByteString(channel))
  }

  has(tail: LogTail): boolean {
    return this.#places.has(tail)
  }

  /** Takes a place on a tail that matches. */
  attach(tail: LogTail): void {
    const { kind, name } = tail.log
    if (kind !== 'channel' || !this.matches(name)) return
    const partition = this.#partitionOf(tail)
    const place = tail.add(this.#starting ? behind(() => this.since[partition]!, this.#listener) : this.#listener)
    this.#places.set(tail, place)
    if (this.#paused) place.pause()
  }

  /** The tail is gone. */
  detach(tail: LogTail): void {
    this.#places.delete(tail)
  }

  pause(): void {
    this.#paused = true
    for (const place of this.#places.values()) place.pause()
  }

  resume(room: number): void {
    this.#paused = false
    this.#starting = false
    for (const place of [...this.#places.values()]) place.resume(room)
  }

  end(): void {
    for (const place of this.#places.values()) place.remove()
  }
}

/** Leaves out the entries up to a partition's change counter, as long as the log is the one that it was. */
export function behind(counter: () => number, listener: TailListener): TailListener {
  let reached = false
  return {
    accepts: (channel, now) => {
      reached ||= now > counter()
      return reached && listener.accepts(channel, now)
    },
    onMessage: listener.onMessage,
    onGap: (gap) => {
      if (gap.reason === 'lost') reached = true
      listener.onGap?.(gap)
    },
  }
}
