import { type InboxEntry, type InboxState, NOTIFICATION_TYPES, parsePlace } from '../../core/inbox.ts'
import type { CommandOutcome, InboxDelta, InboxPage, SendOutcome } from '../../core/inbox-store.ts'

/** Reads what lua/inbox.lua returned for `send`. */
export function decodeSend(reply: unknown): SendOutcome {
  const [kind, epoch, place, receivers] = String(reply).split(' ')
  if (kind === 'muted' || kind === 'not-following') return { kind }
  return {
    kind: kind as 'stored' | 'collapsed' | 'duplicate',
    epoch: epoch!,
    place: parsePlace(place!),
    receivers: Number(receivers),
  }
}

type StateReply = readonly [line: Buffer, ...lists: (readonly Buffer[])[]]

/** Reads what lua/inbox/state.lua made. */
export function decodeState(reply: unknown): InboxState {
  const [line, ...lists] = reply as StateReply
  const words = String(line).split(' ')
  const [epoch = '', gen, rev, head, now, next] = words
  const [total, unread, unseen, archived, snoozed, ...rest] = words.slice(6).map(Number)
  const [log, joined, watermark, seenUpTo] = words.slice(15)
  const [read, unreadMarks, archivedMarks, deleted, snoozedMarks, acted, muted] = lists.map(texts)
  return {
    epoch,
    gen: Number(gen),
    rev: Number(rev),
    head: Number(head),
    nowMs: Number(now),
    nextChangeAtMs: next === '-' ? undefined : Number(next),
    own: {
      total: total!,
      unread: unread!,
      unseen: unseen!,
      archived: archived!,
      snoozed: snoozed!,
      unreadByType: [rest[0]!, rest[1]!, rest[2]!, rest[3]!],
    },
    broadcasts: {
      epoch: log === '-' ? '' : log!,
      joined: parsePlace(joined!),
      watermark: parsePlace(watermark!),
      seenUpTo: parsePlace(seenUpTo!),
      read: new Set(read),
      unread: new Set(unreadMarks),
      archived: new Set(archivedMarks),
      deleted: new Set(deleted),
      snoozed: new Map(pairs(snoozedMarks!).map(([place, time]) => [place, Number(time)])),
      acted: new Map(pairs(acted!)),
    },
    muted: {
      types: NOTIFICATION_TYPES.filter((_, index) => muted!.includes(`t:${index}`)),
      topics: muted!.flatMap((text) => (text.startsWith('o:') ? [text.slice(2)] : [])).sort(),
    },
  }
}

const OUTCOMES: Record<string, CommandOutcome> = { c: 'changed', a: 'already', u: 'unknown' }

export function decodeOutcomes(letters: unknown): CommandOutcome[] {
  return Array.from(String(letters), (letter) => OUTCOMES[letter]!)
}

export function decodeList(reply: unknown): InboxPage {
  const [state, more, entries] = reply as [unknown, number, Buffer[]]
  return { entries: decodeEntries(entries), more: Number(more) === 1, state: decodeState(state) }
}

export function decodeSync(reply: unknown): InboxDelta {
  const [state, reset, removed, broadcasts, entries] = reply as [unknown, number, Buffer, Buffer, Buffer[]]
  return {
    reset: Number(reset) === 1,
    changed: decodeEntries(entries),
    removed: words(removed).map(parsePlace),
    broadcasts: String(broadcasts) === '*' ? 'all' : words(broadcasts),
    state: decodeState(state),
  }
}

/** See lua/inbox/entries.lua: a line and a body for each. */
function decodeEntries(reply: readonly Buffer[]): InboxEntry[] {
  const entries: InboxEntry[] = []
  for (let i = 0; i < reply.length; i += 2) entries.push(decodeEntry(String(reply[i]), String(reply[i + 1])))
  return entries
}

function decodeEntry(line: string, body: string): InboxEntry {
  const [, id, count, state, seen, wakes, expires, acted] = /^(\S+) (\d+) (\w) (\d) (\S+) (\S+)(?: (.*))?$/s.exec(line)!
  return {
    ...parsePlace(id!),
    body,
    count: Number(count),
    read: state === 'r' || state === 'a',
    seen: seen === '1',
    archived: state === 'a',
    snoozedUntilMs: time(wakes!),
    expiresAtMs: time(expires!),
    acted,
  }
}

function time(text: string): number | undefined {
  return text === '-' ? undefined : Number(text)
}

function texts(list: readonly Buffer[]): string[] {
  return list.map(String)
}

function words(list: Buffer): string[] {
  const text = String(list)
  return text === '' ? [] : text.split(',')
}

function pairs(list: readonly string[]): [string, string][] {
  return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]!])
}
