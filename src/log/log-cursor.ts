import type { EventLog, LogEntry, LogHead } from '../core/event-log.ts'
import type { Gap, GapReason } from '../core/gap.ts'
import { type Generation, generationAt } from '../core/generation.ts'
import type { LogId } from '../core/log-id.ts'
import { BEFORE_BIRTH, formatPosition, type Position } from '../protocol/position.ts'
import { positionIn, resume } from './fork.ts'

const PAGE = 500

/** Who reads by a cursor. Called synchronously and in order. */
export interface CursorReader {
  /** Takes the next entry. The cursor is at it already. */
  readonly onEntry: (entry: LogEntry, position: Position) => void
  /** Takes a hole. The cursor is behind it already. */
  readonly onGap: (gap: Gap) => void
  /** Asked before and after each entry: true ends the reading there. */
  readonly isDone: () => boolean
}

/** How far a reader of a log has come. */
export class LogCursor {
  readonly #eventLog: EventLog
  readonly #log: LogId
  /** The last entry that was had, or what stands for it. */
  position: Position
  /** The generations as they were when the log was last read. */
  chain: readonly Generation[]

  /** Nothing has been had yet, and what is wanted is what is kept: what goes before the first entry is no hole. */
  #fresh: boolean

  constructor(
    eventLog: EventLog,
    log: LogId,
    position: Position = BEFORE_BIRTH,
    chain: readonly Generation[] = [],
    fresh = false,
  ) {
    this.#eventLog = eventLog
    this.#fresh = fresh
    this.#log = log
    this.position = position
    this.chain = chain
  }

  /** Sets the cursor to an entry of the log as it is now. */
  place(head: LogHead, seq: number): void {
    this.position = positionIn(head, seq)
    this.chain = head.chain
  }

  /** Reads on to the end of the log, or until the reader is done. Each entry once, and each hole as a gap. */
  async readOn({ onEntry, onGap: tell, isDone }: CursorReader, limit: number = PAGE): Promise<void> {
    const onGap = (gap: Gap) => {
      if (!this.#fresh || gap.reason !== 'trimmed') tell(gap)
    }
    let next = this.position.seq + 1
    for (;;) {
      const { head, entries } = await this.#eventLog.read(this.#log, { fromSeq: next, limit: Math.min(limit, PAGE) })
      if (isDone()) return
      const start = resume(this.position, head, this.chain)
      if (start.kind === 'reset') onGap(this.skip(start.reason, start.to))
      this.chain = head?.chain ?? []
      if (head === undefined) return
      if (this.position.epoch === BEFORE_BIRTH.epoch) this.place(head, this.position.seq)
      if (start.kind === 'reset' && start.fromSeq !== next) {
        next = start.fromSeq
        continue
      }
      for (const entry of entries) {
        next = entry.seq + 1
        // An entry of a generation that was not written then is a stranger's.
        if (entry.seq <= this.position.seq || generationAt(head.chain, entry.seq) !== entry.gen) continue
        if (entry.seq > this.position.seq + 1) onGap(this.skip('trimmed', positionIn(head, entry.seq - 1)))
        if (isDone()) return
        this.position = { epoch: head.epoch, gen: entry.gen, seq: entry.seq }
        this.#fresh = false
        onEntry(entry, this.position)
        if (isDone()) return
      }
      if (entries.length > 0 && next <= head.seq) continue
      if (this.position.seq < head.seq) onGap(this.skip('trimmed', positionIn(head, head.seq)))
      return
    }
  }

  /** Goes on behind a hole. */
  skip(reason: GapReason, to: Position): Gap {
    const gap = { log: this.#log.name, reason, from: formatPosition(this.position), to: formatPosition(to) }
    this.position = to
    return gap
  }
}
