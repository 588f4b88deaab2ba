import { type InboxState, NOTIFICATION_TYPES, type Place } from '../../core/inbox.ts'
import { encodeInboxFrame, type InboxFrameKind } from '../../core/inbox-frame.ts'
import type { BroadcastPlace, CommandOutcome, InboxCommand, NotificationMessage, UpTo } from '../../core/inbox-store.ts'
import type { InboxData } from './inbox-data.ts'
import { noteChanges } from './inbox-journal.ts'
import {
  adoptLog,
  markBroadcast,
  pruneMarks,
  readBroadcasts,
  seeBroadcasts,
  type TargetCommand,
  wakeBroadcasts,
} from './inbox-marks.ts'
import { applyToOwn, countOwn, readOwn, seeOwn, settleOwn, trimChain } from './inbox-own.ts'
import { articleJson, exceedsRate, store, unwanted } from './inbox-sending.ts'

interface Change {
  readonly kind: InboxFrameKind
  readonly own?: readonly Place[]
  readonly removed?: readonly Place[]
  readonly broadcasts?: readonly Place[] | 'all'
  /** Up to where own ones were seen before, where that has moved. */
  readonly unseenFrom?: number | undefined
}

/** What one call does to one inbox, at one moment and at one server. */
export class InboxStep {
  /** What is to be published, in this order: to the user's channel, or live. */
  readonly published: { readonly to: 'user' | 'live'; readonly text: string }[] = []
  readonly data: InboxData
  /** The call itself has made the user join, or has settled something. */
  readonly arrived: boolean
  readonly #nowMs: number
  readonly #history: string
  readonly #at: BroadcastPlace

  constructor(data: InboxData, joined: boolean, nowMs: number, history: string, at: BroadcastPlace) {
    this.data = data
    this.#nowMs = nowMs
    this.#history = history
    this.#at = at
    const adopted = adoptLog(data.broadcasts, at.epoch)
    this.arrived = this.#settle() || joined || adopted
  }

