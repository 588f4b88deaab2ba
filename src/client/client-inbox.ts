import type { InboxFeed, InboxSummary } from './inbox-feed.ts'
import type {
  CommandOutcome,
  InboxAnswer,
  InboxPage,
  InboxSync,
  ListOptions,
  Notification,
  OutcomeOf,
  Preferences,
} from './server-types.ts'

/** Calls a method of the gateway. */
export type Rpc = (method: string, data: object) => Promise<unknown>

interface UpTo {
  /** A `state` of an answer, so that what came after it stays as it is. Default: now. */
  readonly upTo?: string | undefined
}

/** The notifications of who is connected. Each method does and resolves to what that of `NotificationService` does. */
export class ClientInbox {
  readonly #rpc: Rpc
  readonly #feed: InboxFeed

  constructor(rpc: Rpc, feed: InboxFeed) {
    this.#rpc = rpc
    this.#feed = feed
  }

  /** Counts and state as this client was told last; undefined before it was connected. */
  get current(): InboxSummary | undefined {
    return this.#feed.current
  }

  /**
   * Calls the handler with each notification as it comes. What came while the client was away is in what `onChange` is
   * told. Returns what ends it.
   */
  onNotification(handler: (notification: Notification) => unknown): () => void {
    return added(this.#feed.onNotification, handler)
  }

  /**
   * Calls the handler with each change of the inbox, on whatever device, and after a reconnect with what was missed.
   * Where `reset` is true only the whole will do: load it anew. Returns what ends it.
   */
  onChange(handler: (change: InboxSync) => unknown): () => void {
    return added(this.#feed.onChange, handler)
  }

  list(options: ListOptions = {}): Promise<InboxPage> {
    return this.#rpc('inbox.list', options) as Promise<InboxPage>
  }

  counts(): Promise<InboxAnswer> {
    return this.#rpc('inbox.counts', {}) as Promise<InboxAnswer>
  }

  /** What has changed since a `state`. After a reconnect that is done by itself: see {@link onChange}. */
  sync(state: string): Promise<InboxSync> {
    return this.#rpc('inbox.sync', { state }) as Promise<InboxSync>
  }

  markAsRead<Ids extends string | readonly string[]>(ids: Ids): Promise<OutcomeOf<Ids>> {
    return this.#these('inbox.read', ids)
  }

  markAsUnread<Ids extends string | readonly string[]>(ids: Ids): Promise<OutcomeOf<Ids>> {
    return this.#these('inbox.unread', ids)
  }

  archive<Ids extends string | readonly string[]>(ids: Ids): Promise<OutcomeOf<Ids>> {
    return this.#these('inbox.archive', ids)
  }

  delete<Ids extends string | readonly string[]>(ids: Ids): Promise<OutcomeOf<Ids>> {
    return this.#these('inbox.delete', ids)
  }

  markAllAsRead({ upTo }: UpTo = {}): Promise<InboxAnswer> {
    return this.#rpc('inbox.read-all', { upTo }) as Promise<InboxAnswer>
  }

  markAsSeen({ upTo }: UpTo = {}): Promise<InboxAnswer> {
    return this.#rpc('inbox.seen', { upTo }) as Promise<InboxAnswer>
  }

  snooze(id: string, until: Date): Promise<CommandOutcome> {
    return this.#one('inbox.snooze', { id, until: until.toISOString() })
  }

  act(id: string, action: string): Promise<CommandOutcome> {
    return this.#one('inbox.act', { id, action })
  }

  preferences(): Promise<Preferences> {
    return this.#rpc('inbox.preferences', {}) as Promise<Preferences>
  }

  async mute(muted: {
    readonly types?: Preferences['mutedTypes'] | undefined
    readonly topics?: Preferences['mutedTopics'] | undefined
  }): Promise<void> {
    await this.#rpc('inbox.mute', muted)
  }

  async follow(topic: string): Promise<void> {
    await this.#rpc('inbox.follow', { topic })
  }

  async unfollow(topic: string): Promise<void> {
    await this.#rpc('inbox.unfollow', { topic })
  }

  async #these<Ids extends string | readonly string[]>(method: string, ids: Ids): Promise<OutcomeOf<Ids>> {
    const list = typeof ids === 'string' ? [ids] : ids
    const { outcomes } = (await this.#rpc(method, { ids: list })) as { outcomes: CommandOutcome[] }
    return (typeof ids === 'string' ? outcomes[0] : outcomes) as OutcomeOf<Ids>
  }

  async #one(method: string, data: object): Promise<CommandOutcome> {
    return ((await this.#rpc(method, data)) as { outcome: CommandOutcome }).outcome
  }
}

function added<Handler>(handlers: Set<(value: Handler) => unknown>, handler: (value: Handler) => unknown): () => void {
  // The same function twice is called twice.
  const own = (value: Handler) => handler(value)
  handlers.add(own)
  return () => void handlers.delete(own)
}
