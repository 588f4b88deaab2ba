import { TidingsError } from '../core/errors.ts'
import type { Appended, EventLog, LogMessage } from '../core/event-log.ts'
import type { GapListener } from '../core/gap.ts'
import { liveChannel, livePattern, logOfLiveChannel } from '../core/keys.ts'
import type { LogId } from '../core/log-id.ts'
import type { Durability } from '../core/policy.ts'
import type { FoundPolicy, PolicyTable } from '../core/policy-match.ts'
import type { Listener, PubSub, PubSubGuarantees, SubscriptionKind } from '../core/pub-sub.ts'
import { settledWithin } from '../core/settled-within.ts'
import type { ConnectionStatus, StatusListener } from '../core/status.ts'
import { GapStatuses } from './gap-statuses.ts'
import { logOf, noHistory } from './log-plan.ts'
import { LogTails } from './log-tails.ts'
import { PolicyFollower } from './policy-follower.ts'
import { Route, type RouteContext, type RouteTarget } from './route.ts'
import type { Since } from './since.ts'
import type { TailHandle } from './tail-handle.ts'

const CLOSE_DEADLINE_MS = 3_000
const POLICY_MS = 1_000
/** Readings of the policies after which others have seen a change. */
const LEAVE_ROUNDS = 10

export interface LoggedPubSubOptions {
  readonly namespace: string
  /** Milliseconds between two looks for what did not come live. Default 2,500. */
  readonly lookMs?: number | undefined
  /** Milliseconds between two readings of the policies. Default 1,000. */
  readonly policyMs?: number | undefined
}

export interface AppendOptions {
  readonly dedupe?: LogMessage['dedupe']
  /** Instead of the policy's. */
  readonly durability?: Durability | undefined
}

export interface SubscribeOptions {
  /** Where to begin: with the first kept entry, at a time, or right after a position. Default: now. */
  readonly since?: Since | undefined
  /** Takes what cannot be had of the logs behind the name. */
  readonly onGap?: GapListener | undefined
}

/**
 * A PubSub that keeps what the policies want kept. To a channel with history, publishing appends, and its subscribers
 * get every entry once and in order, with its position, or a gap that says what they cannot get. For other channels
 * it is the PubSub beneath.
 *
 * When the policies of a channel change, its subscribers move within about a second. Of a log they leave nothing behind,
 * and of one that takes its place they get all since the change. A message of that moment may reach them twice, and
 * one that is in no log, from a publisher that was faster to know, not at all.
 */
