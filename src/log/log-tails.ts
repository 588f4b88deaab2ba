import { toByteString } from '../core/byte-string.ts'
import { TidingsError } from '../core/errors.ts'
import type { EventLog } from '../core/event-log.ts'
import type { GapListener, Resumed } from '../core/gap.ts'
import { compileGlob } from '../core/glob.ts'
import { livePattern, logOfLiveChannel, logPartition } from '../core/keys.ts'
import { decodeFrame } from '../core/live-frame.ts'
import { type LogId, logText } from '../core/log-id.ts'
import type { Message } from '../core/message.ts'
import type { PubSub, SubscriptionHandle } from '../core/pub-sub.ts'
import { BEFORE_BIRTH } from '../protocol/position.ts'
import { positionIn } from './fork.ts'
import { LogTail } from './log-tail.ts'
import { LookRounds } from './look-rounds.ts'
import { type Change, PartitionLooks } from './partition-looks.ts'
import { startOf } from './since.ts'
import type { FollowHandle, FollowOptions, WatchHandle } from './tail-handle.ts'
import type { TailListener } from './tail-place.ts'
import { endOf, Watch } from './watch.ts'

const MAX_IDLE = 10_000

export interface LogTailsOptions {
  readonly pubSub: PubSub
  readonly eventLog: EventLog
  readonly namespace: string
  /** Takes each gap of each log once. */
  readonly onGap?: GapListener | undefined
  /** Takes trouble that belongs to no call. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Milliseconds between two looks for what did not come live. Default 2,500. */
  readonly lookMs?: number | undefined
  /** Logs without news that are remembered for patterns. Default 10,000. */
  readonly maxIdle?: number | undefined
}

interface Followed {
  readonly tail: LogTail
  readonly partition: number
  ready: Promise<void>
  /** Who asked for this very log. Without any, it is there for patterns, which bring its frames. */
  followers: number
}

/**
 * The logs that this process follows live, each by one tail, however many listen.
 *
 * Frames can be missed without a trace: a log that nobody appends to any more may have lost its last one, a pattern
 * may have missed that a log was born. So every few seconds, and at once after an interruption, each partition is
 * asked what has changed, and what did not come live is read.
 */
export class LogTails {
  readonly #options: LogTailsOptions
  /** The least recently used first. */
  readonly #followed = new Map<string, Followed>()
  readonly #watches = new Set<Watch>()
  readonly #looks: PartitionLooks
  readonly #rounds: LookRounds
  readonly #endStatus: () => void
  /** The connection that brings the frames is down: what is asked now says nothing of what comes before it is up. */
  #broken = false
  #closed = false

