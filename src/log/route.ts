import { toByteString } from '../core/byte-string.ts'
import type { EventLog } from '../core/event-log.ts'
import type { GapListener, Resumed } from '../core/gap.ts'
import { compileGlob } from '../core/glob.ts'
import { logOfLiveChannel, logPartition, passedChannel } from '../core/keys.ts'
import { type LogId, logText } from '../core/log-id.ts'
import type { Message } from '../core/message.ts'
import type { PolicyTable } from '../core/policy-match.ts'
import type { Listener, PubSub, SubscriptionHandle, SubscriptionKind } from '../core/pub-sub.ts'
import { randomName } from '../core/random-name.ts'
import { logOf, noHistory, onePosition, PLAIN, type Plan, planOf } from './log-plan.ts'
import { LogSource } from './log-source.ts'
import type { LogTails } from './log-tails.ts'
import { Patience } from './patience.ts'
import { PatternHistory } from './pattern-history.ts'
import type { Since } from './since.ts'
import type { TailHandle } from './tail-handle.ts'
import type { TailListener } from './tail-place.ts'

/** What all routes of a connection have in common. */
export interface RouteContext {
  readonly pubSub: PubSub
  readonly eventLog: EventLog
  readonly tails: LogTails
  readonly namespace: string
  /** The policies as they are now. */
  readonly table: () => PolicyTable
  /** Takes each gap that one listener alone has. */
  readonly onOwnGap: GapListener
  readonly onError: (error: unknown) => void
  readonly onReleased: (route: Route) => void
  /** Milliseconds in which others, too, have seen a change of the policies. */
  readonly leaveMs: number
}

/** Who is to get what. */
export interface RouteTarget {
  readonly kind: SubscriptionKind
  readonly name: string
  readonly listener: Listener
  readonly onGap: GapListener | undefined
}

/** Stands for the logs behind a pattern. */
const PATTERN = 'pattern'

/**
 * One subscription: to the name itself, to the logs behind it, or to both, as the policies say.
 *
 * When they change, what it has goes on until what it needs stands. A log that it needs no more is left only when it
 * has been given all of it, however far behind it is; one that it needs in its place is read from the change on.
 */
export class Route implements TailHandle {
  readonly #context: RouteContext
  readonly #target: RouteTarget
  readonly #matches: (channel: string) => boolean
  #plain: SubscriptionHandle | undefined
  /** By the log, or {@link PATTERN}. */
  #sources = new Map<string, LogSource>()
  readonly #leaving = new Set<LogSource>()
  #plan: Plan | undefined
  /** The policies that the plan is of. */
  #table: PolicyTable | undefined
  #patience: Patience | undefined
  #timer: NodeJS.Timeout | undefined
  #paused = false
  #released = false
  resumed: Resumed | undefined

  constructor(context: RouteContext, target: RouteTarget) {
    this.#context = context
    this.#target = target
    const glob = target.kind === 'pattern' ? compileGlob(target.name) : undefined
    this.#matches = (channel) => glob?.matches(toByteString(channel)) ?? channel === target.name
  }