export class LoggedPubSub implements PubSub {
  readonly guarantees: PubSubGuarantees
  readonly #pubSub: PubSub
  readonly #eventLog: EventLog
  readonly #namespace: string
  readonly #policies: PolicyFollower
  readonly #tails: LogTails
  readonly #routing: RouteContext
  readonly #routes = new Set<Route>()
  readonly #statusListeners = new Set<{ readonly listener: StatusListener }>()
  /** Calls that wait for a reading of the policies: later ones must not overtake them. */
  readonly #waiting = new Set<Promise<unknown>>()
  readonly #onError = (error: unknown): void => {
    if (error instanceof TidingsError) this.#report({ kind: 'error', error })
  }
  readonly #gaps = new GapStatuses((gap) => this.#report({ kind: 'gap', gap }))
  #closing: Promise<void> | undefined

  constructor(pubSub: PubSub, eventLog: EventLog, { namespace, lookMs, policyMs }: LoggedPubSubOptions) {
    this.guarantees = pubSub.guarantees
    this.#pubSub = pubSub
    this.#eventLog = eventLog
    this.#namespace = namespace
    const onError = this.#onError
    const onGap: GapListener = (gap) => this.#gaps.add(gap)
    eventLog.onWarning(onError)
    this.#policies = new PolicyFollower({ pubSub, eventLog, onError, everyMs: policyMs })
    this.#policies.onChange(() => {
      for (const route of this.#routes) void route.move()
    })
    this.#tails = new LogTails({ pubSub, eventLog, namespace, onError, onGap, lookMs })
    this.#routing = {
      pubSub,
      eventLog,
      namespace,
      tails: this.#tails,
      table: () => this.#policies.current!,
      onOwnGap: onGap,
      onError,
      onReleased: (route) => this.#routes.delete(route),
      leaveMs: LEAVE_ROUNDS * (policyMs ?? POLICY_MS),
    }
  }

  /** The PubSub beneath, which knows no logs: what travels on a name itself. */
  get plain(): PubSub {
    return this.#pubSub
  }

  async connect(): Promise<void> {
    await this.#pubSub.connect()
    await this.#table()
  }

  /** To a channel with history it appends. */
  publish(channel: string, payload: string | Uint8Array): Promise<number> {
    const table = this.#waiting.size === 0 ? this.#policies.current : undefined
    if (table !== undefined) return this.#publishBy(table, channel, payload)
    return this.#later((read) => this.#publishBy(read, channel, payload))
  }

  /** @throws TidingsError `NO_HISTORY`, `MESSAGE_TOO_LARGE`, and what {@link EventLog.append} throws */
  append(channel: string, payload: string | Uint8Array, options: AppendOptions = {}): Promise<Appended> {
    const table = this.#waiting.size === 0 ? this.#policies.current : undefined
    // The policy may be newer than the last reading.
    if (table?.find(channel)?.policy.history) return this.#appendBy(table, channel, payload, options)
    return this.#later(async (read) => {
      const fresh = read.find(channel)?.policy.history ? read : await this.#policies.read()
      return this.#appendBy(fresh, channel, payload, options)
    })
  }

  /** The log of a channel. @throws TidingsError `NO_HISTORY` */
  async logOf(channel: string): Promise<LogId> {
    const log = logOf(await this.#table(), channel) ?? logOf(await this.#policies.read(), channel)
    if (log === undefined) throw noHistory(channel)
    return log
  }

  /** Reads the policies now. */
  async readPolicies(): Promise<void> {
    await this.#policies.read()
  }

  /**
   * As the contract says, and from further back with `since`: then what was kept since comes first.
   * @throws TidingsError `NO_HISTORY` with `since` where nothing is kept
   */
  subscribe(
    kind: SubscriptionKind,
    name: string,
    listener: Listener,
    { since, onGap }: SubscribeOptions = {},
  ): Promise<TailHandle> {
    const target = { kind, name, listener, onGap }
    if (this.#policies.current === undefined) return this.#table().then(() => this.#begin(target, since))
    // The policy may be newer than the last reading.
    if (since !== undefined) return this.#policies.read().then(() => this.#begin(target, since))
    return this.#begin(target, since)
  }

  #begin(target: RouteTarget, since: Since | undefined): Promise<TailHandle> {
    const route = new Route(this.#routing, target)
    this.#routes.add(route)
    return route.start(since).then(
      () => route,
      (error: unknown) => {
        route.release()
        throw error
      },
    )
  }

  /** Follows a log, whatever the policies say. Otherwise as {@link subscribe}. */
  follow(log: LogId, listener: Listener, { since, onGap }: SubscribeOptions = {}): Promise<TailHandle> {
    return this.#tails.follow(log, { accepts: () => true, onMessage: listener, onGap }, { since })
  }

  /** Channels that share a log are not told apart: of these, only names that somebody subscribes to plainly. */
  async activeChannels(pattern: string): Promise<string[]> {
    const [plain, live] = await Promise.all([
      this.#pubSub.activeChannels(pattern),
      this.#pubSub.activeChannels(livePattern(this.#namespace, pattern)),
    ])
    const names = new Set(plain.filter((name) => logOfLiveChannel(this.#namespace, name) === undefined))
    for (const channel of live) {
      const log = logOfLiveChannel(this.#namespace, channel)
      if (log?.kind === 'channel') names.add(log.name)
    }
    return [...names]
  }

  /** With those of the channel's log, which others may share. */
  async subscriberCounts(channels: readonly string[]): Promise<number[]> {
    const table = await this.#table()
    const logs = channels.map((channel) => logOf(table, channel))
    const live = logs.flatMap((log) =>
      log === undefined ? [] : [liveChannel(this.#namespace, log, this.#eventLog.partitions)],
    )
    const counts = await this.#pubSub.subscriberCounts([...channels, ...live])
    let next = channels.length
    return logs.map((log, index) => {
      if (log === undefined) return counts[index]!
      next += 1
      return counts[index]! + counts[next - 1]!
    })
  }

  patternCount(): Promise<number> {
    return this.#pubSub.patternCount()
  }

  onStatus(listener: StatusListener): () => void {
    const entry = { listener }
    this.#statusListeners.add(entry)
    const end = this.#pubSub.onStatus(listener)
    return () => {
      this.#statusListeners.delete(entry)
      end()
    }
  }

  /** Closes the PubSub and the log beneath. */
  close(deadlineMs: number = CLOSE_DEADLINE_MS): Promise<void> {
    this.#closing ??= this.#close(deadlineMs)
    return this.#closing
  }

  async #close(deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs
    this.#tails.close()
    this.#gaps.close()
    for (const route of [...this.#routes]) route.release()
    // What was accepted is still to be handed on.
    if (this.#waiting.size > 0) await settledWithin(this.#waiting, deadlineMs)
    this.#policies.close()
    const left = Math.max(0, deadline - performance.now())
    await Promise.all([this.#pubSub.close(left), this.#eventLog.close(left)])
  }

  #publishBy(table: PolicyTable, channel: string, payload: string | Uint8Array): Promise<number> {
    const found = table.find(channel)
    if (found === undefined) return this.#pubSub.publish(channel, payload)
    const refused = refusal(payload, found)
    if (refused !== undefined) return Promise.reject(refused)
    if (!found.policy.history) return this.#pubSub.publish(channel, payload)
    return this.#append(found, channel, payload, {}).then(receiversOf)
  }

  #appendBy(
    table: PolicyTable,
    channel: string,
    payload: string | Uint8Array,
    options: AppendOptions,
  ): Promise<Appended> {
    const found = table.find(channel)
    if (!found?.policy.history) return Promise.reject(noHistory(channel))
    const refused = refusal(payload, found)
    return refused === undefined ? this.#append(found, channel, payload, options) : Promise.reject(refused)
  }

  /** Does something once the policies have been read; calls that come meanwhile do not overtake it. */
  #later<T>(act: (table: PolicyTable) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) {
      return Promise.reject(new TidingsError('CLOSED', 'This connection has been closed.'))
    }
    const handedOn = this.#table().then((table) => ({ result: act(table) }))
    this.#waiting.add(handedOn)
    const done = () => void this.#waiting.delete(handedOn)
    handedOn.then(done, done)
    return handedOn.then(({ result }) => result)
  }

  #append(
    { policy, log }: FoundPolicy,
    channel: string,
    payload: string | Uint8Array,
    { dedupe, durability = policy.durability }: AppendOptions,
  ): Promise<Appended> {
    const retention = policy.history || {}
    return this.#eventLog.append(log, { channel, payload, retention, dedupe, durability })
  }

  async #table(): Promise<PolicyTable> {
    return this.#policies.current ?? this.#policies.read()
  }

  #report(status: ConnectionStatus): void {
    for (const { listener } of this.#statusListeners) listener(status)
  }
}

function receiversOf({ receivers }: Appended): number {
  return receivers
}

function refusal(payload: string | Uint8Array, { policy: { maxBytes } }: FoundPolicy): TidingsError | undefined {
  if (maxBytes === undefined) return undefined
  const bytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength
  if (bytes <= maxBytes) return undefined
  return new TidingsError('MESSAGE_TOO_LARGE', `The message has ${bytes} bytes; its policy allows ${maxBytes}.`, {
    context: { bytes, maxBytes },
    hint: 'Store large data elsewhere and send where it is.',
  })
}
