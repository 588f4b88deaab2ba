import { type InboxState, isUpTo } from '../core/inbox.ts'
import type { InboxDelta, InboxStore } from '../core/inbox-store.ts'
import type { Position } from '../protocol/position.ts'
import type { Audiences } from './audiences.ts'
import type { BoardStep } from './board-journal.ts'
import { type Broadcast, isThere } from './broadcast.ts'
import type { BroadcastBoard } from './broadcast-board.ts'
import { BroadcastTally } from './broadcast-tally.ts'
import { formatCursor, type InboxFilter, isInView, merged, type PageCursor, passes } from './inbox-page.ts'
import type { InboxCounts, Notification } from './notification.ts'
import { ownId, showBroadcast, showOwn } from './notification-view.ts'
import { type OwnListed, readOwn } from './own-pages.ts'
import { formatState, type SeenState, seenState } from './state-token.ts'

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
  /** Of the broadcasts that the user sees: makes the next one cheap. */
  readonly tally: BroadcastTally
}

/** Reads inboxes: what the store has of a user, together with the broadcasts that the user sees. */
export class InboxReader {
  readonly #store: InboxStore
  readonly #board: BroadcastBoard
  readonly #audiences: Audiences

  constructor(store: InboxStore, board: BroadcastBoard, audiences: Audiences) {
    this.#store = store
    this.#board = board
    this.#audiences = audiences
  }

