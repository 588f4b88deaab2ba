import { type Place, parsePlace, placeText } from './inbox.ts'

/**
 * What is told live of a change in an inbox.
 * - `sent`: a notification came; the one of its group that went for it, and those that retention removed, are in
 *   `removed`.
 * - `changed`: state of own ones or of broadcasts; `all`: of all up to there; `removed`: own ones are gone; `settings`:
 *   what is muted or followed; `erased`: everything is gone, and this is the last frame of its epoch.
 */
export type InboxFrameKind = 'sent' | 'changed' | 'all' | 'removed' | 'settings' | 'erased'

export interface InboxFrame {
  readonly epoch: string
  readonly gen: number
  readonly rev: number
  readonly kind: InboxFrameKind
  /** The store's clock. */
  readonly nowMs: number
  /** When something wakes or expires by itself next. */
  readonly nextChangeAtMs: number | undefined
  /** What came, or has changed its state. */
  readonly own: readonly Place[]
  readonly removed: readonly Place[]
  /** Broadcasts of which the user's marks have changed; `'all'` where the watermark moved or what is muted changed. */
  readonly broadcasts: readonly Place[] | 'all'
}

/**
 * On the wire one line of words separated by a space: `1` (the format), epoch, gen, rev, kind, now, next change or
 * `-`, then own, removed and broadcasts, each as place texts joined by commas or `-` for none (`*` for all broadcasts).
 */
export function encodeInboxFrame(frame: InboxFrame): string {
  const { epoch, gen, rev, kind, nowMs, nextChangeAtMs, own, removed, broadcasts } = frame
  const places = (list: readonly Place[]) => (list.length === 0 ? '-' : list.map(placeText).join(','))
  const all = broadcasts === 'all' ? '*' : places(broadcasts)
  return `1 ${epoch} ${gen} ${rev} ${kind} ${nowMs} ${nextChangeAtMs ?? '-'} ${places(own)} ${places(removed)} ${all}`
}

const KINDS: readonly string[] = ['sent', 'changed', 'all', 'removed', 'settings', 'erased']
const FRAME =
  /^1 ([0-9a-z]{1,32}) (\d{1,16}) (\d{1,16}) ([a-z]+) (\d{1,16}) (-|\d{1,16}) (-|[\d,-]+) (-|[\d,-]+) (-|\*|[\d,-]+)$/

/** Reads a frame; undefined for what is none: anybody can publish on any channel. */
export function decodeInboxFrame(text: string): InboxFrame | undefined {
  const match = FRAME.exec(text)
  if (match === null || !KINDS.includes(match[4]!)) return undefined
  const places = (list: string) => (list === '-' ? [] : list.split(',').map(parsePlace))
  return {
    epoch: match[1]!,
    gen: Number(match[2]),
    rev: Number(match[3]),
    kind: match[4] as InboxFrameKind,
    nowMs: Number(match[5]),
    nextChangeAtMs: match[6] === '-' ? undefined : Number(match[6]),
    own: places(match[7]!),
    removed: places(match[8]!),
    broadcasts: match[9] === '*' ? 'all' : places(match[9]!),
  }
}