  /** @throws TidingsError `NO_HISTORY` where it is to begin further back and nothing is kept */
  async start(since?: Since): Promise<void> {
    // The policies may change while the subscription is made.
    for (;;) {
      const table = this.#context.table()
      const plan = planOf(table, this.#target)
      if (plan.text !== this.#plan?.text) await this.#take(plan, table, this.#plan === undefined ? since : undefined)
      else {
        this.#table = table
        return
      }
      if (this.#released) return
    }
  }

  /** Follows a change of the policies; it is tried until it is done. */
  async move(): Promise<void> {
    if (this.#patience !== undefined || this.#plan === undefined) return
    this.#patience = new Patience()
    await this.#patience.until(() => this.start()).catch(() => {})
    this.#patience = undefined
  }

  /** Entries of logs stay there from now on. Messages of channels without one go on. */
  pause(): void {
    this.#paused = true
    for (const { handle } of this.#all()) handle.pause()
  }

  resume(room: number): void {
    this.#paused = false
    for (const { handle } of this.#all()) handle.resume(room)
  }

  async drained(): Promise<boolean> {
    const each = await Promise.all(this.#all().map(({ handle }) => handle.drained()))
    return each.every(Boolean)
  }

  release(): void {
    this.#released = true
    this.#patience?.end()
    clearTimeout(this.#timer)
    this.#plain?.release()
    for (const source of this.#all()) source.release()
    this.#plain = undefined
    this.#sources.clear()
    this.#leaving.clear()
    this.#context.onReleased(this)
  }

  #all(): LogSource[] {
    return [...this.#leaving, ...this.#sources.values()]
  }

  async #take(plan: Plan, table: PolicyTable, since: Since | undefined): Promise<void> {
    const { pubSub } = this.#context
    const { kind, name, listener } = this.#target
    if (since !== undefined && plan.log === undefined && plan.shared === undefined) throw noHistory(name)
    const before = this.#table
    const begun = new Map<string, LogSource>()
    let plain: SubscriptionHandle | undefined
    let limits: readonly number[] = []
    try {
      if (plan.plain && this.#plain === undefined) {
        const onMessage = (message: Message) => this.#isPlain(message.channel) && listener(message)
        plain = await pubSub.subscribe(kind, name, onMessage)
      }
      await this.#begin(plan, since, begun)
      // What logs that are left have from now on comes on the name itself.
      if (before !== undefined && plan.text === PLAIN.text) limits = await this.#counters()
      // What was published before the logs were looked at is still to come on the name itself: it is waited for.
      if (before !== undefined) await this.#passed()
    } catch (error) {
      plain?.release()
      for (const source of begun.values()) source.release()
      throw error
    }
    this.#plan = plan
    this.#table = table
    if (plain !== undefined) this.#plain = plain
    if (!plan.plain) {
      this.#plain?.release()
      this.#plain = undefined
    }
    if (before === undefined) this.resumed = begun.values().next().value?.handle.resumed
    for (const [text, source] of this.#sources) if (!this.#needs(plan, text)) this.#leave(text, source, limits)
    for (const [text, source] of begun) this.#sources.set(text, source)
    for (const source of begun.values()) source.open()
    if (this.#released) this.release()
    else if (this.#paused) this.pause()
    else for (const { handle } of begun.values()) handle.resume(Number.POSITIVE_INFINITY)
  }

  /** A pattern keeps all that it has, as long as there may be any logs behind it. */
  #needs(plan: Plan, text: string): boolean {
    return this.#target.kind === 'pattern' ? plan.shared !== undefined : plan.text === text
  }

  /** Makes the sources that a plan needs, and there are not yet. */
  async #begin(plan: Plan, since: Since | undefined, begun: Map<string, LogSource>): Promise<void> {
    if (plan.shared !== undefined && !this.#sources.has(PATTERN)) {
      const source = this.#source()
      begun.set(PATTERN, source)
      source.handle = await this.#watch(plan.shared, source.listener, since)
      source.shared = plan.shared
      return
    }
    const has = this.#sources.get(PATTERN)?.shared ?? []
    const names = plan.shared?.filter((name) => !has.includes(name)) ?? []
    const logs: LogId[] = names.map((name) => ({ kind: 'shared', name }))
    if (plan.log !== undefined) logs.push(plan.log)
    for (const log of logs) {
      const text = logText(log)
      if (!this.#sources.has(text)) begun.set(text, await this.#follow(log, since))
    }
  }

  async #follow(log: LogId, since: Since | undefined): Promise<LogSource> {
    const { eventLog, tails } = this.#context
    const former = this.#table
    const text = logText(log)
    const known = [...this.#leaving].find((source) => source.text === text && !source.limited)
    if (known !== undefined) {
      this.#leaving.delete(known)
      return known
    }
    if (former === undefined || this.#sources.size === 0) {
      const source = this.#source(text)
      source.handle = await tails.follow(log, source.listener, { since, paused: since !== undefined })
      return source
    }
    // What came there from other logs since the policies changed has come from nowhere yet. What has come from no log
    // has come on its name.
    const changedMs = await eventLog.policiesChangedMs(former.version)
    const { counter } = await eventLog.changes(logPartition(log, eventLog.partitions))
    const source = this.#source(text, (channel, now) => now > counter || logOf(former, channel) !== undefined)
    source.open()
    const from = changedMs === undefined ? undefined : new Date(changedMs)
    source.handle = await tails.follow(log, source.listener, { since: from, paused: true })
    return source
  }

  #source(text = PATTERN, accepts: TailListener['accepts'] = () => true): LogSource {
    const { listener, onGap } = this.#target
    return new LogSource(text, {
      accepts: (channel, counter) => !this.#released && this.#matches(channel) && accepts(channel, counter),
      onMessage: listener,
      onGap: (gap) => {
        if (!this.#released) onGap?.(gap)
      },
    })
  }

  #leave(text: string, source: LogSource, limits: readonly number[]): void {
    this.#sources.delete(text)
    this.#leaving.add(source)
    if (limits.length > 0) source.limit(this.#upTo(limits, source))
    this.#drain()
  }

  /** Ends what is left once others have had the time to leave it too, and all of it has come. */
  #drain(): void {
    if (this.#timer !== undefined || this.#released || this.#leaving.size === 0) return
    const drain = async () => {
      for (const source of this.#leaving) {
        const isDrained = await source.handle.drained().catch(() => false)
        if (!isDrained || !this.#leaving.delete(source)) continue
        source.release()
      }
      this.#timer = undefined
      this.#drain()
    }
    this.#timer = setTimeout(() => void drain(), this.#context.leaveMs)
    this.#timer.unref()
  }

  /** What was appended up to the counters. Where that cannot be told of one log from others it is rather more. */
  #upTo(limits: readonly number[], { shared }: LogSource): TailListener['accepts'] {
    const { partitions } = this.#context.eventLog
    const former = this.#table!
    const limitOf = (log: LogId) => limits[logPartition(log, partitions)]!
    const ofShared = shared.map((name) => limitOf({ kind: 'shared', name }))
    return (channel, counter) => {
      const log = logOf(former, channel)
      const isOne = this.#target.kind === 'channel' && log !== undefined
      const own = isOne ? [] : [limitOf({ kind: 'channel', name: channel })]
      return counter <= Math.max(...own, ...ofShared, ...(log === undefined ? [] : [limitOf(log)]))
    }
  }

  /** The change counters of the partitions that there may be something of. */
  async #counters(): Promise<number[]> {
    const { eventLog } = this.#context
    const counters: number[] = []
    const ask = async (partition: number) => {
      counters[partition] = (await eventLog.changes(partition)).counter
    }
    const one = this.#target.kind === 'channel' ? logOf(this.#table!, this.#target.name) : undefined
    if (one !== undefined) await ask(logPartition(one, eventLog.partitions))
    else await Promise.all(Array.from({ length: eventLog.partitions }, (_, partition) => ask(partition)))
    return counters
  }

  /** Resolves once all that Redis had sent to this subscriber until now has come. */
  async #passed(): Promise<void> {
    const { pubSub, namespace } = this.#context
    const handle = await pubSub.subscribe('channel', passedChannel(namespace, randomName()), () => {})
    handle.release()
  }

  async #watch(shared: readonly string[], entries: TailListener, since: Since | undefined): Promise<TailHandle> {
    const { tails, eventLog, onOwnGap, onError } = this.#context
    const pattern = this.#target.name
    if (since === undefined) return tails.watch(pattern, shared, entries)
    if (since !== 'start' && !(since instanceof Date)) throw onePosition()
    const live = await tails.watch(pattern, shared, entries, { paused: true })
    const onGap: GapListener = (gap) => {
      onOwnGap(gap)
      entries.onGap?.(gap)
    }
    const { accepts, onMessage } = entries
    return new PatternHistory({ eventLog, pattern, since, live, accepts, onMessage, onGap, onError })
  }

  /** Of a channel with a log, entries come from the log. Frames are no messages at all. */
  #isPlain(channel: string): boolean {
    if (this.#released || this.#plan?.plain !== true) return false
    if (this.#target.kind === 'channel') return true
    const { namespace } = this.#context
    return (
      logOf(this.#table!, channel) === undefined && logOfLiveChannel(namespace, toByteString(channel)) === undefined
    )
  }
}
