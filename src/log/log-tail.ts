import type { EventLog, LogEntry, LogHead } from '../core/event-log.ts'
import type { Gap, GapListener } from '../core/gap.ts'
import { liveChannel, logPartition } from '../core/keys.ts'
import { decodeFrame, type LiveFrame } from '../core/live-frame.ts'
import type { LogId } from '../core/log-id.ts'
import type { Message } from '../core/message.ts'
import type { PubSub, SubscriptionHandle } from '../core/pub-sub.ts'
import { BEFORE_BIRTH, type Position } from '../protocol/position.ts'
import { resume } from './fork.ts'
import { HeldFrames } from './held-frames.ts'
import { LogCursor } from './log-cursor.ts'
import { Patience } from './patience.ts'
import { type PlaceOwner, type TailListener, TailPlace } from './tail-place.ts'

/** Milliseconds in which what was appended just now comes live. */
const MOMENT_MS = 500

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
  readonly #frames = new HeldFrames()
  readonly #cursor: LogCursor
  #places: readonly TailPlace[] = []
  #subscription: Promise<SubscriptionHandle> | undefined
  #counter = 0
  #goal = 0
  #started = false
  #wanted = false
  #repairing = false
  #closed = false
  readonly #patience: Patience

  readonly #reader = {
    onEntry: (entry: LogEntry, position: Position): void => this.#deliver(entry, position),
    onGap: (gap: Gap): void => {
      this.#options.onGap?.(gap)
      for (const place of this.#places) place.gap(gap)
    },
    isDone: (): boolean => this.#closed,
  }
  readonly #owner: PlaceOwner = {
    position: () => (this.#started ? this.#cursor.position : undefined),
    chain: () => this.#cursor.chain,
    cursorAt: (position, fresh) => new LogCursor(this.#options.eventLog, this.log, position, this.#cursor.chain, fresh),
    gap: (gap) => this.#options.onGap?.(gap),
    failed: (error) => this.#options.onError?.(error),
    remove: (place) => {
      this.#places = this.#places.filter((other) => other !== place)
    },
  }

  constructor(options: LogTailOptions) {
    this.log = options.log
    this.#options = options
    this.#cursor = new LogCursor(options.eventLog, options.log)
    this.#patience = new Patience(options.onError)
  }

  /** True before the start, where a reading is under way or due, and where a listener has not had it all. */
  get behind(): boolean {
    return !this.#started || this.#wanted || this.#repairing || this.#places.some(({ behind }) => behind)
  }

  /** The last entry that was delivered, or where the tail goes on from. */
  get position(): Position {
    return this.#cursor.position
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

  /** It follows live, unless it is paused at once: then it gets what comes from the start of the tail on later. */
  add(listener: TailListener): TailPlace {
    const place = new TailPlace(this.#owner, listener)
    this.#places = [...this.#places, place]
    return place
  }

  /** Follows from now on. Resolves once nothing that is appended later can be missed; a rejected call leaves nothing. */
  async start(): Promise<void> {
    try {
      await this.subscribe()
      const { head, entries } = await this.#read({ limit: 1, reverse: true })
      if (head !== undefined) this.#cursor.place(head, head.seq)
      this.#counter = entries[0]?.counter ?? 0
      this.#begin()
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Follows from behind a position on, by frames that others hand to {@link frame}. */
  startAfter(position: Position): void {
    this.#cursor.position = position
    this.#begin()
  }

  /**
   * As {@link startAfter}, from the first entry that has at least this counter, as it was counted in an epoch of the
   * partition. Where counting has begun anew since then, from the first entry. Resolves to the head.
   */
  async startAtCounter(counter: number, epoch: string): Promise<LogHead | undefined> {
    const { eventLog } = this.#options
    let fromSeq = await eventLog.seek(this.log, 'counter', counter)
    let { head } = await this.#read({ limit: 1 })
    // Asked last: what was found before that is of that epoch too.
    const now = await eventLog.changes(logPartition(this.log, eventLog.partitions))
    if (epoch !== '' && now.epoch !== epoch) {
      fromSeq = 1
      ;({ head } = await this.#read({ limit: 1 }))
    }
    if (head !== undefined) this.#cursor.place(head, Math.min(Math.max(fromSeq, head.firstSeq) - 1, head.seq))
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

  /**
   * Makes sure that what it has is what the log has. Nothing is held up by it: where the log is ahead, its entries are
   * given a moment to come live, for on a busy log they are always on their way.
   */
  async check(): Promise<void> {
    const { position, chain } = this.#cursor
    let head: LogHead | undefined
    try {
      ;({ head } = await this.#read({ limit: 1, reverse: true }))
    } catch {
      this.repair()
      return
    }
    const next = resume(position, head, chain)
    // Retention may have passed where it was when it asked.
    const hasMovedOn = head !== undefined && this.position.seq >= head.firstSeq - 1
    if (next.kind === 'reset' && !(next.reason === 'trimmed' && hasMovedOn)) this.repair()
    else if (head !== undefined && this.#isBefore(head)) {
      const goal = head
      setTimeout(() => this.#isBefore(goal) && this.repair(), MOMENT_MS).unref()
    }
  }

  #isBefore({ epoch, seq }: Position): boolean {
    return this.position.epoch !== epoch || this.position.seq < seq
  }

  close(): void {
    this.#closed = true
    for (const place of this.#places) place.end()
    this.#places = []
    this.#frames.take()
    this.unsubscribe()
    this.#patience.end()
  }

  #begin(): void {
    if (this.#closed) return
    this.#started = true
    for (const place of this.#places) place.started()
    const behind = this.#wanted
    this.#wanted = false
    this.#takeHeld(0)
    if (behind || this.#wanted) this.repair()
  }

  async #repair(): Promise<void> {
    try {
      while (this.#wanted && !this.#closed) {
        await this.#patience.until(async () => {
          this.#wanted = false
          const [mark, goal] = [this.#frames.mark, this.#goal]
          await this.#cursor.readOn(this.#reader)
          this.#counter = Math.max(this.#counter, goal)
          this.#takeHeld(mark)
        })
      }
    } catch {
      this.close()
    }
    this.#repairing = false
  }

  /** False where the frame neither follows the last entry nor repeats what was delivered. */
  #take({ epoch, entries }: LiveFrame): boolean {
    const { gen, seq, counter } = entries[0]!
    const cursor = this.#cursor
    if (cursor.position === BEFORE_BIRTH && seq === 1) {
      cursor.position = { epoch, gen, seq: 0 }
      cursor.chain = [{ gen, firstSeq: 1 }]
    }
    const last = cursor.position
    if (epoch !== last.epoch || gen !== last.gen || seq > last.seq + 1) return false
    this.#counter = Math.max(this.#counter, counter)
    for (const entry of entries) {
      if (entry.seq <= cursor.position.seq || this.#closed) continue
      cursor.position = { epoch, gen, seq: entry.seq }
      this.#deliver(entry, cursor.position)
    }
    return true
  }

  /** Takes the held frames. One that does not fit is dropped if it came before `mark`, else waits for a repair. */
  #takeHeld(mark: number): void {
    const { first, frames } = this.#frames.take()
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
    if (!this.#frames.add(frame)) this.#wanted = true
  }

  #deliver(entry: LogEntry, position: Position): void {
    this.#counter = Math.max(this.#counter, entry.counter)
    let message: Message | undefined
    for (const place of this.#places) message = place.deliver(entry, position, message)
  }

  #read(query: Parameters<EventLog['read']>[1]): ReturnType<EventLog['read']> {
    return this.#options.eventLog.read(this.log, query)
  }
}
