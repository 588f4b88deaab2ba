import { toByteString } from '../core/byte-string.ts'
import type { EventLog } from '../core/event-log.ts'
import type { GapListener } from '../core/gap.ts'
import { compileGlob } from '../core/glob.ts'
import { type LogId, logText } from '../core/log-id.ts'
import { Message } from '../core/message.ts'
import type { Listener } from '../core/pub-sub.ts'
import type { Position } from '../protocol/position.ts'
import { type EntryReader, readHistory } from './history.ts'
import { logsMatching } from './logs-matching.ts'
import { Patience } from './patience.ts'
import type { TailHandle, WatchHandle } from './tail-handle.ts'

export interface PatternHistoryOptions {
  readonly eventLog: EventLog
  readonly pattern: string
  readonly since: 'start' | Date
  /** What follows live, paused: it goes on where this ends. */
  readonly live: WatchHandle
  readonly accepts: (channel: string, counter: number) => boolean
  readonly onMessage: Listener
  readonly onGap: GapListener
  /** Takes the first failure of each reading; it is tried again until it works. */
  readonly onError: (error: unknown) => void
}

/**
 * What was kept of the channels behind a pattern, merged by time, and then what comes live: the live part goes on
 * in each log right after the position to which it was read.
 */
export class PatternHistory implements TailHandle {
  readonly #options: PatternHistoryOptions
  readonly #patience: Patience
  #closed = false
  #paused = false
  #room = Number.POSITIVE_INFINITY
  #handedOver = false
  #delivering: Promise<void> | undefined
  #wake: (() => void) | undefined

  constructor(options: PatternHistoryOptions) {
    this.#options = options
    this.#patience = new Patience(options.onError)
  }

  pause(): void {
    this.#paused = true
    if (this.#handedOver) this.#options.live.pause()
  }

  /** Begins to deliver, or goes on. */
  resume(room: number): void {
    this.#paused = false
    this.#room = room
    // Only its end ends its patience.
    this.#delivering ??= this.#deliver().catch(() => {})
    this.#wake?.()
    if (this.#handedOver) this.#options.live.resume(room)
  }

  async drained(): Promise<boolean> {
    return this.#handedOver && (await this.#options.live.drained())
  }

  release(): void {
    this.#closed = true
    this.#patience.end()
    this.#wake?.()
    this.#options.live.release()
  }

  async #deliver(): Promise<void> {
    const { eventLog, pattern, since, live, onMessage, onGap } = this.#options
    const patience = this.#patience
    const patient: EntryReader = {
      read: (log, query) => patience.until(() => eventLog.read(log, query)),
      seek: (log, by, value) => patience.until(() => eventLog.seek(log, by, value)),
    }
    const glob = compileGlob(pattern)
    const logs = await patience.until(() => logsMatching(eventLog, pattern))
    const ends = new Map<string, Position>()
    const onEnd = (log: LogId, end: Position) => void ends.set(logText(log), end)
    const accepts = (channel: string) => glob.matches(toByteString(channel)) && this.#options.accepts(channel, 0)
    for await (const { channel, payload, position } of readHistory(patient, logs, {
      since,
      onEnd,
      accepts,
      onGap,
    })) {
      if (this.#closed) return
      onMessage(new Message(channel, payload, position))
      while (this.#paused && !this.#closed) await this.#resumed()
    }
    if (this.#closed) return
    live.startAfter(ends)
    this.#handedOver = true
    if (!this.#paused) live.resume(this.#room)
  }

  #resumed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
