import { toByteString } from '../core/byte-string.ts'
import { compileGlob, type Glob } from '../core/glob.ts'
import { type LogId, logText } from '../core/log-id.ts'
import { BEFORE_BIRTH, type Position } from '../protocol/position.ts'
import type { LogTail } from './log-tail.ts'
import type { TailListener, TailPlace } from './tail-place.ts'

/** Where the reading of each log has come to, by the log's text. A log that is not in it was not there to be read. */
export type LogEnds = ReadonlyMap<string, Position>

export function endOf(ends: LogEnds, log: LogId): Position {
  return ends.get(logText(log)) ?? BEFORE_BIRTH
}

/** A pattern that somebody follows: its place on the tail of every channel's own log that matches. */
export class Watch {
  /** The counter of each partition when it began: what is older is not for it. */
  readonly since: number[]
  readonly #glob: Glob
  readonly #listener: TailListener
  readonly #places = new Map<LogTail, TailPlace>()
  /** Where it goes on in logs that have had no tail yet since others read them. */
  readonly #ends = new Map<string, Position>()
  #paused: boolean

  constructor(pattern: string, listener: TailListener, since: number[], paused: boolean) {
    this.since = since
    this.#glob = compileGlob(pattern)
    this.#listener = listener
    this.#paused = paused
  }

  matches(channel: string): boolean {
    return this.#glob.matches(toByteString(channel))
  }

  /** Whether something of the logs has not been delivered yet. */
  get behind(): boolean {
    return [...this.#places].some(([tail, place]) => tail.behind || place.behind)
  }

  has(tail: LogTail): boolean {
    return this.#places.has(tail)
  }

  /** Takes a place on a tail that matches. */
  attach(tail: LogTail): void {
    const { kind, name } = tail.log
    if (kind !== 'channel' || !this.matches(name)) return
    const place = tail.add(this.#listener)
    this.#places.set(tail, place)
    const text = logText(tail.log)
    const end = this.#ends.get(text)
    if (this.#paused) place.pause()
    if (end === undefined) return
    this.#ends.delete(text)
    place.startAfter(end)
    if (!this.#paused) place.resume(Number.POSITIVE_INFINITY)
  }

  /** The tail is gone. */
  detach(tail: LogTail): void {
    this.#places.delete(tail)
  }

  pause(): void {
    this.#paused = true
    for (const place of this.#places.values()) place.pause()
  }

  /** Paused, it is to go on where the logs have been read to. */
  startAfter(ends: LogEnds): void {
    for (const [text, end] of ends) this.#ends.set(text, end)
    for (const [{ log }, place] of this.#places) {
      place.startAfter(endOf(ends, log))
      this.#ends.delete(logText(log))
    }
  }

  resume(room: number): void {
    this.#paused = false
    for (const place of [...this.#places.values()]) place.resume(room)
  }

  end(): void {
    for (const place of this.#places.values()) place.remove()
  }
}
