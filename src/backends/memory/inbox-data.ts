import type { Generation } from '../../core/generation.ts'
import { type BroadcastMarks, NOT_JOINED, type NotificationType, type Place } from '../../core/inbox.ts'
import { randomName } from '../../core/random-name.ts'
import { newMarks } from './inbox-marks.ts'

/** A notification is in one state at a time. */
export interface StoredNotification extends Place {
  readonly type: NotificationType
  /** The group that it stands for; see `inbox-sending.ts`. */
  readonly group: string | undefined
  readonly count: number
  readonly expiresAtMs: number | undefined
  body: string
  state: 'unread' | 'read' | 'archived' | 'snoozed'
  /** When it wakes; only where it is snoozed. */
  untilMs: number | undefined
  acted: string | undefined
}

/** {@link BroadcastMarks}, to be written. */
export interface Marks extends BroadcastMarks {
  epoch: string
  joined: Place
  watermark: Place
  seenUpTo: Place
  readonly read: Set<string>
  readonly unread: Set<string>
  readonly archived: Set<string>
  readonly deleted: Set<string>
  readonly snoozed: Map<string, number>
  readonly acted: Map<string, string>
}

/** All that is kept of one user. Plain data: a saved state is a clone of it. */
export interface InboxData {
  readonly epoch: string
  gen: number
  rev: number
  head: number
  /** The server's history in which it was last written. */
  history: string
  /** The generation before this one, and how far it had come. */
  previous: { readonly gen: number; readonly rev: number } | undefined
  chain: Generation[]
  /** By number, rising. */
  readonly own: Map<number, StoredNotification>
  seenUpTo: number
  readonly broadcasts: Marks
  mutedTypes: Set<NotificationType>
  mutedTopics: Set<string>
  readonly topics: Set<string>
  rate: { readonly startMs: number; readonly count: number } | undefined
  /** What has changed, by the `rev` of its last change; the last at the end. See `inbox-journal.ts`. */
  readonly journal: Map<string, number>
  /** Of what changed up to here, something has left the journal. */
  floor: number
}

/** In place of an inbox of a user who is not there. */
export function nobody(history: string): InboxData {
  const { epoch, joined } = NOT_JOINED
  return { ...newInbox(history, newMarks({ epoch, ...joined, firstSeq: 1 })), epoch, gen: 0 }
}

export function newInbox(history: string, broadcasts: Marks): InboxData {
  return {
    epoch: randomName(),
    gen: 1,
    rev: 0,
    head: 0,
    history,
    previous: undefined,
    chain: [{ gen: 1, firstSeq: 1 }],
    own: new Map(),
    seenUpTo: 0,
    broadcasts,
    mutedTypes: new Set(),
    mutedTopics: new Set(),
    topics: new Set(),
    rate: undefined,
    journal: new Map(),
    floor: 0,
  }
}
