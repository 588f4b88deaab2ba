import type { InboxState } from '../core/inbox.ts'
import type { Patience } from '../log/patience.ts'
import { Alarm } from './alarm.ts'
import type { BroadcastBoard } from './broadcast-board.ts'
import type { BroadcastTally } from './broadcast-tally.ts'
import type { InboxReader, InboxSync } from './inbox-reader.ts'
import { type SeenState, seenState } from './state-token.ts'

export interface InboxChangesOptions {
  readonly userId: string
  readonly board: BroadcastBoard
  readonly reader: InboxReader
  readonly patience: Patience
  /** Whether somebody wants every change. */
  readonly isWanted: () => boolean
  /** Takes what the store has said. */
  readonly onState: (state: InboxState) => void
  /** Takes each change, as a sync from the change before. */
  readonly onChange: (change: InboxSync) => void
}

/**
 * Tells those who want every change of one inbox what has changed since they were told last: one at a time, and what
 * gathers meanwhile at once. Own changes cost one call to the store. Broadcasts cost none, and no more for being many.
 */
export class InboxChanges {
  readonly #options: InboxChangesOptions
  /** What those who want every change have. */
  #seen: SeenState | undefined
  #state: InboxState | undefined
  #tally: BroadcastTally | undefined
  /** Where the store's clock was, by this process's own that never jumps. */
  #clock = { storeMs: 0, atMs: 0 }
  #stale = false
  #telling = false
  #closed = false
  /** Of broadcasts that expire nobody is told: each process knows. */
  readonly #expiry = new Alarm(() => this.broadcastsChanged())

  constructor(options: InboxChangesOptions) {
    this.#options = options
  }

  /** @param state what is known to those who are told changes from now on */
  start(state: InboxState): void {
    this.#state = state
    this.#setClock(state)
    this.#seen = seenState(state, this.#options.board.position)
  }

  /** Something is different in the user's own part. */
  ownChanged(): void {
    this.#stale = true
    void this.#tell()
  }

  broadcastsChanged(): void {
    if (this.#options.isWanted()) void this.#tell()
  }

  close(): void {
    this.#closed = true
    this.#expiry.close()
  }

  async #tell(): Promise<void> {
    if (this.#telling || this.#closed || this.#seen === undefined) return
    this.#telling = true
    const { board, isWanted, onState, onChange } = this.#options
    try {
      do {
        // What comes in this turn is told together.
        await new Promise((resolve) => setImmediate(resolve))
        // Whoever comes later begins with what is then.
        if (!isWanted()) break
        const { rev } = this.#seen.version
        const { sync, state, seen, tally } = await this.#ask(this.#seen)
        if (this.#closed) return
        this.#state = state
        this.#seen = seen
        this.#tally = tally
        onState(state)
        this.#expiry.set(Number.isFinite(tally.expiresNextMs) ? tally.expiresNextMs - this.#storeNow() : undefined)
        const nothing = !sync.reset && sync.changed.length === 0 && sync.removed.length === 0 && state.rev === rev
        if (!nothing) onChange(sync)
      } while (this.#stale || this.#seen.broadcasts !== board.position)
    } catch {
      // Closed.
    } finally {
      this.#telling = false
    }
  }

  async #ask(seen: SeenState): Promise<Awaited<ReturnType<InboxReader['sync']>>> {
    const { userId, reader, patience } = this.#options
    const stale = this.#stale
    this.#stale = false
    return patience.until(async () => {
      const tally = this.#tally
      // A call uses it up.
      this.#tally = undefined
      if (!stale) return reader.syncBroadcasts(userId, seen, { ...this.#state!, nowMs: this.#storeNow() }, tally)
      const answer = await reader.sync(userId, seen, tally)
      this.#setClock(answer.state)
      return answer
    })
  }

  #setClock({ nowMs }: InboxState): void {
    this.#clock = { storeMs: nowMs, atMs: performance.now() }
  }

  #storeNow(): number {
    return Math.floor(this.#clock.storeMs + performance.now() - this.#clock.atMs)
  }
}
