import type { ClientError } from './client-error.ts'
import { isKnownIn } from './inbox-state.ts'
import type { Reports } from './reports.ts'
import type { InboxCounts, InboxSync, Notification } from './server-types.ts'

/** What the inbox is like, as far as this client has been told. */
export interface InboxSummary {
  readonly counts: InboxCounts
  readonly state: string
}

/**
 * The inbox of who is connected, followed live. After every reconnect the first thing told is what was missed; what
 * comes meanwhile waits for it, so that whoever applies the changes in their order has the inbox, exactly.
 */
export class InboxFeed {
  readonly onNotification: Set<(notification: Notification) => unknown> = new Set()
  readonly onChange: Set<(change: InboxSync) => unknown> = new Set()
  readonly #sync: (state: string) => Promise<InboxSync>
  readonly #reports: Reports
  #current: InboxSummary | undefined
  #connection = 0
  /** Changes that came while what was missed is asked for. */
  #held: InboxSync[] | undefined

  constructor(sync: (state: string) => Promise<InboxSync>, reports: Reports) {
    this.#sync = sync
    this.#reports = reports
  }

  get current(): InboxSummary | undefined {
    return this.#current
  }

  /** Connected, and told what there is. */
  connected(summary: InboxSummary | undefined): void {
    this.#connection += 1
    if (typeof summary?.state !== 'string') return
    if (this.#current === undefined) this.#current = { counts: summary.counts, state: summary.state }
    else void this.#catchUp(this.#current, summary)
  }

  /** Something came on the inbox's channel. */
  pushed(push: unknown): void {
    const { kind, notification, change } = (push ?? {}) as {
      kind?: unknown
      notification?: Notification
      change?: InboxSync
    }
    if (kind === 'notification' && notification !== undefined) {
      for (const handler of [...this.onNotification]) this.#reports.run(() => handler(notification), 'notifications')
    } else if (kind === 'change' && change !== undefined) {
      if (this.#held === undefined) this.#take(change)
      else this.#held.push(change)
    }
  }

  async #catchUp(had: InboxSummary, now: InboxSummary): Promise<void> {
    const connection = this.#connection
    this.#held = []
    let missed: InboxSync
    try {
      missed = await this.#sync(had.state)
    } catch (error) {
      // The next connection asks again, from the same state.
      if (connection !== this.#connection || isOver(error as ClientError)) return
      this.#reports.note(error as ClientError)
      missed = { reset: true, counts: now.counts, state: now.state, nextChangeAt: undefined }
    }
    if (connection !== this.#connection) return
    const held = this.#held
    this.#held = undefined
    if (isNothing(missed, had)) this.#current = { counts: missed.counts, state: missed.state }
    else this.#tell(missed)
    for (const change of held) this.#take(change)
  }

  #take(change: InboxSync): void {
    if (this.#current === undefined || !isKnownIn(change.state, this.#current.state)) this.#tell(change)
  }

  #tell(change: InboxSync): void {
    this.#current = { counts: change.counts, state: change.state }
    for (const handler of [...this.onChange]) this.#reports.run(() => handler(change), 'changes of the inbox')
  }
}

function isOver({ code }: ClientError): boolean {
  return code === 'CONNECTION_LOST' || code === 'CLOSED'
}

function isNothing(missed: InboxSync, { counts }: InboxSummary): boolean {
  if (missed.reset || missed.changed.length > 0 || missed.removed.length > 0) return false
  return JSON.stringify(missed.counts) === JSON.stringify(counts)
}
