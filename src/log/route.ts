import { toByteString } from '../core/byte-string.ts'
import { TidingsError } from '../core/errors.ts'
import type { EventLog } from '../core/event-log.ts'
import type { GapListener, Resumed } from '../core/gap.ts'
import { logOfLiveChannel, passedChannel } from '../core/keys.ts'
import { type LogId, logText } from '../core/log-id.ts'
import type { Message } from '../core/message.ts'
import type { PolicyTable } from '../core/policy-match.ts'
import type { Listener, PubSub, SubscriptionHandle, SubscriptionKind } from '../core/pub-sub.ts'
import { randomName } from '../core/random-name.ts'
import type { LogTails, TailHandle } from './log-tails.ts'
import { Patience } from './patience.ts'
import { PatternHistory } from './pattern-history.ts'
import type { Since } from './since.ts'
import type { TailListener } from './tail-place.ts'

/** What a subscription is made of. */
interface Plan {
  /** Equal for equal plans. */
  readonly text: string
  readonly plain: boolean
  /** The log of a channel. */
  readonly log?: LogId
  /** The shared logs behind a pattern that logs may be behind. */
  readonly shared?: readonly string[]
}

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
}

/** Who is to get what. */
export interface RouteTarget {
  readonly kind: SubscriptionKind
  readonly name: string
  readonly listener: Listener
  readonly onGap: GapListener | undefined
}

const PLAIN: Plan = { text: 'plain', plain: true }

/** The log that a channel writes to; undefined where its policy keeps none. */
export function logOf(table: PolicyTable, channel: string): LogId | undefined {
  const found = table.find(channel)
  return found?.policy.history ? found.log : undefined
}

/** One subscription: to the name itself, to the logs behind it, or to both, as the policies say. */
export class Route implements TailHandle {
  readonly #context: RouteContext
  readonly #target: RouteTarget
  #handles: readonly SubscriptionHandle[] = []
  #logs: readonly TailHandle[] = []
  #plan: Plan | undefined
  #patience: Patience | undefined
  #paused = false
  #released = false
  resumed: Resumed | undefined

  constructor(context: RouteContext, target: RouteTarget) {
    this.#context = context
    this.#target = target
  }

