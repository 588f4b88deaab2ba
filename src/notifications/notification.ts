import type { NotificationType } from '../core/inbox.ts'

/** Something that a user can do about a notification. */
export interface NotificationAction {
  /** What `act` takes. Default: the label. */
  readonly key: string
  readonly label: string
  /** Where it leads: http or https. */
  readonly url?: string
}

/** What is said in a notification, and how it is to be kept. */
export interface NotificationInput {
  readonly type: NotificationType
  readonly title: string
  readonly message: string
  /** Anything that JSON can hold. Default null. */
  readonly data?: unknown
  /** What it is about, for users who mute or follow topics. */
  readonly topic?: string | undefined
  /** When it goes away by itself. */
  readonly expiresAt?: Date | undefined
  /** At most 10, each with its own key. */
  readonly actions?: readonly (Omit<NotificationAction, 'key'> & { readonly key?: string | undefined })[] | undefined
}

export interface BroadcastInput extends NotificationInput {
  /** For whom, in the program's own terms: handed to `isAudience`. Default: everybody. */
  readonly audience?: unknown
}

/** A notification as a user sees it. */
export interface Notification {
  /** To name it in other calls. Opaque. */
  readonly id: string
  /** Undefined for a broadcast that was told to nobody in particular. */
  readonly userId: string | undefined
  readonly broadcast: boolean
  readonly type: NotificationType
  readonly title: string
  readonly message: string
  /** When it was sent, by the sender's clock: ISO 8601, UTC. */
  readonly timestamp: string
  readonly data: unknown
  readonly topic: string | undefined
  readonly actions: readonly NotificationAction[]
  readonly expiresAt: string | undefined
  /** How many of its group it stands for. */
  readonly count: number
  readonly read: boolean
  readonly seen: boolean
  readonly archived: boolean
  readonly snoozedUntil: string | undefined
  /** The key of the action that was taken. */
  readonly acted: string | undefined
  /** False for one that another program published and did not store: it is in no list. */
  readonly stored: boolean
}

/** Archived and snoozed ones are in no count. */
export interface InboxCounts {
  readonly total: number
  readonly unread: number
  /** Unread, and not yet seen. */
  readonly unseen: number
  /** Unread, by type. */
  readonly byType: Readonly<Record<NotificationType, number>>
}
