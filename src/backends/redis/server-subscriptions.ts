import { Deadlines, type Due } from '../../core/deadlines.ts'
import { TidingsError } from '../../core/errors.ts'
import type { SubscriptionKind } from '../../core/pub-sub.ts'
import type { Link } from './link.ts'
import { isPermission } from './redis-error.ts'

/** Names in one SUBSCRIBE: long enough to be cheap, short enough to let other clients in between. */
const NAMES_PER_COMMAND = 512
/** Milliseconds that a subscription outlives its last use, so that coming back soon costs nothing. */
const LINGER_MS = 1_000

interface Waiter extends Due {
  readonly entry: Entry
  readonly resolve: () => void
  readonly reject: (error: TidingsError) => void
}

interface Entry {
  readonly kind: SubscriptionKind
  readonly name: string
  uses: number
  /** The link's epoch in which SUBSCRIBE was sent, and in which Redis confirmed it. */
  sentIn: number
  confirmedIn: number
  waiters: Waiter[] | undefined
  unusedSince: number
}

export interface SubscriptionsOwner {
  /** There is a connection, and nothing had been subscribed before that could have missed a message. */
  begun(): void
  /** After a break everything is subscribed again. */
  renewed(channels: number, patterns: number): void
  /** Redis refused to renew a subscription. */
  refused(kind: SubscriptionKind, name: string, error: TidingsError): void
}

/**
 * Which channels and patterns this process is subscribed to in Redis, however many listeners share each:
 * the ledger from which everything is subscribed again after a break. Calls of one tick become few commands.
 */
export class ServerSubscriptions {
  readonly #link: Link
  readonly #owner: SubscriptionsOwner
  readonly #timeoutMs: number
  readonly #entries = { channel: new Map<string, Entry>(), pattern: new Map<string, Entry>() }
  readonly #waiters: Deadlines<Waiter>
  readonly #toSend = new Set<Entry>()
  readonly #sending = new Set<Promise<void>>()
  readonly #lingering = new Set<Entry>()
  #timer: NodeJS.Timeout | undefined

