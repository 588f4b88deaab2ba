import type { Gap, GapListener } from '../core/gap.ts'
import { type Position, parsePosition } from '../protocol/position.ts'

/** What is told of one log at most once in that time, if there is always more. */
const MERGE_MS = 250
/** For which it is remembered what was told. */
const MEMORY_MS = 60_000

interface Told {
  gap: Gap
  /** What goes further, and is told later. */
  more: Gap | undefined
  timer: NodeJS.Timeout
}

/**
 * Tells of the gaps of logs, once each, however many readers of a log meet the same one: those that follow live at
 * once, slow ones later, and each from where it was. Of entries that retention removes ever further, while readers are
 * behind, it tells the first at once and then what has come together.
 */
export class GapStatuses {
  readonly #tell: GapListener
  readonly #told = new Map<string, Told>()

  constructor(tell: GapListener) {
    this.#tell = tell
  }

  /** Takes a gap of any reader. */
  add(gap: Gap): void {
    const key = keyOf(gap)
    const told = this.#told.get(key)
    if (told === undefined) {
      this.#told.set(key, { gap, more: undefined, timer: this.#later(key, MEMORY_MS) })
      this.#tell(gap)
    } else if (gap.reason === 'trimmed' && !isUpTo(gap, told.gap)) {
      if (told.more === undefined) {
        clearTimeout(told.timer)
        told.timer = this.#later(key, MERGE_MS)
      }
      told.more = told.more === undefined ? gap : union(told.more, gap)
    }
  }

  /** Tells what has not been told yet. */
  close(): void {
    for (const { more, timer } of this.#told.values()) {
      clearTimeout(timer)
      if (more !== undefined) this.#tell(more)
    }
    this.#told.clear()
  }

  #later(key: string, ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#due(key), ms).unref()
  }

  #due(key: string): void {
    const told = this.#told.get(key)!
    const { more } = told
    if (more === undefined) {
      this.#told.delete(key)
      return
    }
    told.gap = more
    told.more = undefined
    told.timer = this.#later(key, MEMORY_MS)
    this.#tell(more)
  }
}

/** Of one log, for one reason. Where readers fall back to one place they are told apart by the generation they had. */
function keyOf({ log, reason, from, to }: Gap): string {
  const { epoch, gen } = parsePosition(to)!
  if (reason === 'trimmed') return JSON.stringify([log, reason, epoch, gen])
  const had = parsePosition(from)
  return JSON.stringify([log, reason, to, had?.epoch, had?.gen])
}

function isUpTo(gap: Gap, told: Gap): boolean {
  return seqOf(gap.to) <= seqOf(told.to)
}

function union(a: Gap, b: Gap): Gap {
  const from = seqOf(b.from) < seqOf(a.from) ? b.from : a.from
  return { ...a, from, to: seqOf(b.to) > seqOf(a.to) ? b.to : a.to }
}

function seqOf(position: string): Position['seq'] {
  return parsePosition(position)!.seq
}
