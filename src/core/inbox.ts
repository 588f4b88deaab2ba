/** Of one user's notifications: which, in what state. The rules that every store keeps, and its readers share. */

/** The types of the article, in the order in which counts by type are kept. */
export const NOTIFICATION_TYPES = ['info', 'warning', 'error', 'success'] as const

export type NotificationType = (typeof NOTIFICATION_TYPES)[number]

/**
 * The place of something that was numbered: a notification in its inbox, a broadcast in its log. `gen` is the
 * generation as in a position, so that what a failover lost and what took its number differ.
 */
export interface Place {
  readonly seq: number
  readonly gen: number
}

/**
 * Whether something is at or before a mark that a reader set. What was written later, in another generation, is
 * behind it whatever its number: a failover that lost entries must not make new ones look old.
 */
export function isUpTo(place: Place, mark: Place): boolean {
  return place.seq <= mark.seq && place.gen <= mark.gen
}

/** The text of a place, `<seq>-<gen>`. */
export function placeText({ seq, gen }: Place): string {
  return `${seq}-${gen}`
}

/** Reads {@link placeText}, which must be one. */
export function parsePlace(text: string): Place {
  const dash = text.indexOf('-')
  return { seq: Number(text.slice(0, dash)), gen: Number(text.slice(dash + 1)) }
}

/** A notification as it is stored. */
export interface InboxEntry extends Place {
  /** The JSON object of what its sender said: type, title, message, timestamp, data and more; neither id nor state. */
  readonly body: string
  /** How many of its group it stands for; how many it stands in for where it is a summary. 1 without a group. */
  readonly count: number
  readonly read: boolean
  readonly seen: boolean
  readonly archived: boolean
  readonly snoozedUntilMs: number | undefined
  readonly expiresAtMs: number | undefined
  /** The key of the action that was taken. */
  readonly acted: string | undefined
}

/** What a user has done with broadcasts. Texts are {@link placeText}s. Of another log than `epoch` nothing holds. */
export interface BroadcastMarks {
  /** The broadcast log that the marks are about. */
  readonly epoch: string
  /** Broadcasts up to here were before the user joined. */
  readonly joined: Place
  /** Broadcasts up to here are read, but for `unread`; later ones are not, but for `read`. */
  readonly watermark: Place
  readonly seenUpTo: Place
  readonly read: ReadonlySet<string>
  readonly unread: ReadonlySet<string>
  readonly archived: ReadonlySet<string>
  readonly deleted: ReadonlySet<string>
  readonly snoozed: ReadonlyMap<string, number>
  readonly acted: ReadonlyMap<string, string>
}

/** Own notifications only; broadcasts are counted by who knows them. Archived and snoozed ones are in no other count. */
export interface OwnCounts {
  readonly total: number
  readonly unread: number
  /** Unread, and newer than what was marked as seen. */
  readonly unseen: number
  readonly archived: number
  readonly snoozed: number
  /** Unread, in the order of {@link NOTIFICATION_TYPES}. */
  readonly unreadByType: readonly [number, number, number, number]
}

/** How far an inbox has come. `rev` rises by one with each change of state, and is told live. */
export interface InboxVersion {
  readonly epoch: string
  readonly gen: number
  readonly rev: number
}

/** The state of a user who is not there: all broadcasts are before it. */
export const NOT_JOINED: { readonly epoch: string; readonly joined: Place } = {
  epoch: '',
  joined: { seq: Number.MAX_SAFE_INTEGER, gen: Number.MAX_SAFE_INTEGER },
}

/** An inbox as a whole, from one moment. */
export interface InboxState extends InboxVersion {
  /** The number of the newest notification that was ever stored. */
  readonly head: number
  /** The store's clock. */
  readonly nowMs: number
  /** When something wakes or expires by itself next. */
  readonly nextChangeAtMs: number | undefined
  readonly own: OwnCounts
  readonly broadcasts: BroadcastMarks
  readonly muted: Muted
}

/** What a user does not want. */
export interface Muted {
  readonly types: readonly NotificationType[]
  readonly topics: readonly string[]
}
