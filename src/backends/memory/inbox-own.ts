import { type InboxEntry, isUpTo, NOTIFICATION_TYPES, type OwnCounts, type Place } from '../../core/inbox.ts'
import type { CommandOutcome, InboxView } from '../../core/inbox-store.ts'
import type { InboxData, StoredNotification } from './inbox-data.ts'
import type { TargetCommand } from './inbox-marks.ts'

export function ownAt(data: InboxData, { seq, gen }: Place): StoredNotification | undefined {
  const stored = data.own.get(seq)
  return stored?.gen === gen ? stored : undefined
}

export function applyToOwn(
  data: InboxData,
  target: Place & { readonly epoch: string },
  command: TargetCommand,
  nowMs: number,
): CommandOutcome {
  const stored = target.epoch === data.epoch ? ownAt(data, target) : undefined
  if (stored === undefined) return 'unknown'
  switch (command.kind) {
    case 'read':
      return stored.state === 'archived' ? 'already' : move(stored, 'read')
    case 'unread':
      return move(stored, 'unread')
    case 'archive':
      return move(stored, 'archived')
    case 'snooze':
      if (command.untilMs <= nowMs) return move(stored, 'unread')
      return move(stored, 'snoozed', command.untilMs)
    case 'act':
      if (stored.acted !== undefined) return 'already'
      stored.acted = command.action
      return 'changed'
    case 'edit':
      if (stored.body === command.body) return 'already'
      stored.body = command.body
      return 'changed'
    case 'delete':
    case 'recall':
      data.own.delete(stored.seq)
      return 'changed'
  }
}

function move(stored: StoredNotification, state: StoredNotification['state'], untilMs?: number): CommandOutcome {
  if (stored.state === state && stored.untilMs === untilMs) return 'already'
  stored.state = state
  stored.untilMs = untilMs
  return 'changed'
}

/** What is due: expired ones are removed, snoozed ones wake. */
export function settleOwn(data: InboxData, nowMs: number): { woken: Place[]; expired: Place[] } {
  const expired = [...data.own.values()].filter(({ expiresAtMs = Infinity }) => expiresAtMs <= nowMs)
  for (const { seq } of expired) data.own.delete(seq)
  const woken = [...data.own.values()].filter(({ untilMs = Infinity }) => untilMs <= nowMs)
  for (const stored of woken) move(stored, 'unread')
  return { woken, expired }
}

/** Reads every unread one up to there; returns which. */
export function readOwn(data: InboxData, upTo: Place): Place[] {
  const changed = [...data.own.values()].filter((each) => each.state === 'unread' && isUpTo(each, upTo))
  for (const stored of changed) move(stored, 'read')
  return changed
}

/**
 * Moves the number up to which all is seen; never past what an earlier generation than the mark's has written. Returns
 * where it was before, undefined where it stays.
 */
export function seeOwn(data: InboxData, { seq, gen }: Place): number | undefined {
  const later = data.chain.find((generation) => generation.gen > gen)
  const upTo = Math.min(seq, data.head, (later?.firstSeq ?? Infinity) - 1)
  const before = data.seenUpTo
  if (upTo <= before) return undefined
  data.seenUpTo = upTo
  return before
}

export function countOwn({ own, seenUpTo }: InboxData): OwnCounts {
  const all = [...own.values()]
  const of = (state: StoredNotification['state']) => all.filter((each) => each.state === state)
  const unread = of('unread')
  const [info, warning, error, success] = NOTIFICATION_TYPES.map(
    (type) => unread.filter((each) => each.type === type).length,
  )
  return {
    total: unread.length + of('read').length,
    unread: unread.length,
    unseen: unread.filter(({ seq }) => seq > seenUpTo).length,
    archived: of('archived').length,
    snoozed: of('snoozed').length,
    unreadByType: [info!, warning!, error!, success!],
  }
}

const VIEWS: Record<InboxView, readonly StoredNotification['state'][]> = {
  inbox: ['unread', 'read'],
  unread: ['unread'],
  archived: ['archived'],
  snoozed: ['snoozed'],
  all: ['unread', 'read', 'archived', 'snoozed'],
}

/** Newest first. */
export function listOwn(data: InboxData, view: InboxView, before: number = Infinity): InboxEntry[] {
  const states = VIEWS[view]
  const entries = [...data.own.values()].filter(({ seq, state }) => seq < before && states.includes(state))
  return entries.reverse().map((each) => entryOf(data, each))
}

export function entryOf({ seenUpTo }: InboxData, stored: StoredNotification): InboxEntry {
  const { seq, gen, body, count, state, untilMs, expiresAtMs, acted } = stored
  return {
    seq,
    gen,
    body,
    count,
    read: state === 'read' || state === 'archived',
    seen: seq <= seenUpTo,
    archived: state === 'archived',
    snoozedUntilMs: untilMs,
    expiresAtMs,
    acted,
  }
}

/** Removes the oldest beyond so many; returns which. */
export function trimOwn({ own }: InboxData, maxCount: number): Place[] {
  const old = [...own.values()].slice(0, Math.max(0, own.size - maxCount))
  for (const { seq } of old) own.delete(seq)
  return old
}

/** Generations that none of what is kept needs any more leave the chain. */
export function trimChain(data: InboxData): void {
  const { value: firstSeq = data.head + 1 } = data.own.keys().next()
  while (data.chain.length > 1 && data.chain[1]!.firstSeq <= firstSeq) data.chain.shift()
}
