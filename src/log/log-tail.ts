import { fullJitter } from '../core/backoff.ts'
import { TidingsError } from '../core/errors.ts'
import type { EventLog, LogEntry, LogHead } from '../core/event-log.ts'
import type { GapListener, GapReason } from '../core/gap.ts'
import { type Generation, generationAt } from '../core/generation.ts'
import { liveChannel } from '../core/keys.ts'
import { decodeFrame, type LiveFrame } from '../core/live-frame.ts'
import type { LogId } from '../core/log-id.ts'
import { Message } from '../core/message.ts'
import type { Listener, PubSub, SubscriptionHandle } from '../core/pub-sub.ts'
import type { Position } from '../protocol/position.ts'
import { BEFORE_BIRTH, resume } from './fork.ts'
import { HeldFrames } from './held-frames.ts'

const PAGE = 500
const RETRY_BASE_MS = 200
const RETRY_CAP_MS = 5_000

/** Somebody who follows a log. Called synchronously and in order; must not throw. */
export interface TailListener {
  /** Which of the log's channels it wants. */
  readonly accepts: (channel: string) => boolean
  readonly onMessage: Listener
  readonly onGap?: GapListener | undefined
}

interface Place {
  readonly listener: TailListener
  gone: boolean
}

export interface LogTailOptions {
  readonly pubSub: PubSub
  readonly eventLog: EventLog
  readonly namespace: string
  readonly log: LogId
  /** Takes each gap once, before the listeners do. */
  readonly onGap?: GapListener | undefined
  /** Takes the first failure of each repair; the repair is tried again until it works. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/**
 * One log, followed live by this process. Its listeners get each entry once and in order, from the moment it is
 * started: what does not come live, or comes out of turn, is read from the log. What cannot be had is told as a gap,
 * and nothing else is left out.
 *
 * The idea: whoever sees a frame can read its entries. So a frame that does not follow the last entry is held, the
 * log is read up to its head, and a frame from before that reading which still does not fit is of a history that is
 * no more.
 */
export class LogTail {
  readonly log: LogId
  readonly #options: LogTailOptions
  readonly #held = new HeldFrames()
  #places: readonly Place[] = []
  #subscription: Promise<SubscriptionHandle> | undefined
  #last: Position = BEFORE_BIRTH
  #chain: readonly Generation[] = []
  #counter = 0
  #goal = 0
  #started = false
  #wanted = false
  #repairing = false
  #closed = false
  #endPause: (() => void) | undefined

  constructor(options: LogTailOptions) {
    this.log = options.log
    this.#options = options
  }

  /** True before the start, and where a reading is under way or due. */
  get behind(): boolean {
    return !this.#started || this.#wanted || this.#repairing
  }

  /** The last entry that was delivered, or where the tail goes on from. */
  get position(): Position {
    return this.#last
  }

  /** The partition's change counter at the newest entry that the tail has seen. */
  get counter(): number {
    return this.#counter
  }

  /** The partition's counter has begun anew: what was counted before says nothing. */
  forgetCounter(): void {
    this.#counter = 0
    this.#goal = 0
  }

  add(listener: TailListener): () => void {
    const place = { listener, gone: false }
    this.#places = [...this.#places, place]
    return () => {
      place.gone = true
      this.#places = this.#places.filter((other) => other !== place)
    }
  }