  async list(
    userId: string,
    limit: number,
    before: PageCursor | undefined,
    { view = 'inbox', ...filter }: InboxFilter,
    joins: boolean = true,
  ): Promise<InboxPage> {
    const ask = (most: number, below: number | undefined) =>
      this.#store.list(userId, { view, limit: most, before: below, joins }, this.#board.place)
    let listed: OwnListed
    do listed = await readOwn(userId, limit, before?.own, filter, ask)
    while (this.#isOfAnotherLog(listed.state))
    const { own, more, state } = listed
    const { visible, position } = await this.#visible(userId, state)
    const shared = visible.filter(
      (broadcast) =>
        broadcast.seq < (before?.broadcast ?? Infinity) &&
        isInView(broadcast, view, state) &&
        passes(broadcast.body, filter),
    )
    const notifications: Notification[] = []
    let end: PageCursor = before ?? { own: state.head + 1, broadcast: position.seq + 1 }
    let isFull = false
    for (const { shown, cursor } of merged(userId, state, own, shared)) {
      isFull = notifications.length === limit
      if (isFull) break
      notifications.push(shown)
      end = { ...end, ...cursor }
    }
    const next = isFull || more ? formatCursor(end) : undefined
    return { notifications, next, ...answerOf(state, new BroadcastTally(visible, state), position) }
  }

  /** How many there are, with what the store has just said. */
  async counts(userId: string, state: InboxState): Promise<InboxAnswer> {
    let current = state
    while (this.#isOfAnotherLog(current)) {
      current = (await this.#store.change(userId, { kind: 'join' }, this.#board.place)).state
    }
    const { visible, position } = await this.#visible(userId, current)
    return answerOf(current, new BroadcastTally(visible, current), position)
  }

  /**
   * What has changed since what a reader has, up to what the store and the board know now.
   * @param tally that of the answer before, if this reader has had one: it is used up
   */
  async sync(userId: string, seen: SeenState, tally?: BroadcastTally): Promise<SyncAnswer> {
    await this.#board.reach(seen.broadcasts)
    let delta: InboxDelta
    do delta = await this.#store.sync(userId, seen.version, this.#board.place)
    while (this.#isOfAnotherLog(delta.state))
    return this.#delta(userId, seen, delta, tally)
  }

  /** As {@link sync} where only broadcasts can have changed since the store said its state. */
  async syncBroadcasts(
    userId: string,
    seen: SeenState,
    state: InboxState,
    tally: BroadcastTally | undefined,
  ): Promise<SyncAnswer> {
    const { epoch } = seen.broadcasts
    // Who had been erased may be there again.
    if (state.epoch === '') return this.sync(userId, seen)
    // Of another log the user's marks say nothing: the store has to make new ones.
    const isAnother = epoch !== '' && epoch !== this.#board.position.epoch
    if (isAnother || this.#isOfAnotherLog(state)) return this.sync(userId, seen)
    return this.#delta(userId, seen, { reset: false, changed: [], removed: [], broadcasts: [], state }, tally)
  }

  async #delta(userId: string, seen: SeenState, delta: InboxDelta, tally?: BroadcastTally): Promise<SyncAnswer> {
    const { state, broadcasts: marked } = delta
    const steps = this.#board.since(seen.broadcasts)
    const sameMarks = !delta.reset && marked.length === 0 && tally?.isOf(state)
    if (tally !== undefined && steps !== undefined && sameMarks && state.nowMs < tally.expiresNextMs) {
      const followed = await this.#follow(userId, delta, steps, tally)
      if (followed !== undefined) return followed
    }
    return this.#compare(userId, seen, delta, steps)
  }

  /** From what has just happened on the board. Undefined where that does not do. */
  async #follow(
    userId: string,
    delta: InboxDelta,
    steps: readonly BoardStep[],
    tally: BroadcastTally,
  ): Promise<SyncAnswer | undefined> {
    const { state } = delta
    const { position } = this.#board
    const came = steps.flatMap(({ now }) => (now === undefined ? [] : [now]))
    // What has come and gone meanwhile was never in the tally, but looks as if.
    if (came.some((broadcast) => hasExpired(broadcast, 0, state.nowMs))) return undefined
    const there = came.filter((broadcast) => isThere(broadcast, state))
    const visible = new Set(await this.#audiences.of(userId, there))
    /** Whether each was shown before, and as what it is now. */
    const [before, after] = [new Map<string, boolean>(), new Map<string, Broadcast>()]
    const take = (broadcast: Broadcast) => {
      const had = tally.has(broadcast)
      if (!before.has(broadcast.id)) before.set(broadcast.id, had)
      if (had) tally.remove(broadcast)
      after.delete(broadcast.id)
    }
    for (const { now, gone } of steps) {
      for (const broadcast of gone) take(broadcast)
      if (now === undefined) continue
      if (now.former !== undefined) take(now.former)
      else before.set(now.id, false)
      if (!visible.has(now)) continue
      tally.add(now)
      after.set(now.id, now)
    }
    if (!tally.isExact) return undefined
    const removed = [...before].filter(([id, had]) => had && !after.has(id)).map(([id]) => id)
    return syncOf(userId, delta, [...after.values()].reverse(), removed, position, tally)
  }

  /** From all that there is. */
  async #compare(
    userId: string,
    seen: SeenState,
    delta: InboxDelta,
    steps: readonly BoardStep[] | undefined,
  ): Promise<SyncAnswer> {
    const { state, broadcasts: marked } = delta
    const isPart = this.#isPart(seen)
    const { visible, position, all } = await this.#visible(userId, state)
    const tally = new BroadcastTally(visible, state)
    // Of what is no longer kept nobody knows any more which the reader has.
    const isUnknown = steps === undefined && this.#board.hasTrimmed(seen.broadcasts, state.broadcasts.joined)
    if (delta.reset || !isPart || isUnknown) {
      const sync: InboxSync = { reset: true, ...answerOf(state, tally, position) }
      return { sync, state, seen: seenState(state, position), tally }
    }
    const touched = (broadcast: Broadcast) =>
      !isUpTo(broadcast.changedAt, seen.broadcasts) || marked === 'all' || marked.includes(broadcast.text)
    const ids = new Set(visible.map(({ id }) => id))
    const isGone = (broadcast: Broadcast) =>
      !ids.has(broadcast.id) &&
      isUpTo(broadcast, seen.broadcasts) &&
      !isUpTo(broadcast, state.broadcasts.joined) &&
      (touched(broadcast) || hasExpired(broadcast, seen.atMs, state.nowMs))
    const noLongerKept = (steps ?? [])
      .flatMap(({ gone }) => gone)
      .filter((broadcast) => isUpTo(broadcast, seen.broadcasts) && !isUpTo(broadcast, state.broadcasts.joined))
    const removed = [...all.filter(isGone), ...noLongerKept].map(({ id }) => id)
    return syncOf(userId, delta, visible.filter(touched), removed, position, tally)
  }

  /** The broadcasts that a user sees, newest first, archived and snoozed ones too; and up to where that is. */
  async #visible(userId: string, state: InboxState) {
    const [position, all] = [this.#board.position, this.#board.all()]
    const there = all.filter((broadcast) => isThere(broadcast, state))
    return { visible: await this.#audiences.of(userId, there), position, all }
  }

  /**
   * Whether what the store has just said of a user's marks is of another log than the board has come to meanwhile: the
   * places of one are also places of the other.
   */
  #isOfAnotherLog({ broadcasts: { epoch } }: InboxState): boolean {
    const now = this.#board.position.epoch
    return epoch !== '' && now !== '' && epoch !== now
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

function syncOf(
  userId: string,
  { changed, removed, state }: InboxDelta,
  broadcasts: readonly Broadcast[],
  removedBroadcasts: readonly string[],
  position: Position,
  tally: BroadcastTally,
): SyncAnswer {
  const all = [
    ...changed.map((entry) => showOwn(userId, state.epoch, entry)),
    ...broadcasts.map((broadcast) => showBroadcast(userId, broadcast, state)),
  ].sort((a, b) => (a.timestamp < b.timestamp ? 1 : a.timestamp > b.timestamp ? -1 : 0))
  const gone = [...removed.map((place) => ownId(state.epoch, place)), ...removedBroadcasts]
  const sync: InboxSync = { reset: false, changed: all, removed: gone, ...answerOf(state, tally, position) }
  return { sync, state, seen: seenState(state, position), tally }
}

function answerOf(state: InboxState, tally: BroadcastTally, position: Position): InboxAnswer {
  const nextMs = Math.min(state.nextChangeAtMs ?? Number.POSITIVE_INFINITY, tally.expiresNextMs)
  return {
    counts: tally.countsWith(state),
    state: formatState(seenState(state, position)),
    nextChangeAt: Number.isFinite(nextMs) ? new Date(nextMs).toISOString() : undefined,
  }
}
