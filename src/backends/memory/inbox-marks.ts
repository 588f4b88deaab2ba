import { isUpTo, type Place, parsePlace, placeText } from '../../core/inbox.ts'
import type { BroadcastPlace, BroadcastTarget, CommandOutcome, InboxCommand, Targets } from '../../core/inbox-store.ts'
import type { Marks } from './inbox-data.ts'

export type TargetCommand = Extract<InboxCommand, Targets>

const BEFORE_ALL: Place = { seq: 0, gen: 0 }

/** The marks of a user who joins there: what was before is not for them. */
export function newMarks({ epoch, seq, gen }: BroadcastPlace): Marks {
  const joined = { seq, gen }
  return {
    epoch,
    joined,
    watermark: joined,
    seenUpTo: joined,
    read: new Set(),
    unread: new Set(),
    archived: new Set(),
    deleted: new Set(),
    snoozed: new Map(),
    acted: new Map(),
  }
}

/** Goes over to another log: what was marked in the former one says nothing of it. True if there was anything to do. */
export function adoptLog(marks: Marks, epoch: string): boolean {
  if (epoch === '' || epoch === marks.epoch) return false
  if (marks.epoch !== '') {
    for (const set of all(marks)) set.clear()
    marks.joined = marks.watermark = marks.seenUpTo = BEFORE_ALL
  }
  marks.epoch = epoch
  return true
}

/** Forgets marks of broadcasts that are no more. */
export function pruneMarks(marks: Marks, at: BroadcastPlace): void {
  if (at.epoch !== marks.epoch) return
  for (const set of all(marks)) {
    for (const text of set.keys()) if (parsePlace(text).seq < at.firstSeq) set.delete(text)
  }
}

/** Takes those whose time has come out of `snoozed`: they were set unread when they went there. */
export function wakeBroadcasts(marks: Marks, nowMs: number): Place[] {
  const woken = [...marks.snoozed].filter(([, untilMs]) => untilMs <= nowMs).map(([text]) => text)
  for (const text of woken) marks.snoozed.delete(text)
  return woken.map(parsePlace)
}

export function markBroadcast(
  marks: Marks,
  place: BroadcastTarget,
  command: TargetCommand,
  nowMs: number,
): CommandOutcome {
  const text = placeText(place)
  if (place.expiresAtMs !== undefined && place.expiresAtMs <= nowMs) return 'unknown'
  if (isUpTo(place, marks.joined) || marks.deleted.has(text)) return 'unknown'
  const state = stateOf(marks, place)
  switch (command.kind) {
    case 'edit':
    case 'recall':
      return 'unknown'
    case 'read':
      if (state === 'read' || state === 'archived') return 'already'
      setRead(marks, place)
      marks.snoozed.delete(text)
      return 'changed'
    case 'unread':
      return makeUnread(marks, place, state)
    case 'archive':
      if (state === 'archived') return 'already'
      setRead(marks, place)
      marks.snoozed.delete(text)
      marks.archived.add(text)
      return 'changed'
    case 'snooze':
      if (command.untilMs <= nowMs) return makeUnread(marks, place, state)
      if (marks.snoozed.get(text) === command.untilMs) return 'already'
      setUnread(marks, place)
      marks.archived.delete(text)
      marks.snoozed.set(text, command.untilMs)
      return 'changed'
    case 'act':
      if (marks.acted.has(text)) return 'already'
      marks.acted.set(text, command.action)
      return 'changed'
    case 'delete':
      for (const set of all(marks)) set.delete(text)
      marks.deleted.add(text)
      return 'changed'
  }
}

/** Everything up to there is read, except what is snoozed: that wakes unread. True if anything has changed. */
export function readBroadcasts(marks: Marks, upTo: Place, at: BroadcastPlace): boolean {
  const mark = clamp(upTo, at)
  const isPast = (text: string) => isUpTo(parsePlace(text), mark)
  let changed = false
  if (isAfter(mark, marks.watermark)) {
    marks.watermark = mark
    for (const text of marks.read) if (isPast(text)) marks.read.delete(text)
    for (const text of marks.snoozed.keys()) if (isPast(text)) marks.unread.add(text)
    changed = true
  }
  for (const text of marks.unread) {
    if (marks.snoozed.has(text) || !isPast(text)) continue
    marks.unread.delete(text)
    changed = true
  }
  return changed
}

export function seeBroadcasts(marks: Marks, upTo: Place, at: BroadcastPlace): boolean {
  const mark = clamp(upTo, at)
  if (!isAfter(mark, marks.seenUpTo)) return false
  marks.seenUpTo = mark
  return true
}

function stateOf(marks: Marks, place: Place): 'archived' | 'snoozed' | 'unread' | 'read' {
  const text = placeText(place)
  if (marks.archived.has(text)) return 'archived'
  if (marks.snoozed.has(text)) return 'snoozed'
  const unread = isUpTo(place, marks.watermark) ? marks.unread.has(text) : !marks.read.has(text)
  return unread ? 'unread' : 'read'
}

function makeUnread(marks: Marks, place: Place, state: ReturnType<typeof stateOf>): CommandOutcome {
  if (state === 'unread') return 'already'
  setUnread(marks, place)
  marks.archived.delete(placeText(place))
  marks.snoozed.delete(placeText(place))
  return 'changed'
}

function setRead(marks: Marks, place: Place): void {
  if (isUpTo(place, marks.watermark)) marks.unread.delete(placeText(place))
  else marks.read.add(placeText(place))
}

function setUnread(marks: Marks, place: Place): void {
  if (isUpTo(place, marks.watermark)) marks.unread.add(placeText(place))
  else marks.read.delete(placeText(place))
}

function all({ read, unread, archived, deleted, snoozed, acted }: Marks): (Set<string> | Map<string, unknown>)[] {
  return [read, unread, archived, deleted, snoozed, acted]
}

/** In the order of writing: whatever its number, what a later generation wrote is later. */
function isAfter(one: Place, other: Place): boolean {
  return one.gen > other.gen || (one.gen === other.gen && one.seq > other.seq)
}

function clamp({ seq, gen }: Place, at: BroadcastPlace): Place {
  return isAfter({ seq, gen }, at) ? { seq: at.seq, gen: at.gen } : { seq, gen }
}
