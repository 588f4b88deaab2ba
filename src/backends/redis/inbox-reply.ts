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
  const [epoch, gen, rev, head, now, next] = words
  const [total, unread, unseen, archived, snoozed, ...rest] = words.slice(6).map(Number)
  const [log, joined, watermark, seenUpTo] = words.slice(15)
  const [read, unreadMarks, archivedMarks, deleted, snoozedMarks, acted, muted] = lists.map(texts)
  return {
    epoch: optionalWord(epoch!),
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
      epoch: optionalWord(log!),
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

function optionalWord(word: string): string {
  return word === '-' ? '' : word
}

const OUTCOMES: Record<string, CommandOutcome> = { c: 'changed', a: 'already', u: 'unknown' }

export function decodeOutcomes(letters: unknown): CommandOutcome[] {
  return Array.from(String(letters), (letter) => OUTCOMES[letter]!)
}

export function decodeList(reply: unknown): InboxPage {
  const [state, more, entries] = reply as [StateReply, number, EntriesReply[]]
  return { entries: decodeEntries(entries, state), more: Number(more) === 1, state: decodeState(state) }
}

export function decodeSync(reply: unknown): InboxDelta {
  const [state, reset, removed, broadcasts, entries] = reply as [StateReply, number, Buffer, Buffer, EntriesReply[]]
  return {
    reset: Number(reset) === 1,
    changed: decodeEntries(entries, state),
    removed: words(removed).map(parsePlace),
    broadcasts: String(broadcasts) === '*' ? 'all' : words(broadcasts),
    state: decodeState(state),
  }
}

type Optional = readonly (Buffer | null)[]

/** See lua/inbox/entries.lua. */
type EntriesReply = readonly [
  bodies: readonly Buffer[],
  fields: readonly (number | readonly Buffer[])[],
  u0: readonly Buffer[],
  u1: readonly Buffer[],
  u2: readonly Buffer[],
  u3: readonly Buffer[],
  archived: readonly Buffer[],
  wakes: Optional,
  edited: Optional,
  acted: Optional,
]

function decodeEntries(lists: readonly EntriesReply[], [line]: StateReply): InboxEntry[] {
  const seenUpTo = Number(String(line).split(' ').at(-1))
  const entries: InboxEntry[] = []
  for (const [bodies, fields, u0, u1, u2, u3, archived, wakes, edited, acted] of lists) {
    const unread = new Set<number>()
    for (const list of [u0, u1, u2, u3]) addNumbers(unread, list)
    const away = new Set<number>()
    addNumbers(away, archived)
    const more = moreFields(fields)
    for (let i = 0; 2 * i < bodies.length; i += 1) {
      const { seq, gen } = parsePlace(bodies[2 * i]!.toString('latin1'))
      const named = more.get(i)
      const wakesAt = wakes[i] ?? undefined
      entries.push({
        seq,
        gen,
        body: (edited[i] ?? bodies[2 * i + 1]!).toString(),
        count: optionalNumber(named?.get('c')) ?? 1,
        read: wakesAt === undefined && !unread.has(seq),
        seen: seq <= seenUpTo,
        archived: away.has(seq),
        snoozedUntilMs: optionalNumber(wakesAt),
        expiresAtMs: optionalNumber(named?.get('x')),
        acted: acted[i]?.toString(),
      })
    }
  }
  return entries
}

/** By the entry's index, what it has behind the body, by name. */
function moreFields(list: EntriesReply[1]): Map<number, Map<string, Buffer>> {
  const more = new Map<number, Map<string, Buffer>>()
  for (let i = 0; i < list.length; i += 2) {
    const values = list[i + 1] as readonly Buffer[]
    const named = new Map<string, Buffer>()
    for (let j = 2; j < values.length; j += 2) named.set(String(values[j]), values[j + 1]!)
    more.set(Number(list[i]) - 1, named)
  }
  return more
}

function optionalNumber(text: Buffer | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

function addNumbers(to: Set<number>, list: readonly Buffer[]): void {
  for (const each of list) to.add(Number(each.toString('latin1')))
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
