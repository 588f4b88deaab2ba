import { type UsedConnection, useConnection } from '../connection/connect.ts'
import { TidingsError } from '../core/errors.ts'
import type { Muted } from '../core/inbox.ts'
import { NOTIFICATION_TYPES } from '../core/inbox.ts'
import type { CommandOutcome, CommandResult, InboxCommand, Targets } from '../core/inbox-store.ts'
import { inboxChannel } from '../core/keys.ts'
import { settledWithin } from '../core/settled-within.ts'
import { assertUserId, encodeUserId } from '../core/user-id.ts'
import { assertErrorHandler, assertHandler } from '../messaging/event-bus-options.ts'
import { type Subscription, subscription } from '../messaging/subscription.ts'
import { Unheard } from '../messaging/unheard.ts'
import { Broadcasts } from './broadcasts.ts'
import { InboxCommands, type OutcomeOf } from './inbox-commands.ts'
import { InboxFeed } from './inbox-feed.ts'
import { type InboxFilter, parseCursor } from './inbox-page.ts'
import { type InboxAnswer, type InboxPage, InboxReader, type InboxSync } from './inbox-reader.ts'
import type { BroadcastInput, Notification, NotificationInput } from './notification.ts'
import { assertTopic, invalid, time } from './notification-body.ts'
import {
  invalidOption,
  type NotificationServiceOptions,
  OWN_OPTIONS,
  readSettings,
  type ServiceSettings,
  whole,
} from './notification-options.ts'
import { Sender, type SendOptions, type Sent } from './sender.ts'
import { parseState, type SeenState } from './state-token.ts'
import { type TopicOptions, type TopicResult, Topics } from './topics.ts'

/** Gets notifications as they come. It may be asynchronous: runs are not waited for, and may overlap. */
export type NotificationHandler = (notification: Notification) => unknown

export interface UserHandlerOptions {
  /** Takes every change of the inbox, in any process: what to make of the state before it. */
  readonly onChange?: ((change: InboxSync) => unknown) | undefined
}

export interface ListOptions extends InboxFilter {
  /** The most notifications. Default 20, at most 1,000. */
  readonly limit?: number | undefined
  /** The `next` of the page before. */
  readonly before?: string | undefined
}

/** What a user does not want, and follows. */
export interface Preferences {
  readonly mutedTypes: Muted['types']
  readonly mutedTopics: Muted['topics']
  readonly topics: readonly string[]
}

/** All that is kept of a user. */
export interface UserExport {
  readonly userId: string
  readonly notifications: readonly Notification[]
  readonly preferences: Preferences
}

/**
 * Notifications for users: each has an inbox that is kept and counted exactly, and gets live what comes. Broadcasts are
 * kept once, and read, archived and counted by each user.
 *
 * A user is there from the first use of any kind on; broadcasts from before are not shown. Methods reject with a
 * TidingsError: `INVALID_USER`, `INVALID_NOTIFICATION`, `INVALID_OPTION`, `NOT_CONNECTED`, `CONNECTION_LOST`, `CLOSED` …
 */
export class NotificationService {
  readonly channelPrefix: string
  readonly #used: UsedConnection
  readonly #settings: ServiceSettings
  readonly #sender: Sender
  readonly #broadcasts: Broadcasts
  readonly #reader: InboxReader
  readonly #commands: InboxCommands
  readonly #topics: Topics
  readonly #feeds = new Map<string, InboxFeed>()
  readonly #running = new Set<Promise<unknown>>()
  readonly #report: (error: TidingsError) => void
  readonly #endStatus: () => void
  #closing: Promise<void> | undefined

