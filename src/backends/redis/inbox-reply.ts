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
  if (Buffer.isBuffer(reply)) return decodePage(reply, [])
  const [state, more, entries] = reply as [StateReply, number, EntriesReply[]]
  if (entries === undefined) return decodePage(...(reply as [Buffer, Fields]))
  return { entries: decodeEntries(entries, state), more: Number(more) === 1, state: decodeState(state) }
}

/** Whether there is more, the state, and the entries as one list. */
function decodePage(page: Buffer, fields: Fields): InboxPage {
  const [more, line = '', ...parts] = page.toString().split(SEPARATOR)
  const entries = entriesOf(parts, seenUpToOf(line))
  return { entries: withFields(entries, fields), more: more === '1', state: stateOf(line, NOTHING) }
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

/** In turn a place, from 1, and the fields of the entry there. */
type Fields = readonly (number | readonly Buffer[])[]

/** See lua/inbox/entries.lua. */
type EntriesReply = Buffer | readonly [list: Buffer, fields: Fields, wakes: Optional, edited: Optional, acted: Optional]

const SEPARATOR = '\x1f'

function decodeEntries(lists: readonly EntriesReply[], state: StateReply): InboxEntry[] {
  const seenUpTo = seenUpToOf(String(Array.isArray(state) ? state[0] : state))
  return lists.flatMap((reply) => {
    if (Buffer.isBuffer(reply)) return entriesOf(reply.toString().split(SEPARATOR), seenUpTo)
    const [list, fields, wakes, edited, acted] = reply as Exclude<EntriesReply, Buffer>
    const entries = entriesOf(list.toString().split(SEPARATOR), seenUpTo)
    return withFields(entries, fields).map((entry, i) => {
      const wakesAt = wakes[i] ?? undefined
      return {
        ...entry,
        body: edited[i]?.toString() ?? entry.body,
        read: wakesAt === undefined && entry.read,
        snoozedUntilMs: wakesAt && Number(wakesAt),
        acted: acted[i]?.toString(),
      }
    })
  })
}

/** From the unread and the archived numbers, and the ID and body of each; without what not every entry has. */
function entriesOf(parts: readonly string[], seenUpTo: number): InboxEntry[] {
  const [unread, archived] = [numbers(parts[0]), numbers(parts[1])]
  const entries: InboxEntry[] = []
  for (let at = 2; at < parts.length; at += 2) {
    const { seq, gen } = parsePlace(parts[at]!)
    entries.push({
      seq,
      gen,
      body: parts[at + 1]!,
      count: 1,
      read: !unread.has(seq),
      seen: seq <= seenUpTo,
      archived: archived.has(seq),
      snoozedUntilMs: undefined,
      expiresAtMs: undefined,
      acted: undefined,
    })
  }
  return entries
}

function withFields(entries: InboxEntry[], fields: Fields): InboxEntry[] {
  for (let i = 0; i < fields.length; i += 2) {
    const [place, values] = [Number(fields[i]) - 1, fields[i + 1] as readonly Buffer[]]
    const named = new Map<string, string>()
    for (let j = 2; j < values.length; j += 2) named.set(String(values[j]), String(values[j + 1]))
    const [count, expires] = [named.get('c'), named.get('x')]
    entries[place] = {
      ...entries[place]!,
      count: count === undefined ? 1 : Number(count),
      expiresAtMs: expires === undefined ? undefined : Number(expires),
    }
  }
  return entries
}

function seenUpToOf(line: string): number {
  return Number(line.slice(line.lastIndexOf(' ') + 1))
}

function numbers(list: string | undefined): ReadonlySet<number> {
  return new Set(!list ? [] : list.split(',').map(Number))
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
