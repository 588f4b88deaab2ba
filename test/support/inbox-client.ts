import type { InboxEntry, InboxVersion, Place } from '../../src/core/inbox.ts'
import type { BroadcastPlace, InboxDelta, InboxStore } from '../../src/core/inbox-store.ts'

const nameOf = ({ seq, gen }: Place) => `${seq}-${gen}`

/** A client that keeps its own copy of an inbox, and brings it up to date by what has changed. */
export class InboxClient {
  #version: InboxVersion = { epoch: '', gen: 0, rev: 0 }
  #entries = new Map<string, InboxEntry>()

  /** Newest first. */
  get entries(): InboxEntry[] {
    return [...this.#entries.values()].sort((one, other) => other.seq - one.seq)
  }

  /** Resolves to the answer, and applies it. */
  async sync(store: InboxStore, at: BroadcastPlace): Promise<InboxDelta> {
    const delta = await store.sync('ada', this.#version, at)
    if (delta.reset) {
      const { entries, state } = await store.list('ada', { view: 'all', limit: 10_000 }, at)
      this.#entries = new Map(entries.map((entry) => [nameOf(entry), entry]))
      this.#version = state
      return delta
    }
    for (const place of delta.removed) this.#entries.delete(nameOf(place))
    for (const entry of delta.changed) this.#entries.set(nameOf(entry), entry)
    this.#version = delta.state
    return delta
  }

  get rev(): number {
    return this.#version.rev
  }
}
