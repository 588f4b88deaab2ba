import { type InboxState, isUpTo, placeText } from '../core/inbox.ts'
import type { InboxDelta, InboxStore } from '../core/inbox-store.ts'
import type { Position } from '../protocol/position.ts'
import { type Broadcast, isThere } from './broadcast.ts'
import type { BroadcastBoard } from './broadcast-board.ts'
import { formatCursor, type InboxFilter, isInView, merged, type PageCursor, passes } from './inbox-page.ts'
import type { InboxCounts, Notification } from './notification.ts'
import { countAll, ownId, showBroadcast, showOwn } from './notification-view.ts'
import { formatState, type SeenState, seenState } from './state-token.ts'

/** Whether a broadcast with an audience is for a user. */
export type AudienceTest = (userId: string, audience: unknown) => boolean | Promise<boolean>

/** What every answer about an inbox has. */
export interface InboxAnswer {
  readonly counts: InboxCounts
  /** What the answer is up to: for `sync`, and for `markAllAsRead`. */
  readonly state: string
  /** When something wakes or expires by itself next: ISO 8601. */
  readonly nextChangeAt: string | undefined
}

/** Some notifications of a user, newest first. */
export interface InboxPage extends InboxAnswer {
  readonly notifications: readonly Notification[]
  /** To get the page after this, as its `before`; undefined at the end. */
  readonly next: string | undefined
}

/** What has changed since a state, or that only the whole will do. */
export type InboxSync =
  | ({
      readonly reset: false
      /** Newest first; archived and snoozed ones too. */
      readonly changed: readonly Notification[]
      /** Ids. */
      readonly removed: readonly string[]
    } & InboxAnswer)
  | ({ readonly reset: true } & InboxAnswer)

/** A sync, and what whoever asked for it has then. */
export interface SyncAnswer {
  readonly sync: InboxSync
  readonly state: InboxState
  readonly seen: SeenState
  /** When a broadcast that is shown expires next, by the store's clock. */
  readonly expiresNextMs: number | undefined
}

/** Reads inboxes: what the store has of a user, together with the broadcasts that the user sees. */
export class InboxReader {
  readonly #store: InboxStore
  readonly #board: BroadcastBoard
  readonly #isAudience: AudienceTest

  constructor(store: InboxStore, board: BroadcastBoard, isAudience: AudienceTest) {
    this.#store = store
    this.#board = board
    this.#isAudience = isAudience
  }

