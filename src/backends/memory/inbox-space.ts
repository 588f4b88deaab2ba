import type { Place } from '../../core/inbox.ts'
import type { BroadcastPlace, InboxLimits } from '../../core/inbox-store.ts'
import { type InboxData, newInbox, nobody } from './inbox-data.ts'
import { newMarks } from './inbox-marks.ts'
import { eraseFrame, InboxStep } from './inbox-step.ts'

const NOWHERE: BroadcastPlace = { epoch: '', seq: 0, gen: 0, firstSeq: 1 }

interface DedupeMark {
  readonly expiresMs: number
  readonly epoch: string
  readonly place: Place
}

interface State {
  history: string
  inboxes: Map<string, InboxData>
  marks: Map<string, DedupeMark>
  followers: Map<string, Set<string>>
  limits: Partial<InboxLimits>
}

function newState(history: string): State {
  return { history, inboxes: new Map(), marks: new Map(), followers: new Map(), limits: {} }
}

/** What a Redis server keeps for the inboxes of one namespace. For tests it can fail as servers do. */
export class InboxSpace {
  #state: State = newState(newHistory())

  /** Begins a call: the user joins, unless `joins` is false, and what is due is settled. */
  begin(userId: string, at: BroadcastPlace, nowMs: number, joins: boolean = true): InboxStep {
    const { inboxes, history } = this.#state
    const known = inboxes.get(userId)
    if (known === undefined && !joins) return new InboxStep(nobody(history), false, nowMs, history, NOWHERE)
    const data = known ?? newInbox(history, newMarks(at))
    if (known === undefined) inboxes.set(userId, data)
    return new InboxStep(data, known === undefined, nowMs, history, at)
  }

  /** The texts to publish live; undefined where there was nothing. */
  erase(userId: string, nowMs: number): InboxStep['published'] | undefined {
    const { inboxes, history } = this.#state
    const data = inboxes.get(userId)
    if (data === undefined) return undefined
    inboxes.delete(userId)
    return eraseFrame(data, nowMs, history)
  }

  limits({ maxCount, maxBroadcasts }: Partial<InboxLimits>, replace: boolean): Partial<InboxLimits> {
    const declared = { ...(maxCount && { maxCount }), ...(maxBroadcasts && { maxBroadcasts }) }
    const { limits } = this.#state
    this.#state.limits = replace ? { ...limits, ...declared } : { ...declared, ...limits }
    return this.#state.limits
  }

  topics(userId: string): string[] {
    return [...(this.#state.inboxes.get(userId)?.topics ?? [])]
  }

  addFollower(topic: string, userId: string): void {
    const { followers } = this.#state
    followers.set(topic, (followers.get(topic) ?? new Set()).add(userId))
  }

  removeFollower(topic: string, userId: string): void {
    const { followers } = this.#state
    const users = followers.get(topic)
    if (users?.delete(userId) && users.size === 0) followers.delete(topic)
  }

  /** In the order of their ids. */
  followers(topic: string): string[] {
    return [...(this.#state.followers.get(topic) ?? [])].sort()
  }

  /** The mark of what was sent to a user under a dedupe key, while that is remembered. */
  mark(userId: string, key: string, nowMs: number): DedupeMark | undefined {
    const mark = this.#state.marks.get(markName(userId, key))
    return mark !== undefined && mark.expiresMs > nowMs ? mark : undefined
  }

  setMark(userId: string, key: string, mark: DedupeMark, nowMs: number): void {
    const { marks } = this.#state
    const name = markName(userId, key)
    marks.delete(name)
    marks.set(name, mark)
    for (const [old, { expiresMs }] of marks) {
      if (expiresMs > nowMs) break
      marks.delete(old)
    }
  }

  /** The state as it is, to come back to. */
  snapshot(): unknown {
    return structuredClone(this.#state)
  }

  /** A replica that was as far as the snapshot is promoted, or a server comes back with what it had saved then. */
  failOver(snapshot: unknown): void {
    this.#state = { ...(structuredClone(snapshot) as State), history: newHistory() }
  }

  flushAll(): void {
    this.#state = newState(this.#state.history)
  }
}

function markName(userId: string, key: string): string {
  return `${userId.length}:${userId}${key}`
}

function newHistory(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(20))).toString('hex')
}
