import type { InboxState } from '../core/inbox.ts'
import { NOTIFICATION_TYPES } from '../core/inbox.ts'
import { type Broadcast, broadcastState, isThere } from './broadcast.ts'
import type { InboxCounts } from './notification.ts'

/**
 * What the broadcasts that one user sees come to. It can follow single ones that come, change or go, as long as the
 * user's marks are what they were when it was made. It judges by the marks from then: those of broadcasts that are no
 * longer kept may have been forgotten since.
 */
export class BroadcastTally {
  readonly #state: InboxState
  #total = 0
  #unread = 0
  #unseen = 0
  readonly #byType = { info: 0, warning: 0, error: 0, success: 0 }
  /** The texts of those that are in it because their audience is the user's: answers may change. */
  readonly #forAudience = new Set<string>()
  #expiresNextMs = Number.POSITIVE_INFINITY
  #isExact = true

  /** @param visible all of them, archived and snoozed ones too */
  constructor(visible: readonly Broadcast[], state: InboxState) {
    this.#state = state
    for (const broadcast of visible) this.add(broadcast)
  }

  /** When one of them expires next, by the store's clock; infinite where none does. */
  get expiresNextMs(): number {
    return this.#expiresNextMs
  }

  /** False once the one that was to expire next has gone: then it may be that nothing happens at that time. */
  get isExact(): boolean {
    return this.#isExact
  }

  /** Whether it was made with marks of the same log, by a user who joined at the same place. */
  isOf({ broadcasts: { epoch, joined } }: InboxState): boolean {
    const was = this.#state.broadcasts
    return was.epoch === epoch && was.joined.seq === joined.seq && was.joined.gen === joined.gen
  }

  /** Whether it has this one. Whatever came since it was made and was there for the user must have been added. */
  has(broadcast: Broadcast): boolean {
    if (!isThere(broadcast, this.#state)) return false
    return broadcast.audience === undefined || this.#forAudience.has(broadcast.text)
  }

  add(broadcast: Broadcast): void {
    if (broadcast.audience !== undefined) this.#forAudience.add(broadcast.text)
    this.#expiresNextMs = Math.min(this.#expiresNextMs, broadcast.expiresAtMs ?? Number.POSITIVE_INFINITY)
    this.#count(broadcast, 1)
  }

  remove(broadcast: Broadcast): void {
    this.#forAudience.delete(broadcast.text)
    if (broadcast.expiresAtMs === this.#expiresNextMs) this.#isExact = false
    this.#count(broadcast, -1)
  }

  /** What is in the inbox altogether: own ones as the store counts them, and these. */
  countsWith({ own }: InboxState): InboxCounts {
    const byType = { ...this.#byType }
    for (const [index, type] of NOTIFICATION_TYPES.entries()) byType[type] += own.unreadByType[index]!
    return {
      total: own.total + this.#total,
      unread: own.unread + this.#unread,
      unseen: own.unseen + this.#unseen,
      byType,
    }
  }

  #count(broadcast: Broadcast, by: 1 | -1): void {
    const { read, seen, archived, snoozedUntilMs } = broadcastState(broadcast, this.#state.broadcasts)
    if (archived || snoozedUntilMs !== undefined) return
    this.#total += by
    if (read) return
    this.#unread += by
    this.#byType[broadcast.body.type] += by
    if (!seen) this.#unseen += by
  }
}
