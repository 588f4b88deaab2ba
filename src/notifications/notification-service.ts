import { type UsedConnection, useConnection } from '../connection/connect.ts'
import { TidingsError } from '../core/errors.ts'
import type { InboxState } from '../core/inbox.ts'
import type { CommandOutcome, CommandResult, InboxCommand, Targets } from '../core/inbox-store.ts'
import { settledWithin } from '../core/settled-within.ts'
import { assertUserId } from '../core/user-id.ts'
import { assertErrorHandler, assertHandler } from '../messaging/event-bus-options.ts'
import { type Subscription, subscription } from '../messaging/subscription.ts'
import { Audiences } from './audiences.ts'
import { type BroadcastOptions, Broadcasts, type SentBroadcast } from './broadcasts.ts'
import { FollowedTopics, type TopicOptions, type TopicResult } from './followed-topics.ts'
import { HandlerRuns } from './handler-runs.ts'
import { InboxCommands, type MarkAllOptions, type OutcomeOf } from './inbox-commands.ts'
import { type InboxAnswer, type InboxPage, InboxReader, type InboxSync } from './inbox-reader.ts'
import { type ListOptions, readListOptions } from './list-options.ts'
import type { BroadcastInput, NotificationInput } from './notification.ts'
import { assertTopic, futureTime } from './notification-body.ts'
import type { NotificationHandler, UserHandlerOptions } from './notification-handler.ts'
import {
  assertOptions,
  type LimitsInput,
  type NotificationServiceOptions,
  OWN_OPTIONS,
  readLimits,
  readSettings,
} from './notification-options.ts'
import { type MutedInput, type Preferences, readMuted } from './preferences.ts'
import { Sender, type SendOptions, type Sent } from './sender.ts'
import { readState } from './state-token.ts'
import type { UserExport } from './user-export.ts'
import { UserFeeds } from './user-feeds.ts'

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
  readonly #sender: Sender
  readonly #broadcasts: Broadcasts
  readonly #reader: InboxReader
  readonly #commands: InboxCommands
  readonly #topics: FollowedTopics
  readonly #feeds: UserFeeds
  readonly #runs: HandlerRuns
  #closing: Promise<void> | undefined

  /** @throws TidingsError `UNKNOWN_OPTION`, `INVALID_OPTION` */
  constructor(options: NotificationServiceOptions = {}) {
    this.#used = useConnection(options, OWN_OPTIONS, 'NotificationService')
    const settings = readSettings(options)
    const { channelPrefix, isAudience, audienceCacheMs } = settings
    assertErrorHandler(options.onError)
    this.#runs = new HandlerRuns(options.onError, this.#used.hasLogger ? this.#used.logger : undefined)
    const { connection } = this.#used
    const onError = this.#runs.report
    this.channelPrefix = channelPrefix
    this.#broadcasts = new Broadcasts(connection, settings, {
      onChange: () => this.#feeds.broadcastsChanged(),
      onError,
    })
    const { board } = this.#broadcasts
    const audiences = new Audiences({
      isAudience,
      cacheMs: audienceCacheMs,
      onError: (cause) =>
        onError(new TidingsError('HANDLER_FAILED', 'isAudience() failed, and so a broadcast is not shown.', { cause })),
    })
    this.#reader = new InboxReader(connection.inboxStore, board, audiences)
    this.#commands = new InboxCommands(connection.inboxStore, board, audiences)
    this.#sender = new Sender(connection.inboxStore, this.#broadcasts, settings)
    this.#topics = new FollowedTopics(connection.inboxStore, this.#sender)
    this.#feeds = new UserFeeds({ connection, channelPrefix, board, reader: this.#reader, onError })
  }

  /** Stores a notification in a user's inbox and publishes it, as one step. */
  async sendToUser(userId: string, notification: NotificationInput, options: SendOptions = {}): Promise<Sent> {
    await this.#open(userId)
    return this.#sender.send(userId, notification, options)
  }

  /** A notification for everybody, or for an audience: stored once, however many users there are. */
  async broadcast(notification: BroadcastInput, options: BroadcastOptions = {}): Promise<SentBroadcast> {
    this.#assertOpen()
    return this.#broadcasts.send(notification, options)
  }

  /** {@link sendToUser} for every user who follows a topic, some at a time. */
  async notifyTopic(topic: string, notification: NotificationInput, options: TopicOptions = {}): Promise<TopicResult> {
    assertTopic(topic)
    this.#assertOpen()
    await this.#broadcasts.board.ready()
    return this.#topics.notify(topic, notification, options)
  }

  /** A page of a user's notifications, newest first: own ones and broadcasts. */
  async list(userId: string, options: ListOptions = {}): Promise<InboxPage> {
    const { limit, cursor, filter } = readListOptions(options)
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

  /** Reads everything that is in the inbox up to what the caller has seen; what came later stays unread. */
  async markAllAsRead(userId: string, options: MarkAllOptions = {}): Promise<InboxAnswer> {
    return this.#markAll(userId, 'read-all', options)
  }

  /** As {@link markAllAsRead}: they are seen, but not read. Nothing is less seen by it. */
  async markAsSeen(userId: string, options: MarkAllOptions = {}): Promise<InboxAnswer> {
    return this.#markAll(userId, 'see-all', options)
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
    const untilMs = futureTime('until', until)
    return this.#these(userId, id, (targets) => ({ kind: 'snooze', untilMs, ...targets }))
  }

  /** Notes that the user has taken one of its actions. The first stays: later ones, on any device, are `already`. */
  async act(userId: string, id: string, action: string): Promise<CommandOutcome> {
    await this.#open(userId)
    return this.#commands.act(userId, id, action)
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

  /** Changes how much is kept, for all programs from now on: each follows within a second of its next use. */
  async setLimits(limits: LimitsInput): Promise<void> {
    const read = readLimits(limits)
    this.#assertOpen()
    await this.#broadcasts.limits.replace(read)
  }

  async preferences(userId: string): Promise<Preferences> {
    return this.#preferences(userId, (await this.#change(userId, { kind: 'join' })).state)
  }

  async #preferences(userId: string, { muted }: InboxState): Promise<Preferences> {
    const topics = await this.#used.connection.inboxStore.topics(userId)
    return { mutedTypes: muted.types, mutedTopics: muted.topics, topics: topics.sort() }
  }

  /** Says what a user does not want: it is neither stored nor published, and such broadcasts are not shown. */
  async mute(userId: string, muted: MutedInput): Promise<void> {
    await this.#change(userId, { kind: 'mute', muted: readMuted(muted) })
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
    options: UserHandlerOptions = {},
  ): Promise<Subscription> {
    assertHandler(handler)
    assertOptions('subscribeUser', options)
    const { onChange } = options
    if (onChange !== undefined) assertHandler(onChange)
    assertUserId(userId)
    this.#assertOpen()
    const release = await this.#feeds.follow(userId, {
      onNotification: (notification) => this.#runs.run(() => handler(notification)),
      onChange: onChange && ((change) => this.#runs.run(() => onChange(change))),
    })
    if (this.#closing === undefined) return subscription(release)
    release()
    throw closed()
  }

  /** Calls the handler with every broadcast that comes, for whatever audience. */
  async subscribeBroadcast(handler: NotificationHandler): Promise<Subscription> {
    assertHandler(handler)
    this.#assertOpen()
    const release = await this.#broadcasts.subscribe((notification) => this.#runs.run(() => handler(notification)))
    return subscription(release)
  }

  /** All that is kept of a user, in one object that JSON can hold. */
  async exportUser(userId: string): Promise<UserExport> {
    await this.#open(userId)
    const { notifications } = await this.#reader.list(
      userId,
      Number.MAX_SAFE_INTEGER,
      undefined,
      { view: 'all' },
      false,
    )
    const { state } = await this.#change(userId, { kind: 'settle' })
    return { userId, notifications, preferences: await this.#preferences(userId, state) }
  }

  /**
   * Removes all that is kept of a user. Resolves to whether there was anything. Whoever follows the inbox is told a
   * `reset`, and stores nothing by following on; the user is there again with the next call of one of the user's own.
   */
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
    this.#feeds.close()
    this.#broadcasts.close()
    await settledWithin([...this.#runs.running, ...(this.#used.owned ? [this.#used.connection.close()] : [])])
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

  async #markAll(userId: string, kind: 'read-all' | 'see-all', options: MarkAllOptions): Promise<InboxAnswer> {
    assertOptions(kind === 'read-all' ? 'markAllAsRead' : 'markAsSeen', options)
    const { upTo } = options
    const seen = upTo === undefined ? undefined : readState('upTo', upTo)
    await this.#open(userId)
    return this.#reader.counts(userId, await this.#commands.all(userId, kind, seen))
  }

  #assertOpen(): void {
    if (this.#closing) throw closed()
  }
}

function closed(): TidingsError {
  return new TidingsError('CLOSED', 'This notification service has been closed.')
}
