import { fullJitter } from '../core/backoff.ts'
import { toByteString } from '../core/byte-string.ts'
import type { GapListener } from '../core/gap.ts'
import { logOfLiveChannel } from '../core/keys.ts'
import { type LogId, logText } from '../core/log-id.ts'
import type { Message } from '../core/message.ts'
import type { PolicyTable } from '../core/policy-match.ts'
import type { Listener, PubSub, SubscriptionHandle, SubscriptionKind } from '../core/pub-sub.ts'
import type { LogTails } from './log-tails.ts'

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

export interface RouteOptions {
  readonly pubSub: PubSub
  readonly tails: LogTails
  readonly namespace: string
  readonly kind: SubscriptionKind
  readonly name: string
  readonly listener: Listener
  readonly onGap: GapListener | undefined
  /** The policies as they are now. */
  readonly table: () => PolicyTable
}

/** The log that a channel writes to; undefined where its policy keeps none. */
export function logOf(table: PolicyTable, channel: string): LogId | undefined {
  const found = table.find(channel)
  return found?.policy.history ? found.log : undefined
}

/** One live subscription: to the name itself, to the logs behind it, or to both, as the policies say. */
export class Route implements SubscriptionHandle {
  readonly #options: RouteOptions
  #handles: SubscriptionHandle[] = []
  #plan: Plan | undefined
  #moving = false
  #released = false

  constructor(options: RouteOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    // The policies may change while the subscription is made.
    for (let plan = this.#wanted(); plan.text !== this.#plan?.text; plan = this.#wanted()) await this.#take(plan)
  }

  /** Follows a change of the policies. What there was delivers until the new way stands; it is tried until it does. */
  async move(): Promise<void> {
    if (this.#moving) return
    this.#moving = true
    for (let attempt = 1; !this.#released && this.#plan !== undefined; attempt += 1) {
      try {
        await this.start()
        break
      } catch {
        await new Promise((resolve) => setTimeout(resolve, fullJitter(attempt, 200, 5_000)).unref())
      }
    }
    this.#moving = false
  }

  release(): void {
    this.#released = true
    for (const handle of this.#handles.splice(0)) handle.release()
  }

  #wanted(): Plan {
    const { kind, name, table } = this.#options
    if (kind === 'channel') {
      const log = logOf(table(), name)
      return log === undefined ? { text: 'plain', plain: true } : { text: logText(log), plain: false, log }
    }
    if (!table().mayLog(name)) return { text: 'plain', plain: true }
    const plain = !table().coversLogged(name)
    const shared = table().sharedLogs(name)
    return { text: JSON.stringify([plain, shared]), plain, shared }
  }

  async #take(plan: Plan): Promise<void> {
    const { pubSub, tails, kind, name, listener, onGap } = this.#options
    const handles: SubscriptionHandle[] = []
    const isNow = () => !this.#released && this.#plan === plan
    const entries = {
      accepts: (channel: string) => isNow() && (plan.log === undefined || channel === name),
      onMessage: listener,
      onGap: (gap: Parameters<GapListener>[0]) => isNow() && onGap?.(gap),
    }
    try {
      if (plan.plain) {
        const onMessage = (message: Message) => isNow() && this.#isPlain(message.channel) && listener(message)
        handles.push(await pubSub.subscribe(kind, name, onMessage))
      }
      if (plan.log !== undefined) handles.push(await tails.follow(plan.log, entries))
      if (plan.shared !== undefined) handles.push(await tails.watch(name, plan.shared, entries))
    } catch (error) {
      for (const handle of handles) handle.release()
      throw error
    }
    const former = this.#handles
    this.#handles = handles
    this.#plan = plan
    for (const handle of former) handle.release()
    if (this.#released) this.release()
  }

  /** Of a channel with a log, entries come from the log. Frames are no messages at all. */
  #isPlain(channel: string): boolean {
    const { namespace, kind, table } = this.#options
    if (kind === 'channel') return true
    return logOf(table(), channel) === undefined && logOfLiveChannel(namespace, toByteString(channel)) === undefined
  }
}
