import { TidingsError } from '../core/errors.ts'
import type { EventLog } from '../core/event-log.ts'
import type { Gap } from '../core/gap.ts'
import { type Place, placeText } from '../core/inbox.ts'
import type { BroadcastPlace } from '../core/inbox-store.ts'
import type { LogId } from '../core/log-id.ts'
import type { Message } from '../core/message.ts'
import type { LoggedPubSub } from '../log/logged-pub-sub.ts'
import type { TailHandle } from '../log/tail-handle.ts'
import { BEFORE_BIRTH, type Position, parsePosition } from '../protocol/position.ts'
import { BoardJournal, type BoardStep, isSame } from './board-journal.ts'
import type { Broadcast } from './broadcast.ts'
import { type BroadcastEntry, decodeBroadcastEntry } from './broadcast-log.ts'
import type { KeptLimits } from './kept-limits.ts'

export interface BroadcastBoardOptions {
  readonly pubSub: LoggedPubSub
  readonly eventLog: EventLog
  readonly log: LogId
  readonly broadcastChannel: string
  /** How many entries the log keeps; where this is refused, so is everything. */
  readonly limits: KeptLimits
  /** Called for each broadcast that comes after the start. */
  readonly onBroadcast: (broadcast: Broadcast) => void
  /** Called where what is shown may have changed. */
  readonly onChange: () => void
}

/** All broadcasts that are kept, in this process's memory: the log, followed from its first entry on. */
export class BroadcastBoard {
  readonly #options: BroadcastBoardOptions
  /** In the order of the log. */
  readonly #broadcasts = new Map<string, Broadcast>()
  /** Of every entry that is kept, in order: what a mark of a reader can be set to. */
  #places: Place[] = []
  readonly #journal = new BoardJournal()
  #newestFirst: readonly Broadcast[] | undefined
  #position: Position = BEFORE_BIRTH
  #starting: Promise<TailHandle> | undefined
  #live = false
  #closed = false
  readonly #waiting = new Set<() => void>()

  constructor(options: BroadcastBoardOptions) {
    this.#options = options
  }

  /** Resolves once everything is here that was in the log when it was called for the first time. */
  async ready(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    await this.#starting
  }

  /** Up to where the board is. */
  get position(): Position {
    return this.#position
  }

