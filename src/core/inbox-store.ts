import type { InboxEntry, InboxState, InboxVersion, Muted, NotificationType, Place } from './inbox.ts'

/** What is known of the broadcast log by who serves; a user who is new joins at its head. */
export interface BroadcastPlace extends Place {
  readonly epoch: string
  /** The first broadcast that is still there: marks of older ones may go. */
  readonly firstSeq: number
}

/** A notification on its way to one user. */
export interface NotificationMessage {
  /** See {@link InboxEntry.body}. */
  readonly body: string
  readonly type: NotificationType
  readonly topic?: string | undefined
  /** Replaces the one of the same group. Its `count` goes on from that one's, if that was unread. */
  readonly groupKey?: string | undefined
  readonly expiresAtMs?: number | undefined
  readonly dedupe?: { readonly key: string; readonly windowMs: number } | undefined
  /** Beyond `max` in `windowMs` (a window begins with its first), what comes is only counted, by one summary. */
  readonly rate?: { readonly max: number; readonly windowMs: number; readonly summary: string } | undefined
  /** Only for a user who follows the topic. */
  readonly followersOnly?: boolean | undefined
  /**
   * It is old and comes from elsewhere: it is stored as read or unread, published on no channel of the user, and told
   * live as a change of the inbox (`changed`), not as something new.
   */
  readonly imported?: { readonly read: boolean } | undefined
  /** The newest so many are kept. */
  readonly maxCount: number
}

/** How much is kept, in all inboxes of a namespace alike. */
export interface InboxLimits {
  /** The newest so many notifications of a user. */
  readonly maxCount: number
  /** The newest so many broadcasts, and changes of them. */
  readonly maxBroadcasts: number
}

/** What became of a notification. `place` is that of the first time for a `duplicate`, the summary's for `collapsed`. */
export type SendOutcome =
  | {
      readonly kind: 'stored' | 'collapsed' | 'duplicate'
      readonly epoch: string
      readonly place: Place
      /** Subscribers that got it live on the user's channel, as far as Redis can count; 0 for a duplicate. */
      readonly receivers: number
    }
  /** By the user's own wish it was neither stored nor published. */
  | { readonly kind: 'muted' | 'not-following' }

/** A broadcast, and when it expires: from then on, by the store's clock, it is unknown. */
export interface BroadcastTarget extends Place {
  readonly expiresAtMs?: number | undefined
}

/** Notifications of an inbox, and broadcasts. An own one of another epoch is unknown. */
export interface Targets {
  readonly own: readonly (Place & { readonly epoch: string })[]
  readonly broadcasts: readonly BroadcastTarget[]
}

/** How far a reader has looked. Both are clamped to what there is. */
export interface UpTo {
  readonly own?: (Place & { readonly epoch: string }) | undefined
  readonly broadcasts?: Place | undefined
}

/**
 * What a user, or the program, does with an inbox.
 * - `read`, `unread`, `archive` (which reads), `delete`, `recall` (a deletion by the sender; own ones only);
 * - `snooze`: away until then, and unread again when it wakes;
 * - `act`: the first action that is taken stays;
 * - `edit`: another body for an own one;
 * - `read-all`, `see-all`: what is visible up to there; without an end nothing of that kind;
 * - `mute`: instead of what was muted; `follow`, `unfollow`: a topic;
 * - `join`, `settle`: nothing but what every call does: what is due wakes or expires. With `join` the user joins, too.
 */
export type InboxCommand =
  | ({ readonly kind: 'read' | 'unread' | 'archive' | 'delete' | 'recall' } & Targets)
  | ({ readonly kind: 'snooze'; readonly untilMs: number } & Targets)
  | ({ readonly kind: 'act'; readonly action: string } & Targets)
  | ({ readonly kind: 'edit'; readonly body: string } & Targets)
  | { readonly kind: 'read-all' | 'see-all'; readonly upTo: UpTo }
  | { readonly kind: 'mute'; readonly muted: Muted }
  | { readonly kind: 'follow' | 'unfollow'; readonly topic: string }
  | { readonly kind: 'join' | 'settle' }