  /** @throws TidingsError `NO_HISTORY` where it is to begin further back and nothing is kept */
  start(since?: Since): Promise<void> {
    if (this.#plan !== undefined || since !== undefined || this.#wanted() !== PLAIN) return this.#follow(since)
    return this.#takePlain().then(() => this.#follow(undefined))
  }

  async #follow(since: Since | undefined): Promise<void> {
    // The policies may change while the subscription is made.
    for (let plan = this.#wanted(); plan.text !== this.#plan?.text; plan = this.#wanted()) {
      await (plan === PLAIN && since === undefined ? this.#takePlain() : this.#take(plan, since))
    }
  }

  /** Follows a change of the policies. What there was delivers until the new way stands; it is tried until it does. */
  async move(): Promise<void> {
    if (this.#patience !== undefined || this.#plan === undefined) return
    this.#patience = new Patience()
    await this.#patience.until(() => this.start()).catch(() => {})
    this.#patience = undefined
  }

  /** Entries of logs stay there from now on. Messages of channels without one go on. */
  pause(): void {
    this.#paused = true
    for (const log of this.#logs) log.pause()
  }

  resume(room: number): void {
    this.#paused = false
    for (const log of this.#logs) log.resume(room)
  }

  release(): void {
    this.#released = true
    this.#patience?.end()
    for (const handle of [...this.#handles, ...this.#logs]) handle.release()
    this.#handles = []
    this.#logs = []
    this.#context.onReleased(this)
  }

  #wanted(): Plan {
    const { kind, name } = this.#target
    const { table } = this.#context
    if (kind === 'channel') {
      const log = logOf(table(), name)
      return log === undefined ? PLAIN : { text: logText(log), plain: false, log }
    }
    if (!table().mayLog(name)) return PLAIN
    const plain = !table().coversLogged(name)
    const shared = table().sharedLogs(name)
    return { text: JSON.stringify([plain, shared]), plain, shared }
  }

  async #take(plan: Plan, since: Since | undefined): Promise<void> {
    const { pubSub, tails } = this.#context
    const { kind, name, listener } = this.#target
    if (since !== undefined && plan.log === undefined && plan.shared === undefined) throw noHistory(name)
    const handles: SubscriptionHandle[] = []
    const logs: TailHandle[] = []
    const isNow = () => !this.#released && this.#plan === plan
    const entries = {
      accepts: (channel: string) => isNow() && (plan.log === undefined || channel === name),
      onMessage: listener,
      onGap: (gap: Parameters<GapListener>[0]) => {
        if (isNow()) this.#target.onGap?.(gap)
      },
    }
    try {
      if (plan.plain) {
        const onMessage = (message: Message) => isNow() && this.#isPlain(message.channel) && listener(message)
        handles.push(await pubSub.subscribe(kind, name, onMessage))
      }
      const paused = since !== undefined
      if (plan.log !== undefined) logs.push(await tails.follow(plan.log, entries, { since, paused }))
      if (plan.shared !== undefined) logs.push(await this.#watch(name, plan.shared, entries, since))
      // What was published before the log was read is still to come on the name itself: it is waited for.
      if (this.#plan !== undefined && logs.length > 0) await this.#passed()
    } catch (error) {
      for (const handle of [...handles, ...logs]) handle.release()
      throw error
    }
    this.#stand(plan, handles, logs)
    if (this.#released) return
    if (this.#paused) this.pause()
    else if (since !== undefined) for (const log of logs) log.resume(Number.POSITIVE_INFINITY)
  }

  /** As {@link #take}, for a name without logs behind it: most are such, and this keeps the least for each. */
  #takePlain(): Promise<void> {
    const { kind, name, listener } = this.#target
    const onMessage: Listener = (message) => {
      if (!this.#released && this.#plan === PLAIN && this.#isPlain(message.channel)) listener(message)
    }
    return this.#context.pubSub.subscribe(kind, name, onMessage).then((handle) => this.#stand(PLAIN, [handle], []))
  }

  /** What was made takes the place of what there was. */
  #stand(plan: Plan, handles: readonly SubscriptionHandle[], logs: readonly TailHandle[]): void {
    const [formerHandles, formerLogs] = [this.#handles, this.#logs]
    this.#handles = handles
    this.#logs = logs
    this.#plan = plan
    this.resumed = logs[0]?.resumed
    for (const handle of formerHandles) handle.release()
    for (const log of formerLogs) log.release()
    if (this.#released) this.release()
  }

  /** Resolves once all that Redis had sent to this subscriber until now has come. */
  async #passed(): Promise<void> {
    const { pubSub, namespace } = this.#context
    const handle = await pubSub.subscribe('channel', passedChannel(namespace, randomName()), () => {})
    handle.release()
  }

  async #watch(
    pattern: string,
    shared: readonly string[],
    entries: TailListener,
    since: Since | undefined,
  ): Promise<TailHandle> {
    const { tails, eventLog, onOwnGap, onError } = this.#context
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
    const { namespace, table } = this.#context
    if (this.#target.kind === 'channel') return true
    return logOf(table(), channel) === undefined && logOfLiveChannel(namespace, toByteString(channel)) === undefined
  }
}

export function noHistory(channel: string): TidingsError {
  return new TidingsError('NO_HISTORY', `The policy of "${channel}" keeps no history.`, {
    context: { channel },
    hint: 'Give it a policy with "history", or do without: tidings policy apply takes channels, bus.policies.apply event types, without their prefix.',
  })
}

/** Reading several logs from one position cannot be. */
export function onePosition(): TidingsError {
  return new TidingsError('INVALID_OPTION', 'A position belongs to one log, and this reads several.', {
    hint: 'Give a Date, or read one event type.',
  })
}