  get #maxCount(): number {
    return this.#options.limits.current.maxBroadcasts
  }

  /** What a store is to know of the broadcasts. */
  get place(): BroadcastPlace {
    return { ...this.#position, firstSeq: this.#places[0]?.seq ?? this.#position.seq + 1 }
  }

  /** Newest first, recalled ones too. */
  all(): readonly Broadcast[] {
    this.#newestFirst ??= [...this.#broadcasts.values()].reverse()
    return this.#newestFirst
  }

  /**
   * What has happened since the board was at a position, oldest first. Undefined where that is too long ago, or the log
   * has not just gone on since.
   */
  since(position: Position): readonly BoardStep[] | undefined {
    return isSame(position, this.#position) ? [] : this.#journal.since(position)
  }

  /** Whether something that was kept at a position, and was behind a place, is no longer. */
  hasTrimmed(position: Place, behind: Place): boolean {
    const oldest = Math.max(position.seq - this.#maxCount, behind.seq) + 1
    return oldest <= position.seq && oldest < this.place.firstSeq
  }

  /** The broadcast at a place; undefined where it is no longer kept. */
  at({ seq, gen }: Place): Broadcast | undefined {
    return this.all().find((broadcast) => broadcast.seq === seq && broadcast.gen === gen)
  }

  find(id: string): Broadcast | undefined {
    return this.#broadcasts.get(id)
  }

  /** As {@link find}, of what there is in the log now: another process may just have sent it. */
  async seek(id: string): Promise<Broadcast | undefined> {
    if (!this.#broadcasts.has(id)) {
      const { eventLog, log } = this.#options
      const { head } = await eventLog.read(log, { limit: 1 })
      if (head !== undefined) await this.reach(head)
    }
    return this.find(id)
  }

  /** The last entry there is at or before a mark that somebody set in the log as it was then. */
  clamp(mark: Position): Place | undefined {
    if (mark.epoch !== this.#position.epoch) return undefined
    return this.#places.findLast(({ seq, gen }) => seq <= mark.seq && gen <= mark.gen)
  }

  /** Whether a reader that has had everything up to a place can be told what came since. */
  isPart({ seq, gen }: Place): boolean {
    const first = this.#places[0]
    if (first === undefined) return seq === this.#position.seq && gen === this.#position.gen
    return seq === first.seq - 1
      ? gen <= first.gen
      : this.#places.some((place) => place.seq === seq && place.gen === gen)
  }

  /** Resolves once the board is at a position, or the log has turned out not to have it. */
  async reach(position: Position): Promise<void> {
    const { eventLog, log } = this.#options
    if (this.#has(position)) return
    const { head } = await eventLog.read(log, { limit: 1 })
    // What the log does not have (any more) is not waited for.
    if (head === undefined || head.epoch !== position.epoch || head.gen < position.gen) return
    const goal = { epoch: head.epoch, gen: head.gen, seq: Math.min(position.seq, head.seq) }
    while (!this.#has(goal)) {
      if (this.#closed) throw closed()
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  close(): void {
    this.#closed = true
    this.#starting?.then(
      (handle) => handle.release(),
      () => {},
    )
    this.#wake()
  }

  async #start(): Promise<TailHandle> {
    const { pubSub, eventLog, log, limits } = this.#options
    await limits.ready()
    const handle = await pubSub.follow(log, (message) => this.#onMessage(message), {
      since: 'start',
      onGap: (gap) => this.#onGap(gap),
    })
    try {
      const { head } = await eventLog.read(log, { limit: 1 })
      if (head !== undefined) await this.reach(head)
      if (this.#closed) throw closed()
      this.#live = true
      return handle
    } catch (error) {
      handle.release()
      this.#keep(() => false)
      this.#position = BEFORE_BIRTH
      this.#journal.clear()
      throw error
    }
  }

  #has({ epoch, gen, seq }: Position): boolean {
    const at = this.#position
    return at.epoch === epoch && (at.gen > gen || (at.gen === gen && at.seq >= seq))
  }

  #onMessage(message: Message): void {
    const [from, position] = [this.#position, message.position!]
    this.#position = position
    this.#places.push(position)
    const gone = this.#trim(position.seq - this.#maxCount)
    const entry = decodeBroadcastEntry(message, this.#options.broadcastChannel)
    const now = entry && this.#take(entry, position)
    this.#newestFirst = undefined
    this.#journal.add({ from, now, gone })
    if (now !== undefined && entry?.kind === 'broadcast' && this.#live) this.#options.onBroadcast(now)
    if (this.#live) this.#options.onChange()
    this.#wake()
  }

  /** Returns the broadcast that is new, or as it has become. */
  #take(entry: BroadcastEntry, position: Position): Broadcast | undefined {
    const changedAt = { seq: position.seq, gen: position.gen }
    const former = this.#broadcasts.get(entry.id)
    let now: Broadcast
    if (entry.kind === 'broadcast') {
      // An id is that of one: whoever wrote it again is not heard.
      if (former !== undefined) return undefined
      const text = placeText(changedAt)
      now = { id: entry.id, ...changedAt, text, ...said(entry), changedAt, recalled: false, former: undefined }
    } else if (former === undefined || former.recalled) return undefined
    else now = { ...former, ...(entry.kind === 'recall' ? { recalled: true } : said(entry)), changedAt, former }
    this.#broadcasts.set(entry.id, now)
    return now
  }

  #onGap({ reason, to }: Gap): void {
    const position = parsePosition(to)!
    if (reason === 'lost') this.#keep(() => false)
    else if (reason === 'trimmed') this.#trim(position.seq)
    else this.#goBack(position.seq)
    this.#position = position
    this.#newestFirst = undefined
    this.#journal.clear()
    if (this.#live) this.#options.onChange()
    this.#wake()
  }

  /** What is behind the fork is no more, nor is what it changed. */
  #goBack(forkSeq: number): void {
    this.#keep(({ seq }) => seq <= forkSeq)
    for (const [id, broadcast] of this.#broadcasts) {
      let now = broadcast
      while (now.changedAt.seq > forkSeq && now.former !== undefined) now = now.former
      if (now !== broadcast) this.#broadcasts.set(id, now)
    }
  }

  /** Returns what is no longer kept. */
  #trim(upToSeq: number): Broadcast[] {
    if ((this.#places[0]?.seq ?? Number.POSITIVE_INFINITY) > upToSeq) return []
    return this.#keep(({ seq }) => seq > upToSeq)
  }

  #keep(isKept: (place: Place) => boolean): Broadcast[] {
    this.#places = this.#places.filter(isKept)
    const gone: Broadcast[] = []
    for (const broadcast of this.#broadcasts.values()) if (!isKept(broadcast)) gone.push(broadcast)
    for (const { id } of gone) this.#broadcasts.delete(id)
    return gone
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

function said({ body, expiresAtMs }: Exclude<BroadcastEntry, { kind: 'recall' }>) {
  const audience = body.audience === undefined ? undefined : JSON.stringify(body.audience)
  return { body, expiresAtMs, audience }
}

function closed(): TidingsError {
  return new TidingsError('CLOSED', 'This notification service has been closed.')
}