  /** @throws TidingsError `UNKNOWN_OPTION`, `INVALID_OPTION` */
  constructor(options: NotificationServiceOptions = {}) {
    this.#used = useConnection(options, OWN_OPTIONS, 'NotificationService')
    this.#settings = readSettings(options)
    const { onError } = options
    assertErrorHandler(onError)
    const unheard = new Unheard(
      this.#used.hasLogger ? this.#used.logger : undefined,
      'Give the service a logger or onError to hear of every failure.',
    )
    this.#report = (error) => {
      if (onError === undefined) unheard.report(error)
      else this.#run(() => onError(error), unheard.report.bind(unheard))
    }
    const { connection } = this.#used
    this.channelPrefix = this.#settings.channelPrefix
    this.#broadcasts = new Broadcasts(connection, this.#settings, {
      onChange: () => {
        for (const feed of this.#feeds.values()) feed.broadcastsChanged()
      },
      onError: this.#report,
    })
    const { board } = this.#broadcasts
    this.#reader = new InboxReader(connection.inboxStore, board, (userId, audience) =>
      this.#isAudience(userId, audience),
    )
    this.#commands = new InboxCommands(connection.inboxStore, board, this.#reader)
    this.#sender = new Sender(connection.inboxStore, board, this.#settings)
    this.#topics = new Topics(connection.inboxStore, this.#sender)
    this.#endStatus = connection.pubSub.onStatus(({ kind }) => {
      if (kind === 'interruption') for (const feed of this.#feeds.values()) feed.doubt()
    })
  }

  /** Stores a notification in a user's inbox and publishes it, as one step. */
  async sendToUser(userId: string, notification: NotificationInput, options: SendOptions = {}): Promise<Sent> {
    await this.#open(userId)
    return this.#sender.send(userId, notification, options)
  }

  /** A notification for everybody, or for an audience: stored once, however many users there are. */
  async broadcast(notification: BroadcastInput): Promise<{ readonly id: string; readonly receivers: number }> {
    this.#assertOpen()
    return this.#broadcasts.send(notification)
  }

  /** {@link sendToUser} for every user who follows a topic, some at a time. */
  async notifyTopic(topic: string, notification: NotificationInput, options: TopicOptions = {}): Promise<TopicResult> {
    assertTopic(topic)
    this.#assertOpen()
    await this.#broadcasts.board.ready()
    return this.#topics.notify(topic, notification, options)
  }

  /** A page of a user's notifications, newest first: own ones and broadcasts. */
  async list(userId: string, { limit = 20, before, ...filter }: ListOptions = {}): Promise<InboxPage> {
    whole('limit', limit, undefined, 1_000)
    const cursor = parseCursor(before)
    checkFilter(filter)
    await this.#open(userId)
    return this.#reader.list(userId, limit, cursor, filter)
  }

  /** How many there are. */
  async counts(userId: string): Promise<InboxAnswer> {
    const { state } = await this.#change(userId, { kind: 'join' })
    return this.#reader.counts(userId, state)
  }

  /** What has changed since a `state` that an earlier answer had, in any process. */
  async sync(userId: string, state: string): Promise<InboxSync> {
    const seen = readState('state', state)
    await this.#open(userId)
    return (await this.#reader.sync(userId, seen)).sync
  }

  /** Makes a user known, so that broadcasts from now on are shown. */
  async join(userId: string): Promise<void> {
    await this.#change(userId, { kind: 'join' })
  }

  markAsRead<Ids extends string | readonly string[]>(userId: string, ids: Ids): Promise<OutcomeOf<Ids>> {
    return this.#these(userId, ids, (targets) => ({ kind: 'read', ...targets }))
  }

  markAsUnread<Ids extends string | readonly string[]>(userId: string, ids: Ids): Promise<OutcomeOf<Ids>> {
    return this.#these(userId, ids, (targets) => ({ kind: 'unread', ...targets }))
  }

  /**
   * Reads everything that is in the inbox up to what the caller has seen; what came later stays unread.
   * @param upTo a `state` of an answer; default: now
   */
  async markAllAsRead(userId: string, { upTo }: { readonly upTo?: string | undefined } = {}): Promise<InboxAnswer> {
    return this.#markAll(userId, 'read-all', upTo)
  }

  /** As {@link markAllAsRead}: they are seen, but not read. Nothing is less seen by it. */
  async markAsSeen(userId: string, { upTo }: { readonly upTo?: string | undefined } = {}): Promise<InboxAnswer> {
    return this.#markAll(userId, 'see-all', upTo)
  }

  /** Reads it and takes it out of the inbox; the view `archived` has it. */
  archive<Ids extends string | readonly string[]>(userId: string, ids: Ids): Promise<OutcomeOf<Ids>> {
    return this.#these(userId, ids, (targets) => ({ kind: 'archive', ...targets }))
  }

  /** Removes it for this user. */
  delete<Ids extends string | readonly string[]>(userId: string, ids: Ids): Promise<OutcomeOf<Ids>> {
    return this.#these(userId, ids, (targets) => ({ kind: 'delete', ...targets }))
  }

  /** Takes it out of the inbox until then; it comes back unread. */
  async snooze(userId: string, id: string, until: Date): Promise<CommandOutcome> {
    const untilMs = time('until', until).getTime()
    if (untilMs <= Date.now()) throw invalid('until', 'must be in the future')
    return this.#these(userId, id, (targets) => ({ kind: 'snooze', untilMs, ...targets }))
  }

  /** Notes that the user has taken one of its actions. The first stays: later ones, on any device, are `already`. */
  async act(userId: string, id: string, action: string): Promise<CommandOutcome> {
    if (typeof action !== 'string' || action === '' || action.length > 200) {
      throw invalid('action', 'must be the key of one of its actions')
    }
    await this.#open(userId)
    const body = await this.#commands.body(userId, id)
    if (body === undefined) return 'unknown'
    if (!body.actions?.some(({ key }) => key === action))
      throw invalid('action', 'must be the key of one of its actions')
    return this.#these(userId, id, (targets) => ({ kind: 'act', action, ...targets }))
  }

  /** Takes a notification back: it is gone for its user. */
  recall(userId: string, id: string): Promise<CommandOutcome> {
    return this.#these(userId, id, ({ own }) => ({ kind: 'recall', own, broadcasts: [] }))
  }

  /** Takes a broadcast back: it is gone for everybody. */
  async recallBroadcast(id: string): Promise<CommandOutcome> {
    this.#assertOpen()
    return this.#broadcasts.recall(id)
  }

  /** Says something else in a notification that is there. Its state, type, time and end stay. */
  async edit(userId: string, id: string, notification: NotificationInput): Promise<CommandOutcome> {
    await this.#open(userId)
    return this.#sender.edit(userId, id, notification, await this.#commands.body(userId, id))
  }

  /** Says something else in a broadcast, for everybody. */
  async editBroadcast(id: string, notification: BroadcastInput): Promise<CommandOutcome> {
    this.#assertOpen()
    return this.#broadcasts.edit(id, notification)
  }

  async preferences(userId: string): Promise<Preferences> {
    const { state } = await this.#change(userId, { kind: 'join' })
    const topics = await this.#used.connection.inboxStore.topics(userId)
    return { mutedTypes: state.muted.types, mutedTopics: state.muted.topics, topics: topics.sort() }
  }

  /** Says what a user does not want: it is neither stored nor published, and such broadcasts are not shown. */
  async mute(
    userId: string,
    { types = [], topics = [] }: { readonly types?: Muted['types']; readonly topics?: Muted['topics'] },
  ): Promise<void> {
    if (!Array.isArray(types) || !Array.isArray(topics)) throw invalid('muted types and topics', 'must be lists')
    for (const type of types) if (!NOTIFICATION_TYPES.includes(type)) throw invalid('type', 'is unknown')
    for (const topic of topics) assertTopic(topic)
    if (topics.length > 1_000) throw invalid('muted topics', 'must be at most 1,000')
    await this.#change(userId, { kind: 'mute', muted: { types: [...new Set(types)], topics: [...new Set(topics)] } })
  }

  async follow(userId: string, topic: string): Promise<void> {
    assertTopic(topic)
    await this.#open(userId)
    await this.#topics.follow(userId, topic, this.#broadcasts.board.place)
  }

  async unfollow(userId: string, topic: string): Promise<void> {
    assertTopic(topic)
    await this.#open(userId)
    await this.#topics.unfollow(userId, topic, this.#broadcasts.board.place)
  }

  /**
   * Calls the handler with what comes for a user, whoever sent it, and where frames were missed as soon as they are
   * made up for. Resolves once nothing can be missed. Handlers of one user share two subscriptions.
   */
  async subscribeUser(
    userId: string,
    handler: NotificationHandler,
    { onChange }: UserHandlerOptions = {},
  ): Promise<Subscription> {
    assertHandler(handler)
    if (onChange !== undefined) assertHandler(onChange)
    assertUserId(userId)
    this.#assertOpen()
    const feed = this.#feeds.get(userId) ?? this.#begin(userId)
    const listener = {
      onNotification: (notification: Notification) => this.#run(() => handler(notification)),
      onChange: onChange && ((change: InboxSync) => this.#run(() => onChange(change))),
    }
    const release = () => {
      feed.remove(listener)
      if (feed.size > 0 || this.#feeds.get(userId) !== feed) return
      this.#feeds.delete(userId)
      feed.close()
    }
    try {
      await feed.add(listener)
      this.#assertOpen()
    } catch (error) {
      release()
      throw error
    }
    return subscription(release)
  }

  /** Calls the handler with every broadcast that comes, for whatever audience. */
  async subscribeBroadcast(handler: NotificationHandler): Promise<Subscription> {
    assertHandler(handler)
    this.#assertOpen()
    const release = await this.#broadcasts.subscribe((notification) => this.#run(() => handler(notification)))
    return subscription(release)
  }

  /** All that is kept of a user, in one object that JSON can hold. */
  async exportUser(userId: string): Promise<UserExport> {
    await this.#open(userId)
    const { notifications } = await this.#reader.list(userId, Number.MAX_SAFE_INTEGER, undefined, { view: 'all' })
    return { userId, notifications, preferences: await this.preferences(userId) }
  }

  /** Removes all that is kept of a user. Resolves to whether there was anything. A later use begins anew. */
  async eraseUser(userId: string): Promise<boolean> {
    await this.#open(userId)
    return this.#topics.erase(userId)
  }

  /** Ends every subscription, waits at most three seconds for what is running, and closes what this service opened. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#endStatus()
    for (const feed of this.#feeds.values()) feed.close()
    this.#feeds.clear()
    this.#broadcasts.close()
    await settledWithin([...this.#running, ...(this.#used.owned ? [this.#used.connection.close()] : [])])
  }

  #begin(userId: string): InboxFeed {
    const { pubSub, inboxStore, namespace, eventLog } = this.#used.connection
    const encoded = encodeUserId(userId)
    const feed = new InboxFeed({
      userId,
      pubSub: pubSub.plain,
      store: inboxStore,
      board: this.#broadcasts.board,
      reader: this.#reader,
      channels: {
        user: `${this.channelPrefix}user:${encoded}`,
        inbox: inboxChannel(namespace, encoded, eventLog.partitions),
      },
      onError: this.#report,
    })
    this.#feeds.set(userId, feed)
    return feed
  }

  async #open(userId: string): Promise<void> {
    assertUserId(userId)
    this.#assertOpen()
    await this.#broadcasts.board.ready()
  }

  async #change(userId: string, command: InboxCommand): Promise<CommandResult> {
    await this.#open(userId)
    return this.#used.connection.inboxStore.change(userId, command, this.#broadcasts.board.place)
  }

  async #these<Ids extends string | readonly string[]>(
    userId: string,
    ids: Ids,
    command: (targets: Targets) => InboxCommand,
  ): Promise<OutcomeOf<Ids>> {
    await this.#open(userId)
    return this.#commands.these(userId, ids, command)
  }

  async #markAll(userId: string, kind: 'read-all' | 'see-all', upTo: string | undefined): Promise<InboxAnswer> {
    const seen = upTo === undefined ? undefined : readState('upTo', upTo)
    await this.#open(userId)
    return this.#reader.counts(userId, await this.#commands.all(userId, kind, seen))
  }

  /** What the program's own test throws means no, and is told. */
  async #isAudience(userId: string, audience: unknown): Promise<boolean> {
    try {
      return (await this.#settings.isAudience(userId, audience)) === true
    } catch (cause) {
      this.#report(
        new TidingsError('HANDLER_FAILED', 'isAudience() failed, and so a broadcast is not shown.', { cause }),
      )
      return false
    }
  }

  #run(handler: () => unknown, failed: (error: TidingsError) => void = this.#report): void {
    const fail = (cause: unknown) =>
      failed(new TidingsError('HANDLER_FAILED', 'A handler of notifications failed.', { cause }))
    try {
      const result = handler()
      if (!(result instanceof Promise)) return
      const settled = result.catch(fail).finally(() => this.#running.delete(settled))
      this.#running.add(settled)
    } catch (cause) {
      fail(cause)
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw new TidingsError('CLOSED', 'This notification service has been closed.')
  }
}

/** @throws TidingsError `INVALID_OPTION` */
function readState(name: string, text: unknown): SeenState {
  const seen = parseState(text)
  if (seen === undefined) throw invalidOption(name, 'a "state" that an answer of this service had')
  return seen
}

function checkFilter({ view, type, topic, ...rest }: InboxFilter): void {
  const views = ['inbox', 'unread', 'archived', 'snoozed', 'all']
  if (view !== undefined && !views.includes(view)) throw invalidOption('view', `one of ${views.join(', ')}`)
  if (type !== undefined && !NOTIFICATION_TYPES.includes(type)) {
    throw invalidOption('type', `one of ${NOTIFICATION_TYPES.join(', ')}`)
  }
  if (topic !== undefined) assertTopic(topic)
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw new TidingsError('UNKNOWN_OPTION', `list has no option "${unknown}".`)
}