  /** Follows from now on. Resolves once nothing that is appended later can be missed; a rejected call leaves nothing. */
  async start(): Promise<void> {
    try {
      await this.subscribe()
      const { head, entries } = await this.#read({ limit: 1, reverse: true })
      if (head !== undefined) this.#place(head, head.seq)
      this.#counter = entries[0]?.counter ?? 0
      this.#begin()
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Follows from behind a position on, by frames that others hand to {@link frame}. */
  startAfter(position: Position): void {
    this.#last = position
    this.#begin()
  }

  /** As {@link startAfter}, from the first entry that has at least this counter. Resolves to the head. */
  async startAtCounter(counter: number): Promise<LogHead | undefined> {
    const fromSeq = await this.#options.eventLog.seek(this.log, 'counter', counter)
    const { head } = await this.#read({ limit: 1 })
    if (head !== undefined) this.#place(head, Math.min(Math.max(fromSeq, head.firstSeq) - 1, head.seq))
    this.#begin()
    this.repair()
    return head
  }

  /** Brings frames from the log's own live channel, until {@link unsubscribe} or the end. */
  async subscribe(): Promise<void> {
    if (this.#subscription === undefined) {
      const { pubSub, eventLog, namespace } = this.#options
      const channel = liveChannel(namespace, this.log, eventLog.partitions)
      const subscription = pubSub.subscribe('channel', channel, ({ bytes }) => {
        const frame = decodeFrame(bytes, this.log.name)
        if (frame !== undefined && this.#subscription === subscription) this.frame(frame)
      })
      this.#subscription = subscription
    }
    const subscription = this.#subscription
    try {
      await subscription
    } catch (error) {
      if (this.#subscription === subscription) this.#subscription = undefined
      throw error
    }
  }

  unsubscribe(): void {
    this.#subscription?.then(
      (handle) => handle.release(),
      () => {},
    )
    this.#subscription = undefined
  }

  /** Takes what came live. */
  frame(frame: LiveFrame): void {
    if (this.#closed) return
    if (this.#started && !this.#repairing && this.#take(frame)) return
    this.#hold(frame)
    this.repair()
  }

  /**
   * Reads from the log what is missing, if anything is. One reading at a time; another follows if there is need.
   * @param counter what {@link counter} shall be afterwards, at least
   */
  repair(counter = 0): void {
    this.#wanted = true
    this.#goal = Math.max(this.#goal, counter)
    if (!this.#started || this.#repairing || this.#closed) return
    this.#repairing = true
    void this.#repair()
  }

  close(): void {
    this.#closed = true
    for (const place of this.#places) place.gone = true
    this.#places = []
    this.#held.take()
    this.unsubscribe()
    this.#endPause?.()
  }

  #begin(): void {
    if (this.#closed) return
    this.#started = true
    const behind = this.#wanted
    this.#wanted = false
    this.#takeHeld(0)
    if (behind || this.#wanted) this.repair()
  }

  async #repair(): Promise<void> {
    let attempt = 0
    while (this.#wanted && !this.#closed) {
      this.#wanted = false
      const [mark, goal] = [this.#held.mark, this.#goal]
      try {
        await this.#readOn()
        this.#counter = Math.max(this.#counter, goal)
        attempt = 0
        this.#takeHeld(mark)
      } catch (error) {
        if (error instanceof TidingsError && error.code === 'CLOSED') this.close()
        if (this.#closed) break
        this.#wanted = true
        attempt += 1
        if (attempt === 1) this.#options.onError?.(error)
        await this.#pause(fullJitter(attempt, RETRY_BASE_MS, RETRY_CAP_MS))
      }
    }
    this.#repairing = false
  }

  async #readOn(): Promise<void> {
    let cursor = this.#last.seq + 1
    for (;;) {
      const { head, entries } = await this.#read({ fromSeq: cursor, limit: PAGE })
      if (this.#closed) return
      const next = resume(this.#last, head, this.#chain)
      if (next.kind === 'reset') this.#gap(next.reason, next.to)
      this.#chain = head?.chain ?? []
      if (head === undefined) return
      if (this.#last.epoch === BEFORE_BIRTH.epoch) this.#place(head, this.#last.seq)
      if (next.kind === 'reset' && next.fromSeq !== cursor) {
        cursor = next.fromSeq
        continue
      }
      for (const entry of entries) {
        cursor = entry.seq + 1
        // An entry of a generation that was not written then is a stranger's.
        if (entry.seq <= this.#last.seq || generationAt(head.chain, entry.seq) !== entry.gen) continue
        if (entry.seq > this.#last.seq + 1) this.#gap('trimmed', positionIn(head, entry.seq - 1))
        this.#deliver(head.epoch, entry)
        if (this.#closed) return
      }
      if (entries.length > 0 && cursor <= head.seq) continue
      if (this.#last.seq < head.seq) this.#gap('trimmed', positionIn(head, head.seq))
      return
    }
  }

  /** False where the frame neither follows the last entry nor repeats what was delivered. */
  #take({ epoch, entries }: LiveFrame): boolean {
    const { gen, seq, counter } = entries[0]!
    const newborn = this.#last === BEFORE_BIRTH && seq === 1
    if (newborn) {
      this.#last = { epoch, gen, seq: 0 }
      this.#chain = [{ gen, firstSeq: 1 }]
    }
    if (epoch !== this.#last.epoch || gen !== this.#last.gen || seq > this.#last.seq + 1) return false
    this.#counter = Math.max(this.#counter, counter)
    for (const entry of entries) {
      if (entry.seq > this.#last.seq && !this.#closed) this.#deliver(epoch, entry)
    }
    return true
  }

  /** Takes the held frames. One that does not fit is dropped if it came before `mark`, else waits for a repair. */
  #takeHeld(mark: number): void {
    const { first, frames } = this.#held.take()
    for (const [index, frame] of frames.entries()) {
      if (this.#wanted) this.#hold(frame)
      else if (!this.#take(frame) && first + index >= mark) {
        this.#hold(frame)
        this.#wanted = true
      }
    }
  }

  /** Beyond the bounds nothing is held: the next reading brings it. */
  #hold(frame: LiveFrame): void {
    if (!this.#held.add(frame)) this.#wanted = true
  }

  #deliver(epoch: string, entry: LogEntry): void {
    this.#last = { epoch, gen: entry.gen, seq: entry.seq }
    this.#counter = Math.max(this.#counter, entry.counter)
    let message: Message | undefined
    for (const place of this.#places) {
      if (place.gone || !place.listener.accepts(entry.channel)) continue
      message ??= new Message(entry.channel, entry.payload, this.#last)
      place.listener.onMessage(message)
    }
  }

  #gap(reason: GapReason, to: Position): void {
    const gap = { log: this.log.name, reason, from: this.#last, to }
    this.#last = to
    this.#options.onGap?.(gap)
    for (const place of this.#places) if (!place.gone) place.listener.onGap?.(gap)
  }

  #place(head: LogHead, seq: number): void {
    this.#last = positionIn(head, seq)
    this.#chain = head.chain
  }

  #read(query: Parameters<EventLog['read']>[1]): ReturnType<EventLog['read']> {
    return this.#options.eventLog.read(this.log, query)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      timer.unref()
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function positionIn({ epoch, chain }: LogHead, seq: number): Position {
  return { epoch, gen: generationAt(chain, seq) ?? chain[0]!.gen, seq }
}