  async list(
    userId: string,
    limit: number,
    before: PageCursor | undefined,
    { view = 'inbox', ...filter }: InboxFilter,
  ): Promise<InboxPage> {
    const filtered = filter.type !== undefined || filter.topic !== undefined
    // One more than wanted, to know whether there is a next page.
    const query = { view, limit: filtered ? Number.MAX_SAFE_INTEGER : limit + 1, before: before?.own }
    const { entries, state } = await this.#store.list(userId, query, this.#board.place)
    const { visible, position } = await this.#visible(userId, state)
    const shared = visible.filter(
      (broadcast) => broadcast.seq < (before?.broadcast ?? Infinity) && isInView(broadcast, view, state),
    )
    const notifications: Notification[] = []
    let [own, broadcast] = [before?.own ?? state.head + 1, before?.broadcast ?? position.seq + 1]
    let next: string | undefined
    for (const item of merged(userId, state, entries, shared)) {
      if (!passes(item.shown, filter)) continue
      if (notifications.length === limit) {
        next = formatCursor({ own, broadcast })
        break
      }
      notifications.push(item.shown)
      if (item.entry !== undefined) own = item.entry.seq
      else broadcast = item.broadcast!.seq
    }
    return { notifications, next, ...this.#answer(state, visible, position) }
  }

  /** How many there are, with what the store has just said. */
  async counts(userId: string, state: InboxState): Promise<InboxAnswer> {
    const { visible, position } = await this.#visible(userId, state)
    return this.#answer(state, visible, position)
  }

  /** What has changed since what a reader has, up to what the store and the board know now. */
  async sync(userId: string, seen: SeenState): Promise<SyncAnswer> {
    await this.#board.reach(seen.broadcasts)
    const delta = await this.#store.sync(userId, seen.version, this.#board.place)
    return this.#delta(userId, seen, delta)
  }

  /** As {@link sync} where only broadcasts can have changed since the store said its state. */
  syncBroadcasts(userId: string, seen: SeenState, state: InboxState): Promise<SyncAnswer> {
    const delta = { reset: false, changed: [], removed: [], broadcasts: [], state }
    return this.#delta(userId, seen, delta)
  }

  async #delta(userId: string, seen: SeenState, delta: InboxDelta): Promise<SyncAnswer> {
    const { state, broadcasts: marked } = delta
    const isPart = this.#isPart(seen)
    const { visible, position, all } = await this.#visible(userId, state)
    const answer = this.#answer(state, visible, position)
    const now = seenState(state, position)
    if (delta.reset || !isPart)
      return { sync: { reset: true, ...answer }, state, seen: now, expiresNextMs: nextExpiry(visible) }
    const touched = (broadcast: Broadcast) =>
      !isUpTo(broadcast.changedAt, seen.broadcasts) || marked === 'all' || marked.includes(placeText(broadcast))
    const ids = new Set(visible.map(({ id }) => id))
    const isGone = (broadcast: Broadcast) =>
      !ids.has(broadcast.id) &&
      isUpTo(broadcast, seen.broadcasts) &&
      !isUpTo(broadcast, state.broadcasts.joined) &&
      (touched(broadcast) || hasExpired(broadcast, seen.atMs, state.nowMs))
    const changed = [
      ...delta.changed.map((entry) => showOwn(userId, state.epoch, entry)),
      ...visible.filter(touched).map((broadcast) => showBroadcast(userId, broadcast, state)),
    ].sort((a, b) => (a.timestamp < b.timestamp ? 1 : a.timestamp > b.timestamp ? -1 : 0))
    const removed = [
      ...delta.removed.map((place) => ownId(state.epoch, place)),
      ...all.filter(isGone).map(({ id }) => id),
    ]
    return { sync: { reset: false, changed, removed, ...answer }, state, seen: now, expiresNextMs: nextExpiry(visible) }
  }

  /** The broadcasts that a user sees, newest first, archived and snoozed ones too; and up to where that is. */
  async #visible(userId: string, state: InboxState) {
    const [position, all] = [this.#board.position, this.#board.all()]
    const visible: Broadcast[] = []
    for (const broadcast of all) {
      if (!isThere(broadcast, state)) continue
      const isFor = this.isFor(userId, broadcast)
      if (isFor === true || (isFor !== false && (await isFor))) visible.push(broadcast)
    }
    return { visible, position, all }
  }

  isFor(userId: string, { body: { audience } }: Broadcast): boolean | Promise<boolean> {
    return audience === undefined || this.#isAudience(userId, audience)
  }

  #answer(state: InboxState, visible: readonly Broadcast[], position: Position): InboxAnswer {
    const nextMs = Math.min(
      state.nextChangeAtMs ?? Number.POSITIVE_INFINITY,
      ...visible.map(({ expiresAtMs }) => expiresAtMs ?? Number.POSITIVE_INFINITY),
    )
    return {
      counts: countAll(state, visible),
      state: formatState(seenState(state, position)),
      nextChangeAt: Number.isFinite(nextMs) ? new Date(nextMs).toISOString() : undefined,
    }
  }

  /** False for a broadcast log in which what the reader has is no longer. */
  #isPart({ broadcasts: { epoch, seq, gen } }: SeenState): boolean {
    if (epoch === '') return true
    return epoch === this.#board.position.epoch && this.#board.isPart({ seq, gen })
  }
}

function hasExpired({ expiresAtMs }: Broadcast, afterMs: number, nowMs: number): boolean {
  return expiresAtMs !== undefined && expiresAtMs > afterMs && expiresAtMs <= nowMs
}

function nextExpiry(visible: readonly Broadcast[]): number | undefined {
  let next = Number.POSITIVE_INFINITY
  for (const { expiresAtMs = next } of visible) next = Math.min(next, expiresAtMs)
  return Number.isFinite(next) ? next : undefined
}