  change(command: InboxCommand): CommandOutcome[] {
    const { data } = this
    switch (command.kind) {
      case 'join':
      case 'settle':
        return [this.arrived ? 'changed' : 'already']
      case 'read-all':
      case 'see-all':
        return [this.#all(command.kind, command.upTo) ? 'changed' : 'already']
      case 'mute': {
        const types = new Set(command.muted.types)
        const topics = new Set(command.muted.topics)
        const same = isSame(types, data.mutedTypes) && isSame(topics, data.mutedTopics)
        data.mutedTypes = types
        data.mutedTopics = topics
        return [this.#set(!same, 'all')]
      }
      case 'follow': {
        const follows = data.topics.has(command.topic)
        data.topics.add(command.topic)
        return [this.#set(!follows)]
      }
      case 'unfollow':
        return [this.#set(data.topics.delete(command.topic))]
      default:
        return this.#toTargets(command)
    }
  }

  send(
    userId: string,
    message: NotificationMessage,
    isDuplicate: () => boolean,
  ): 'muted' | 'not-following' | 'duplicate' | { kind: 'stored' | 'collapsed'; place: Place } {
    const { data } = this
    const refusal = unwanted(data, message)
    if (refusal !== undefined) return refusal
    if (isDuplicate()) return 'duplicate'
    const collapsed = exceedsRate(data, message.rate, this.#nowMs)
    openGeneration(data, this.#history)
    const { stored, removed } = store(data, message, collapsed)
    const { imported } = message
    if (!imported) this.published.push({ to: 'user', text: articleJson(userId, data.epoch, stored) })
    this.#commit({ kind: imported ? 'changed' : 'sent', own: [stored], removed })
    return { kind: collapsed ? 'collapsed' : 'stored', place: { seq: stored.seq, gen: stored.gen } }
  }

  state(): InboxState {
    const { data } = this
    const { joined, watermark, seenUpTo, epoch, ...sets } = data.broadcasts
    return {
      epoch: data.epoch,
      gen: data.gen,
      rev: data.rev,
      head: data.head,
      nowMs: this.#nowMs,
      nextChangeAtMs: nextChangeAtMs(data),
      own: countOwn(data),
      // A copy: what comes later must not show in an answer.
      broadcasts: { epoch, joined, watermark, seenUpTo, ...structuredClone(sets) },
      muted: {
        types: NOTIFICATION_TYPES.filter((type) => data.mutedTypes.has(type)),
        topics: [...data.mutedTopics].sort(),
      },
    }
  }

  #settle(): boolean {
    const { woken, expired } = settleOwn(this.data, this.#nowMs)
    const broadcasts = wakeBroadcasts(this.data.broadcasts, this.#nowMs)
    if (woken.length + expired.length + broadcasts.length === 0) return false
    this.#commit({ kind: 'changed', own: woken, removed: expired, broadcasts })
    return true
  }

  #toTargets(command: TargetCommand): CommandOutcome[] {
    const { data } = this
    const own: Place[] = []
    const broadcasts: Place[] = []
    const outcomes = command.own.map((target) => {
      const outcome = applyToOwn(data, target, command, this.#nowMs)
      if (outcome === 'changed' && !own.some((each) => each.seq === target.seq)) own.push(target)
      return outcome
    })
    for (const place of command.broadcasts) {
      const outcome = markBroadcast(data.broadcasts, place, command, this.#nowMs)
      if (outcome === 'changed') broadcasts.push(place)
      outcomes.push(outcome)
    }
    if (own.length + broadcasts.length > 0) {
      const removes = command.kind === 'delete' || command.kind === 'recall'
      this.#commit(removes ? { kind: 'removed', removed: own, broadcasts } : { kind: 'changed', own, broadcasts })
    }
    return outcomes
  }

  #all(kind: 'read-all' | 'see-all', upTo: UpTo): boolean {
    const { data } = this
    let own: Place[] = []
    let unseenFrom: number | undefined
    let marked = false
    if (upTo.own?.epoch === data.epoch) {
      if (kind === 'read-all') own = readOwn(data, upTo.own)
      else unseenFrom = seeOwn(data, upTo.own)
    }
    if (upTo.broadcasts !== undefined && this.#at.epoch === data.broadcasts.epoch) {
      const mark = kind === 'read-all' ? readBroadcasts : seeBroadcasts
      marked = mark(data.broadcasts, upTo.broadcasts, this.#at)
    }
    if (own.length === 0 && unseenFrom === undefined && !marked) return false
    this.#commit({ kind: 'all', own, broadcasts: marked ? 'all' : [], unseenFrom })
    return true
  }

  #set(changed: boolean, broadcasts: readonly Place[] | 'all' = []): CommandOutcome {
    if (changed) this.#commit({ kind: 'settings', broadcasts })
    return changed ? 'changed' : 'already'
  }

  /** One change of state: one `rev`, one frame. */
  #commit(change: Change): void {
    const { data } = this
    const { own = [], removed = [], broadcasts = [] } = change
    openGeneration(data, this.#history)
    pruneMarks(data.broadcasts, this.#at)
    trimChain(data)
    data.rev += 1
    noteChanges(data, [...own, ...removed], broadcasts, change.unseenFrom)
    this.published.push({ to: 'live', text: frameText(data, change, this.#nowMs, nextChangeAtMs(data)) })
  }
}

/** The last frame of an epoch. */
export function eraseFrame(data: InboxData, nowMs: number, history: string): InboxStep['published'] {
  openGeneration(data, history)
  data.rev += 1
  return [{ to: 'live', text: frameText(data, { kind: 'erased' }, nowMs, undefined) }]
}

/** Where the server has another history than when this was last written, what it wrote since may be lost. */
function openGeneration(data: InboxData, history: string): void {
  if (data.history === history) return
  data.previous = { gen: data.gen, rev: data.rev }
  data.history = history
  data.gen += 1 + Number.parseInt(history.slice(0, 5), 16)
  data.chain.push({ gen: data.gen, firstSeq: data.head + 1 })
}

function frameText({ epoch, gen, rev }: InboxData, change: Change, nowMs: number, next: number | undefined): string {
  const { kind, own = [], removed = [], broadcasts = [] } = change
  return encodeInboxFrame({ epoch, gen, rev, kind, nowMs, nextChangeAtMs: next, own, removed, broadcasts })
}

function nextChangeAtMs({ own, broadcasts }: InboxData): number | undefined {
  const times = [...own.values()].flatMap(({ untilMs, expiresAtMs }) => [untilMs ?? Infinity, expiresAtMs ?? Infinity])
  const next = Math.min(...times, ...broadcasts.snoozed.values())
  return next === Infinity ? undefined : next
}

function isSame<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean {
  return one.size === other.size && [...one].every((each) => other.has(each))
}
