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

/** The line alone where there is nothing else. */
type StateReply = Buffer | readonly [line: Buffer, ...lists: (readonly Buffer[])[]]

const NOTHING: readonly (readonly Buffer[])[] = Array.from({ length: 7 }, () => [])

/** Reads what lua/inbox/state.lua made. */
export function decodeState(reply: unknown): InboxState {
  return Array.isArray(reply) ? stateOf(String(reply[0]), reply.slice(1)) : stateOf(String(reply), NOTHING)
}

function stateOf(line: string, lists: readonly (readonly Buffer[])[]): InboxState {
  const words = line.split(' ')
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
  if (Buffer.isBuffer(reply)) return decodePage(reply.toString())
  const [state, more, entries] = reply as [StateReply, number, EntriesReply[]]
  return { entries: decodeEntries(entries, state), more: Number(more) === 1, state: decodeState(state) }
}

/** Whether there is more, the state, and the entries, each a line. */
function decodePage(text: string): InboxPage {
  const end = text.indexOf('\n', 2)
  const line = text.slice(2, end)
  return {
    entries: entriesOf(text.slice(end + 1), seenUpToOf(line)),
    more: text.startsWith('1'),
    state: stateOf(line, NOTHING),
  }
}

export function decodeSync(reply: unknown): InboxDelta {
  const [state, reset, removed, broadcasts, entries] = reply as [StateReply, number, Buffer, Buffer, EntriesReply[]]
  return {
    reset: Number(reset) === 1,
    changed: decodeEntries(entries, state),
    removed: words(String(removed)).map(parsePlace),
    broadcasts: String(broadcasts) === '*' ? 'all' : words(String(broadcasts)),
    state: decodeState(state),
  }
}

type Optional = readonly (Buffer | null)[]

/** See lua/inbox/entries.lua. */
type EntriesReply =
  | Buffer
  | readonly [
      list: Buffer,
      fields: readonly (number | readonly Buffer[])[],
      wakes: Optional,
      edited: Optional,
      acted: Optional,
    ]

function decodeEntries(lists: readonly EntriesReply[], state: StateReply): InboxEntry[] {
  const seenUpTo = seenUpToOf(String(Array.isArray(state) ? state[0] : state))
  return lists.flatMap((list) => {
    if (Buffer.isBuffer(list)) return entriesOf(list.toString(), seenUpTo)
    const [text, fields, wakes, edited, acted] = list as Exclude<EntriesReply, Buffer>
    const more = moreFields(fields)
    return entriesOf(text.toString(), seenUpTo).map((entry, i) => {
      const named = more.get(i)
      const wakesAt = wakes[i] ?? undefined
      return {
        ...entry,
        body: edited[i]?.toString() ?? entry.body,
        count: optionalNumber(named?.get('c')) ?? 1,
        read: wakesAt === undefined && entry.read,
        snoozedUntilMs: optionalNumber(wakesAt),
        expiresAtMs: optionalNumber(named?.get('x')),
        acted: acted[i]?.toString(),
      }
    })
  })
}

/** One list, without what not every entry has. */
function entriesOf(text: string, seenUpTo: number): InboxEntry[] {
  const afterIds = text.indexOf('\n')
  const afterUnread = text.indexOf('\n', afterIds + 1)
  const afterArchived = text.indexOf('\n', afterUnread + 1)
  const unread = numbers(text.slice(afterIds + 1, afterUnread))
  const archived = numbers(text.slice(afterUnread + 1, afterArchived))
  const bodies = text.slice(afterArchived + 1).split('\x1f')
  return text
    .slice(0, afterIds)
    .split(',')
    .map((id, index) => {
      const { seq, gen } = parsePlace(id)
      return {
        seq,
        gen,
        body: bodies[index]!,
        count: 1,
        read: !unread.has(seq),
        seen: seq <= seenUpTo,
        archived: archived.has(seq),
        snoozedUntilMs: undefined,
        expiresAtMs: undefined,
        acted: undefined,
      }
    })
}

function seenUpToOf(line: string): number {
  return Number(line.slice(line.lastIndexOf(' ') + 1))
}

/** By the entry's index, what it has behind the body, by name. */
function moreFields(list: readonly (number | readonly Buffer[])[]): Map<number, Map<string, Buffer>> {
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

function numbers(list: string): ReadonlySet<number> {
  return new Set(list === '' ? [] : list.split(',').map(Number))
}

function texts(list: readonly Buffer[]): string[] {
  return list.map(String)
}

function words(text: string): string[] {
  return text === '' ? [] : text.split(',')
}

function pairs(list: readonly string[]): [string, string][] {
  return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]!])
}