  constructor(link: Link, owner: SubscriptionsOwner, timeoutMs: number) {
    this.#link = link
    this.#owner = owner
    this.#timeoutMs = timeoutMs
    this.#waiters = new Deadlines(timeoutMs, (waiter) => {
      leave(waiter)
      waiter.reject(link.writable ? tooSlow(waiter.entry) : link.notConnected())
    })
  }

  count(kind: SubscriptionKind): number {
    return this.#entries[kind].size
  }

  /** Adds a use; resolves when Redis has confirmed on the present connection. A rejected call must still be released. */
  acquire(kind: SubscriptionKind, name: string): Promise<void> {
    let entry = this.#entries[kind].get(name)
    if (entry === undefined) {
      entry = { kind, name, uses: 0, sentIn: 0, confirmedIn: 0, waiters: undefined, unusedSince: 0 }
      this.#entries[kind].set(name, entry)
    }
    entry.uses += 1
    this.#lingering.delete(entry)
    if (this.#link.writable && entry.confirmedIn === this.#link.epoch) return Promise.resolve()
    this.#send(entry)
    return this.#confirmed(entry)
  }

  /** Takes a use away. Without any, the subscription ends after {@link LINGER_MS}. */
  release(kind: SubscriptionKind, name: string): void {
    const entry = this.#entries[kind].get(name)
    if (entry === undefined || entry.uses === 0) return
    entry.uses -= 1
    if (entry.uses > 0) return
    entry.unusedSince = performance.now()
    this.#lingering.add(entry)
    this.#scheduleSweep()
  }

  /** The link has a new connection, which knows of no subscription yet. */
  async renew(epoch: number): Promise<void> {
    let interrupted = false
    for (const entries of Object.values(this.#entries)) {
      for (const entry of entries.values()) {
        interrupted ||= entry.confirmedIn > 0
        this.#send(entry)
      }
    }
    this.#flush()
    if (!interrupted) {
      this.#owner.begun()
      return
    }
    await Promise.all(this.#sending)
    if (this.#link.epoch === epoch && this.#link.writable) {
      this.#owner.renewed(this.#entries.channel.size, this.#entries.pattern.size)
    }
  }

  /** Fails everybody who waits for a confirmation. */
  fail(error: TidingsError): void {
    for (const waiter of this.#waiters.drain()) {
      leave(waiter)
      waiter.reject(error)
    }
  }

  close(error: TidingsError): void {
    clearTimeout(this.#timer)
    this.#lingering.clear()
    this.#toSend.clear()
    this.#entries.channel.clear()
    this.#entries.pattern.clear()
    this.fail(error)
  }

  #confirmed(entry: Entry): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { entry, deadline: performance.now() + this.#timeoutMs, resolve, reject }
      if (entry.waiters === undefined) entry.waiters = [waiter]
      else entry.waiters.push(waiter)
      this.#waiters.add(waiter)
    })
  }

  #send(entry: Entry): void {
    this.#link.start()
    if (!this.#link.writable || entry.sentIn === this.#link.epoch) return
    if (this.#toSend.size === 0) process.nextTick(() => this.#flush())
    this.#toSend.add(entry)
  }

  #flush(): void {
    if (!this.#link.writable) {
      this.#toSend.clear()
      return
    }
    const channels: Entry[] = []
    const patterns: Entry[] = []
    for (const entry of this.#toSend) {
      if (entry.sentIn !== this.#link.epoch) (entry.kind === 'channel' ? channels : patterns).push(entry)
    }
    this.#toSend.clear()
    for (const entries of [channels, patterns]) {
      for (let i = 0; i < entries.length; i += NAMES_PER_COMMAND) {
        const sending = this.#subscribe(entries.slice(i, i + NAMES_PER_COMMAND))
        this.#sending.add(sending)
        sending.finally(() => this.#sending.delete(sending))
      }
    }
  }

  async #subscribe(entries: readonly Entry[]): Promise<void> {
    const { epoch } = this.#link
    for (const entry of entries) entry.sentIn = epoch
    try {
      await this.#link.write(
        entries[0]!.kind === 'channel' ? 'subscribe' : 'psubscribe',
        entries.map((entry) => entry.name),
      )
      for (const entry of entries) this.#confirm(entry, epoch)
    } catch (error) {
      await this.#refused(entries, epoch, error as TidingsError)
    }
  }

  #confirm(entry: Entry, epoch: number): void {
    entry.confirmedIn = epoch
    for (const waiter of entry.waiters ?? []) if (this.#waiters.delete(waiter)) waiter.resolve()
    entry.waiters = undefined
  }

  async #refused(entries: readonly Entry[], epoch: number, error: TidingsError): Promise<void> {
    // A broken connection renews everything by itself; whoever waits goes on waiting to its deadline.
    if (error.code === 'CONNECTION_LOST' || error.code === 'NOT_CONNECTED') return
    // Nobody knows what a connection without an answer is subscribed to: begin anew on another.
    if (error.code === 'TIMEOUT') return this.#link.reset('Redis did not confirm subscriptions in time')
    // One name that is not permitted fails the command for all: ask for each by itself.
    if (isPermission(error) && entries.length > 1) {
      const wanted = entries.filter((entry) => this.#entries[entry.kind].get(entry.name) === entry)
      await Promise.all(wanted.map((entry) => this.#subscribe([entry])))
      return
    }
    for (const entry of entries) {
      const told = isPermission(error) ? notPermitted(entry, error) : error
      if (entry.sentIn === epoch) entry.sentIn = 0
      const waiters = entry.waiters ?? []
      entry.waiters = undefined
      for (const waiter of waiters) if (this.#waiters.delete(waiter)) waiter.reject(told)
      if (waiters.length === 0) this.#owner.refused(entry.kind, entry.name, told)
    }
  }

  #scheduleSweep(): void {
    this.#timer ??= setTimeout(() => this.#sweep(), LINGER_MS)
  }

  #sweep(): void {
    this.#timer = undefined
    const now = performance.now()
    const ended: Record<SubscriptionKind, string[]> = { channel: [], pattern: [] }
    for (const entry of this.#lingering) {
      if (now - entry.unusedSince < LINGER_MS - 1) break
      this.#lingering.delete(entry)
      this.#entries[entry.kind].delete(entry.name)
      this.#toSend.delete(entry)
      if (entry.sentIn === this.#link.epoch) ended[entry.kind].push(entry.name)
    }
    for (const kind of ['channel', 'pattern'] as const) {
      for (let i = 0; i < ended[kind].length && this.#link.writable; i += NAMES_PER_COMMAND) {
        const names = ended[kind].slice(i, i + NAMES_PER_COMMAND)
        this.#link.write(kind === 'channel' ? 'unsubscribe' : 'punsubscribe', names).catch(() => {})
      }
    }
    if (this.#lingering.size > 0) this.#scheduleSweep()
  }
}

function leave(waiter: Waiter): void {
  const { waiters } = waiter.entry
  // Those who have waited longest come first, and leave first.
  const index = waiters?.indexOf(waiter) ?? -1
  if (index >= 0) waiters!.splice(index, 1)
}

function notPermitted({ kind, name }: Entry, cause: TidingsError): TidingsError {
  return new TidingsError('NO_PERMISSION', `Redis does not permit the user to subscribe to the ${kind} "${name}".`, {
    cause,
    hint:
      kind === 'pattern'
        ? `An ACL permits a pattern letter by letter: allow "&${name}".`
        : "Allow the channel in the user's ACL.",
  })
}

function tooSlow({ kind, name }: Entry): TidingsError {
  return new TidingsError('TIMEOUT', `Redis did not confirm the subscription to the ${kind} "${name}" in time.`, {
    hint: 'Nothing stays subscribed. commandTimeoutMs sets how long to wait.',
  })
}
