import { TidingsError } from '../../core/errors.ts'
import type { InboxVersion } from '../../core/inbox.ts'
import type {
  BroadcastPlace,
  CommandResult,
  InboxCommand,
  InboxDelta,
  InboxLimits,
  InboxPage,
  InboxQuery,
  InboxStore,
  NotificationMessage,
  SendOutcome,
} from '../../core/inbox-store.ts'
import { inboxChannel } from '../../core/keys.ts'
import { ListenerTable } from '../../core/listener-table.ts'
import { encodeUserId } from '../../core/user-id.ts'
import { type Hub, joinHub } from './hub.ts'
import { changesSince, isKnown } from './inbox-journal.ts'
import { listOwn } from './inbox-own.ts'
import type { InboxSpace } from './inbox-space.ts'
import type { InboxStep } from './inbox-step.ts'

/** Followers in one page. */
const FOLLOWERS_PAGE = 1_000

export interface MemoryInboxStoreOptions {
  readonly namespace: string
  readonly partitions: number
  /** The clock, in milliseconds. Default: `Date.now`. */
  readonly now?: () => number
}

/** {@link InboxStore} within this process, in the hub of that name: it lives as long as the hub has clients. */
export class MemoryInboxStore implements InboxStore {
  readonly #hubName: string
  readonly #options: MemoryInboxStoreOptions
  readonly #now: () => number
  readonly #member = new ListenerTable()
  #hub: Hub | undefined
  #closed = false

  constructor(hubName: string, options: MemoryInboxStoreOptions) {
    this.#hubName = hubName
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  async send(userId: string, channel: string, message: NotificationMessage, at: BroadcastPlace): Promise<SendOutcome> {
    const space = this.#space()
    const nowMs = this.#now()
    const { dedupe } = message
    const mark = dedupe && space.mark(userId, dedupe.key, nowMs)
    const step = space.begin(userId, at, nowMs)
    const outcome = step.send(userId, message, () => mark !== undefined)
    const stored = typeof outcome === 'string' ? undefined : outcome
    const { epoch } = step.data
    if (dedupe && stored) {
      const expiresMs = nowMs + dedupe.windowMs
      space.setMark(userId, dedupe.key, { expiresMs, epoch, place: stored.place }, nowMs)
    }
    const receivers = await this.#publish(userId, step.published, channel)
    if (outcome === 'muted' || outcome === 'not-following') return { kind: outcome }
    if (stored) return { ...stored, epoch, receivers }
    return { kind: 'duplicate', epoch: mark!.epoch, place: mark!.place, receivers: 0 }
  }

  async change(userId: string, command: InboxCommand, at: BroadcastPlace): Promise<CommandResult> {
    return this.#call(userId, at, command.kind !== 'settle', (step) => ({
      outcomes: step.change(command),
      state: step.state(),
    }))
  }

  async list(
    userId: string,
    { view, limit, before, joins = true }: InboxQuery,
    at: BroadcastPlace,
  ): Promise<InboxPage> {
    return this.#call(userId, at, joins, (step) => {
      const entries = listOwn(step.data, view, before)
      return { entries: entries.slice(0, limit), more: entries.length > limit, state: step.state() }
    })
  }

  async sync(userId: string, since: InboxVersion, at: BroadcastPlace): Promise<InboxDelta> {
    return this.#call(userId, at, false, (step) => {
      const reset = !isKnown(step.data, since)
      const changes = reset ? { changed: [], removed: [], broadcasts: [] } : changesSince(step.data, since.rev)
      return { reset, ...changes, state: step.state() }
    })
  }

  async erase(userId: string): Promise<boolean> {
    const published = this.#space().erase(userId, this.#now())
    if (published !== undefined) await this.#publish(userId, published)
    return published !== undefined
  }

  async limits(declared: Partial<InboxLimits>, replace = false): Promise<Partial<InboxLimits>> {
    return this.#space().limits(declared, replace)
  }

  async topics(userId: string): Promise<string[]> {
    return this.#space().topics(userId)
  }

  async addFollower(topic: string, userId: string): Promise<void> {
    this.#space().addFollower(topic, userId)
  }

  async removeFollower(topic: string, userId: string): Promise<void> {
    this.#space().removeFollower(topic, userId)
  }

  async followers(topic: string, cursor = ''): Promise<{ userIds: readonly string[]; next: string | undefined }> {
    const rest = this.#space()
      .followers(topic)
      .filter((userId) => userId > cursor)
    const userIds = rest.slice(0, FOLLOWERS_PAGE)
    return { userIds, next: rest.length > userIds.length ? userIds.at(-1) : undefined }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#hub?.leave(this.#member)
    this.#hub = undefined
  }

  async #call<T>(userId: string, at: BroadcastPlace, joins: boolean, run: (step: InboxStep) => T): Promise<T> {
    const step = this.#space().begin(userId, at, this.#now(), joins)
    const result = run(step)
    await this.#publish(userId, step.published)
    return result
  }

  /** In one go, so that nothing of another call comes between. Resolves to the receivers on the user's channel. */
  async #publish(userId: string, published: InboxStep['published'], channel = ''): Promise<number> {
    const { namespace, partitions } = this.#options
    const hub = this.#use()
    const live = inboxChannel(namespace, encodeUserId(userId), partitions)
    const counts = published.map(({ to, text }) => hub.publish(to === 'user' ? channel : live, text))
    const user = published.findIndex(({ to }) => to === 'user')
    return (await Promise.all(counts))[user] ?? 0
  }

  #space(): InboxSpace {
    return this.#use().inboxes(this.#options.namespace)
  }

  #use(): Hub {
    if (this.#closed) throw new TidingsError('CLOSED', 'This object is closed.', { hint: 'Create a new one to go on.' })
    this.#hub ??= joinHub(this.#hubName, this.#member)
    return this.#hub
  }
}