  constructor(options: LogTailsOptions) {
    this.#options = options
    this.#looks = new PartitionLooks({
      eventLog: options.eventLog,
      isMissed: (change) => this.#isMissed(change),
      onMissed: (change) => this.#onMissed(change),
      onHistory: (partition, anew) => this.#repairAll(partition, anew),
    })
    this.#rounds = new LookRounds({
      looks: this.#looks,
      lookMs: options.lookMs,
      partitions: () => this.#partitions(),
      looked: () => this.#forgetIdle(),
    })
    this.#endStatus = options.pubSub.onStatus(({ kind }) => {
      if (kind === 'disconnected' || kind === 'interruption') {
        this.#looks.doubt()
        this.#broken = kind === 'disconnected'
      }
      if (kind !== 'interruption') return
      for (const { tail, partition } of this.#followed.values()) {
        if (this.#looks.since(partition) === undefined) tail.repair()
      }
      this.#rounds.now()
    })
  }

  /** Logs that have a tail. */
  get size(): number {
    return this.#followed.size
  }

  /**
   * Follows one log, from now on or from further back. Resolves once nothing that is appended later can be missed.
   * @param paused delivers nothing before {@link TailHandle.resume}
   */
  async follow(
    log: LogId,
    listener: TailListener,
    { since, paused = false }: FollowOptions = {},
  ): Promise<FollowHandle> {
    this.#assertOpen()
    const known = this.#followed.get(logText(log))
    const followed = known ?? this.#create(log)
    const { tail } = followed
    const place = tail.add(listener)
    const watched = this.#watchedSince(log)
    const isBehind = known === undefined && watched < Number.POSITIVE_INFINITY
    if (isBehind) {
      // What was appended since the last look may not have come to the patterns yet: the tail begins there. The
      // listener's place is at the head.
      const { partition } = followed
      const counter = Math.max(watched, this.#looks.sinceOf(partition, log)) + 1
      const epoch = this.#looks.epoch(partition)
      const start = async () => {
        await tail.subscribe()
        const head = await tail.startAtCounter(counter, epoch)
        place.startAfter(head === undefined ? BEFORE_BIRTH : positionIn(head, head.seq))
      }
      followed.ready = this.#discardOnFailure(followed, start())
    } else if (known === undefined) followed.ready = this.#discardOnFailure(followed, tail.start())
    else if (followed.followers === 0) followed.ready = subscribeAfter(followed)
    if (paused || since !== undefined || isBehind) place.pause()
    followed.followers += 1
    let held = true
    const release = () => {
      if (!held) return
      held = false
      place.remove()
      followed.followers -= 1
      if (followed.followers === 0) followed.tail.unsubscribe()
      this.#discardUnused(followed)
    }
    let resumed: Resumed | undefined
    try {
      const { partition } = followed
      await Promise.all([followed.ready, this.#looks.since(partition) === undefined && this.#looks.look(partition)])
      this.#assertOpen()
      if (since !== undefined) {
        const start = await startOf(this.#options.eventLog, log, since)
        this.#assertOpen()
        resumed = start.resumed
        place.startAfter(start.position, since === 'start' || since instanceof Date)
      }
      if ((since !== undefined || isBehind) && !paused) place.resume(Number.POSITIVE_INFINITY)
    } catch (error) {
      release()
      throw error
    }
    this.#rounds.schedule()
    return {
      release,
      resumed,
      startAfter: (position) => place.startAfter(position),
      pause: () => place.pause(),
      resume: (room) => place.resume(room),
      drained: async () => !place.behind && !tail.behind && (await this.#hasAll([followed.partition])) && !place.behind,
    }
  }

  /**
   * Follows every channel's own log whose channel matches the pattern, and of some shared logs what matches.
   * Resolves once nothing that is appended later can be missed.
   * @param paused delivers nothing before {@link TailHandle.resume}
   */
  async watch(
    pattern: string,
    shared: readonly string[],
    listener: TailListener,
    { paused = false }: Pick<FollowOptions, 'paused'> = {},
  ): Promise<WatchHandle> {
    this.#assertOpen()
    const { pubSub, eventLog, namespace } = this.#options
    const glob = compileGlob(pattern)
    const handles: SubscriptionHandle[] = []
    const logs: { readonly log: LogId; readonly handle: FollowHandle }[] = []
    const partitions = Array.from({ length: eventLog.partitions }, (_, partition) => partition)
    let watch: Watch | undefined
    const release = () => {
      for (const { release } of [...handles.splice(0), ...logs.splice(0).map(({ handle }) => handle)]) release()
      const begun = watch
      watch = undefined
      if (begun === undefined || !this.#watches.delete(begun)) return
      begun.end()
      for (const followed of [...this.#followed.values()]) this.#discardUnused(followed)
    }
    const begin = (since: number[]) => {
      this.#assertOpen()
      watch = new Watch(pattern, listener, since, paused)
      this.#watches.add(watch)
      for (const { tail } of this.#followed.values()) watch.attach(tail)
      return watch
    }
    try {
      await Promise.all(partitions.map((each) => this.#looks.since(each) === undefined && this.#looks.look(each)))
      // A paused one has its places before it asks where it begins, so that nothing passes it by meanwhile.
      if (paused) begin(partitions.map((partition) => this.#looks.since(partition)!))
      const onMessage = (message: Message) => watch !== undefined && this.#onFrame(watch, message)
      handles.push(await pubSub.subscribe('pattern', livePattern(namespace, pattern), onMessage))
      for (const name of shared) {
        const log: LogId = { kind: 'shared', name }
        const accepts = (channel: string, counter: number) =>
          glob.matches(toByteString(channel)) && listener.accepts(channel, counter)
        logs.push({ log, handle: await this.follow(log, { ...listener, accepts }, { paused }) })
      }
      const changes = await Promise.all(partitions.map((partition) => eventLog.changes(partition)))
      const counters = changes.map(({ counter }) => counter)
      if (watch === undefined) begin(counters)
      this.#assertOpen()
    } catch (error) {
      release()
      throw error
    }
    const begun = watch!
    this.#rounds.schedule()
    return {
      startAfter: (ends) => {
        begun.startAfter(ends)
        for (const { log, handle } of logs) handle.startAfter(endOf(ends, log))
      },
      pause: () => {
        begun.pause()
        for (const { handle } of logs) handle.pause()
      },
      resume: (room) => {
        begun.resume(room)
        for (const { handle } of logs) handle.resume(room)
      },
      drained: async () => {
        const each = await Promise.all(logs.map(({ handle }) => handle.drained()))
        return each.every(Boolean) && !begun.behind && (await this.#hasAll(partitions)) && !begun.behind
      },
      release,
    }
  }

  close(): void {
    this.#closed = true
    this.#endStatus()
    this.#rounds.close()
    for (const { tail } of this.#followed.values()) tail.close()
    this.#followed.clear()
    this.#watches.clear()
  }

  #onFrame(watch: Watch, { channel, bytes }: Message): void {
    const log = logOfLiveChannel(this.#options.namespace, channel)
    // The pattern of internal names may match others' too.
    if (log === undefined || log.kind !== 'channel' || !watch.matches(log.name)) return
    const frame = decodeFrame(bytes, log.name)
    if (frame === undefined) return
    const text = logText(log)
    let followed = this.#followed.get(text)
    if (followed === undefined) {
      followed = this.#create(log)
      const since = this.#looks.since(followed.partition)
      if (since !== undefined && (this.#broken || this.#looks.isDoubtful(followed.partition))) {
        const change = { log, counter: frame.entries[0]!.counter, since: this.#looks.sinceOf(followed.partition, log) }
        this.#startAtCounter(followed, { ...change, since: Math.max(change.since, this.#watchedSince(log)) })
      } else {
        // Nothing was missed since the last look, so this is the first that is new.
        const { gen, seq } = frame.entries[0]!
        followed.tail.startAfter({ epoch: frame.epoch, gen, seq: seq - 1 })
      }
    } else {
      this.#followed.delete(text)
      this.#followed.set(text, followed)
    }
    followed.tail.frame(frame)
  }

  #create(log: LogId): Followed {
    const partition = logPartition(log, this.#options.eventLog.partitions)
    const tail: LogTail = new LogTail({ ...this.#options, log })
    const followed: Followed = { tail, partition, ready: Promise.resolve(), followers: 0 }
    this.#followed.set(logText(log), followed)
    for (const watch of this.#watches) watch.attach(tail)
    return followed
  }

  #discardUnused(followed: Followed): void {
    if (followed.followers > 0 || [...this.#watches].some((watch) => watch.has(followed.tail))) return
    this.#discard(followed)
  }

  #discard({ tail }: Followed): void {
    tail.close()
    for (const watch of this.#watches) watch.detach(tail)
    const text = logText(tail.log)
    if (this.#followed.get(text)?.tail === tail) this.#followed.delete(text)
  }

  async #discardOnFailure(followed: Followed, starting: Promise<unknown>): Promise<void> {
    try {
      await starting
    } catch (error) {
      this.#discard(followed)
      throw error
    }
  }

  /** What fails is looked at again, as long as it is missed. */
  #startAtCounter(followed: Followed, change: Change): void {
    const epoch = this.#looks.epoch(followed.partition)
    followed.ready = this.#discardOnFailure(followed, followed.tail.startAtCounter(change.since + 1, epoch))
    followed.ready.catch((error: unknown) => {
      this.#looks.remember(followed.partition, change)
      if (!this.#closed) this.#options.onError?.(error)
    })
  }

  #isMissed({ log, counter }: Change): boolean {
    const followed = this.#followed.get(logText(log))
    return followed === undefined ? this.#watchedSince(log) < counter : followed.tail.counter < counter
  }

  /** The counter from which on some pattern wants this log's entries; infinite where none does. */
  #watchedSince(log: LogId): number {
    let first = Number.POSITIVE_INFINITY
    if (log.kind === 'shared') return first
    const partition = logPartition(log, this.#options.eventLog.partitions)
    for (const watch of this.#watches) {
      const since = watch.since[partition]!
      if (since < first && watch.matches(log.name)) first = since
    }
    return first
  }

  #onMissed(change: Change): void {
    const { log, counter, since } = change
    const followed = this.#followed.get(logText(log))
    if (followed !== undefined) followed.tail.repair(counter)
    else this.#startAtCounter(this.#create(log), { log, counter, since: Math.max(since, this.#watchedSince(log)) })
  }

  #repairAll(partition: number, anew: boolean): void {
    for (const watch of this.#watches) if (anew) watch.since[partition] = 0
    for (const followed of this.#followed.values()) {
      if (followed.partition !== partition) continue
      if (anew) followed.tail.forgetCounter()
      void followed.tail.check()
    }
  }

  /** Whether nothing of these partitions has been missed. If something was, it is looked for at once. */
  async #hasAll(partitions: readonly number[]): Promise<boolean> {
    const missing = await Promise.all(partitions.map((partition) => this.#looks.isMissing(partition)))
    if (!missing.some(Boolean)) return true
    this.#looks.doubt()
    this.#rounds.now()
    return false
  }

  #partitions(): Set<number> | undefined {
    if (this.#followed.size === 0 && this.#watches.size === 0) return undefined
    const partitions = new Set(this.#watches.size > 0 ? this.#looks.partitions() : [])
    for (const { partition } of this.#followed.values()) partitions.add(partition)
    return partitions
  }

  /** What has changed since the last look is kept: if it was forgotten, its entries would seem to be missed. */
  #forgetIdle(): void {
    const idle = [...this.#followed.values()].filter(
      ({ followers, tail, partition }) =>
        followers === 0 && !tail.behind && tail.counter <= (this.#looks.since(partition) ?? 0),
    )
    const { maxIdle = MAX_IDLE } = this.#options
    for (const followed of idle.slice(0, Math.max(0, idle.length - maxIdle))) this.#discard(followed)
  }

  #assertOpen(): void {
    if (this.#closed) throw new TidingsError('CLOSED', 'This object is closed.', { hint: 'Create a new one to go on.' })
  }
}

/** A tail that patterns have had gets a subscription of its own. If that fails, they still have it. */
function subscribeAfter(followed: Followed): Promise<void> {
  const started = followed.ready
  const subscribe = async () => {
    await started
    try {
      await followed.tail.subscribe()
    } catch (error) {
      followed.ready = started
      throw error
    }
  }
  return subscribe()
}