export type CommandOutcome = 'changed' | 'already' | 'unknown'

export interface CommandResult {
  /** One for each target, own ones first; exactly one for commands without targets, never `unknown`. */
  readonly outcomes: readonly CommandOutcome[]
  readonly state: InboxState
}

/** `inbox`: neither archived nor snoozed; `unread`: of these the unread. */
export type InboxView = 'inbox' | 'unread' | 'archived' | 'snoozed' | 'all'

export interface InboxQuery {
  readonly view: InboxView
  readonly limit: number
  /** Begins below this number; at the newest without it. */
  readonly before?: number | undefined
  /** `false`: who is not there does not join. */
  readonly joins?: boolean | undefined
}

export interface InboxPage {
  /** Newest first. */
  readonly entries: readonly InboxEntry[]
  /** There are older ones. */
  readonly more: boolean
  readonly state: InboxState
}

/** What has changed since a version. */
export interface InboxDelta {
  /** Of another epoch, of a generation that a failover has cut off, or too long ago: only the whole will do. */
  readonly reset: boolean
  /** What is there and has changed, newest first; archived and snoozed ones too. Empty for a reset. */
  readonly changed: readonly InboxEntry[]
  /** What is no more. */
  readonly removed: readonly Place[]
  /** {@link placeText}s of broadcasts of which the user's marks have changed; `'all'` where the watermark moved or what is muted changed. */
  readonly broadcasts: readonly string[] | 'all'
  readonly state: InboxState
}

/**
 * The inboxes of users, each in one partition.
 *
 * Each call is one step: it sees and leaves the inbox whole, whatever others do at the same time. Every call first
 * settles what is due: snoozed ones wake (unread), expired ones go. The user joins with the first call of any kind but
 * `sync`, `settle` and a list that does not let join: for who is not there these store nothing, and answer with an empty
 * state of epoch `''`, generation and `rev` 0, which joined behind every broadcast.
 * A store MUST keep counts exact by construction, MUST NOT let what a failover lost share a place with anything
 * else, MUST raise `rev` by exactly one for each change of state and publish a frame with it on the inbox's live
 * channel (see `inbox-frame.ts`), and what is sent also as the article's JSON on the channel it is given. Calls that
 * change nothing raise no `rev` and publish nothing. While the connection is lost, calls are made again up to the
 * command timeout, and nothing is stored twice by that.
 * User ids are taken as valid; the layers above check them.
 * @throws TidingsError from every method as from `EventLog.append`
 */
export interface InboxStore {
  /** @param channel where the article's JSON is published */
  send(userId: string, channel: string, message: NotificationMessage, at: BroadcastPlace): Promise<SendOutcome>

  change(userId: string, command: InboxCommand, at: BroadcastPlace): Promise<CommandResult>

  list(userId: string, query: InboxQuery, at: BroadcastPlace): Promise<InboxPage>

  /** Since the state of who is not there nothing has changed as long as that is so; any other is a reset then. */
  sync(userId: string, since: InboxVersion, at: BroadcastPlace): Promise<InboxDelta>

  /** Removes all that is stored of a user, and tells live. True if there was anything. A later use joins anew. */
  erase(userId: string): Promise<boolean>

  /**
   * Keeps what programs have declared of the limits: what is there stays, unless it is to be replaced. Resolves to what
   * is there then. Of itself it limits nothing: what a message says holds.
   */
  limits(declared: Partial<InboxLimits>, replace?: boolean): Promise<Partial<InboxLimits>>

  /** The topics that a user follows. */
  topics(userId: string): Promise<string[]>

  /** A topic's index of followers. It may name users who do not follow any more: `followersOnly` tells. */
  addFollower(topic: string, userId: string): Promise<void>
  removeFollower(topic: string, userId: string): Promise<void>
  /** Some followers after a cursor, in no order; a user may come twice. No `next` at the end. */
  followers(
    topic: string,
    cursor?: string,
  ): Promise<{ readonly userIds: readonly string[]; readonly next: string | undefined }>
}
