import { fromByteString, toByteString } from '../../core/byte-string.ts'
import { compileGlob } from '../../core/glob.ts'
import type { ListenerTable } from '../../core/listener-table.ts'
import { PatternIndex } from '../../core/pattern-index.ts'
import type { SubscriptionKind } from '../../core/pub-sub.ts'
import { InboxSpace } from './inbox-space.ts'
import { LogStore } from './log-store.ts'
import { PresenceSpace } from './presence-space.ts'
import { TurnQueue } from './turn-queue.ts'

interface PatternRow {
  /** The pattern as a byte string. */
  readonly bytes: string
  readonly members: Set<ListenerTable>
}

const hubs = new Map<string, Hub>()

/** Joins the hub of that name in this process, which begins with its first member and ends with its last. */
export function joinHub(name: string, member: ListenerTable): Hub {
  const hub = hubs.get(name) ?? new Hub(() => hubs.delete(name))
  hubs.set(name, hub)
  hub.join(member)
  return hub
}

/** What a Redis server is to its clients: it knows who subscribes to what, and passes messages on. */
export class Hub {
  readonly #logs = new Map<string, LogStore>()
  readonly #inboxes = new Map<string, InboxSpace>()
  readonly #presence = new Map<string, PresenceSpace>()
  readonly #members = new Set<ListenerTable>()
  readonly #channels = new Map<string, Set<ListenerTable>>()
  readonly #patterns = new PatternIndex<PatternRow>()
  readonly #queue = new TurnQueue()
  readonly #onEmpty: () => void

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty
  }

  join(member: ListenerTable): void {
    this.#members.add(member)
  }

  /** Gives up all that the member subscribes to. Resolves when what was published until now has been passed on. */
  leave(member: ListenerTable): Promise<void> {
    for (const kind of ['channel', 'pattern'] as const) {
      for (const name of member.names(kind)) this.unsubscribe(kind, name, member)
    }
    this.#members.delete(member)
    if (this.#members.size === 0) this.#onEmpty()
    return this.passed()
  }

  /** Whether all that was published has been passed on. */
  get isQuiet(): boolean {
    return this.#queue.isEmpty
  }

  /** Resolves when what was published until now has been passed on. */
  passed(): Promise<void> {
    return new Promise((resolve) => this.#queue.push(resolve))
  }

  subscribe(kind: SubscriptionKind, name: string, member: ListenerTable): void {
    const bytes = toByteString(name)
    if (kind === 'channel') {
      const members = this.#channels.get(bytes)
      if (members === undefined) this.#channels.set(bytes, new Set([member]))
      else members.add(member)
    } else {
      const row = this.#patterns.get(name)
      if (row === undefined) this.#patterns.add(name, { bytes, members: new Set([member]) })
      else row.members.add(member)
    }
  }

  unsubscribe(kind: SubscriptionKind, name: string, member: ListenerTable): void {
    if (kind === 'channel') {
      const bytes = toByteString(name)
      const members = this.#channels.get(bytes)
      if (members?.delete(member) && members.size === 0) this.#channels.delete(bytes)
    } else {
      const row = this.#patterns.get(name)
      if (row?.members.delete(member) && row.members.size === 0) this.#patterns.delete(name)
    }
  }

  /** The logs of a namespace. */
  logs(namespace: string): LogStore {
    const known = this.#logs.get(namespace)
    if (known !== undefined) return known
    const store = new LogStore()
    this.#logs.set(namespace, store)
    return store
  }

  /** The inboxes of a namespace. */
  inboxes(namespace: string): InboxSpace {
    const known = this.#inboxes.get(namespace)
    if (known !== undefined) return known
    const space = new InboxSpace()
    this.#inboxes.set(namespace, space)
    return space
  }

  /** Who is there, in a namespace. */
  presence(namespace: string): PresenceSpace {
    const known = this.#presence.get(namespace)
    if (known !== undefined) return known
    const space = new PresenceSpace()
    this.#presence.set(namespace, space)
    return space
  }

  /**
   * As Redis does: whoever subscribes now will get it, once for its channel and once for each matching pattern, and
   * each of these is one receiver. Each gets its own copy. Resolves after they have got it, so that a publisher that
   * awaits its calls never runs ahead of delivery.
   */
  publish(channel: string, payload: string | Uint8Array): Promise<number> {
    const bytes = toByteString(channel)
    let receivers = 0
    const pass = (dispatch: (copy: Buffer) => void) => {
      const copy = Buffer.from(payload)
      receivers += 1
      this.#queue.push(() => dispatch(copy))
    }
    for (const member of this.#channels.get(bytes) ?? []) pass((copy) => member.dispatchChannel(bytes, copy))
    for (const { bytes: pattern, members } of this.#patterns.match(bytes)) {
      for (const member of members) pass((copy) => member.dispatchPattern(pattern, bytes, copy))
    }
    return new Promise((resolve) => this.#queue.push(() => resolve(receivers)))
  }

  activeChannels(pattern: string): string[] {
    const glob = compileGlob(pattern)
    return Array.from(this.#channels.keys()).filter(glob.matches).map(fromByteString)
  }

  subscriberCounts(channels: readonly string[]): number[] {
    return channels.map((channel) => this.#channels.get(toByteString(channel))?.size ?? 0)
  }

  patternCount(): number {
    return this.#patterns.size
  }
}
