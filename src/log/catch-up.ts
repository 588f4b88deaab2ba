import type { LogEntry } from '../core/event-log.ts'
import type { Gap } from '../core/gap.ts'
import type { Generation } from '../core/generation.ts'
import type { Position } from '../protocol/position.ts'
import type { LogCursor } from './log-cursor.ts'
import { Patience } from './patience.ts'

const MAX_HELD = 1_000
const MAX_HELD_BYTES = 1_048_576

export interface CatchUpOptions {
  /** Where the listener stands. */
  readonly cursor: LogCursor
  /** Where those who follow live stand, and the generations up to there. */
  readonly live: () => Position
  readonly liveChain: () => readonly Generation[]
  readonly onEntry: (entry: LogEntry, position: Position) => void
  readonly onGap: (gap: Gap) => void
  /** The listener stands where the live ones do, and is to be one of them. */
  readonly onJoined: () => void
  /** Takes the first failure of each reading; it is tried again until it works. */
  readonly onError: (error: unknown) => void
}

interface Held {
  readonly entry: LogEntry
  readonly position: Position
}

/**
 * A listener that is behind those who follow a log live: because it began further back, or because it could take no
 * more for a while. It reads at its own pace and then joins them, with nothing left out and nothing twice.
 *
 * What comes live while it reads is held, within bounds. It joins when what it has read reaches what is held; if that
 * became too much it was forgotten, and reading goes on: the log has it.
 */
export class CatchUp {
  readonly #options: CatchUpOptions
  #held: Held[] = []
  #heldBytes = 0
  #room = Number.POSITIVE_INFINITY
  #paused = true
  #running = false
  /** The live ones have moved since the last page was asked for. */
  #moved = false
  #joining = false
  #over = false
  readonly #patience: Patience

  constructor(options: CatchUpOptions) {
    this.#options = options
    this.#patience = new Patience(options.onError)
  }

  /** Takes what the live listeners get now. */
  offer(entry: LogEntry, position: Position): void {
    if (this.#paused || this.#over) return
    this.#hold({ entry, position })
    if (this.#joining) return
    const { cursor } = this.#options
    if (position.seq <= cursor.position.seq && position.epoch === cursor.position.epoch) {
      if (!this.#running) this.#join()
      return
    }
    this.#moved = true
    if (!this.#running && !this.#join()) this.#startAgain()
  }

  /** What the live listeners get from now on does not follow what they got before. */
  interrupt(): void {
    this.#forgetHeld()
    this.#moved = true
    this.#startAgain()
  }

  pause(): void {
    this.#paused = true
    this.#forgetHeld()
  }

  /** @param room entries after which to look whether it can take more */
  resume(room: number): void {
    this.#room = Math.max(1, room)
    if (!this.#paused) return
    this.#paused = false
    this.#moved = true
    this.#startAgain()
  }

  close(): void {
    this.#over = true
    this.#forgetHeld()
    this.#patience.end()
  }

  #startAgain(): void {
    if (!this.#running && !this.#paused && !this.#over) void this.#run()
  }

  async #run(): Promise<void> {
    const { cursor, onEntry, onGap } = this.#options
    const isDone = () => this.#over || this.#paused || this.#join()
    this.#running = true
    try {
      // Behind the live ones nothing more can be read than they have had: then they are waited for.
      while (!isDone() && this.#moved) {
        this.#moved = false
        await this.#patience.until(() => cursor.readOn({ onEntry, onGap, isDone }, this.#room))
      }
    } catch {
      this.close()
    }
    this.#running = false
    if (this.#moved) this.#startAgain()
  }

  /** True where the listener now has what the live ones have had, or is being given it. */
  #join(): boolean {
    const { cursor, live, onEntry, onJoined } = this.#options
    if (this.#joining) return false
    if (!isSame(cursor.position, live())) {
      const first = this.#held[0]
      if (first === undefined) return false
      const next = cursor.position.seq - first.position.seq + 1
      if (next < 0 || next >= this.#held.length) return false
      const follows =
        next > 0 ? isSame(cursor.position, this.#held[next - 1]!.position) : isNext(cursor.position, first)
      if (!follows) return false
      this.#joining = true
      cursor.chain = this.#options.liveChain()
      // It may grow on the way: whoever gets an entry may append one.
      const held = this.#held
      for (let at = next; at < held.length && held === this.#held && !this.#paused && !this.#over; at += 1) {
        const { entry, position } = held[at]!
        cursor.position = position
        onEntry(entry, position)
      }
      this.#joining = false
      // Paused on the way, it has forgotten what was held: the log has it.
      if (this.#paused || this.#over || held !== this.#held) return true
    }
    this.#over = true
    this.#forgetHeld()
    onJoined()
    return true
  }

  #hold(held: Held): void {
    this.#held.push(held)
    this.#heldBytes += held.entry.payload.length
    const tooMuch = this.#held.length > MAX_HELD || this.#heldBytes > MAX_HELD_BYTES
    if (tooMuch && !this.#joining) this.#forgetHeld()
  }

  #forgetHeld(): void {
    this.#held = []
    this.#heldBytes = 0
  }
}

function isSame(a: Position, b: Position): boolean {
  return a.seq === b.seq && a.gen === b.gen && a.epoch === b.epoch
}

function isNext(position: Position, { position: next }: Held): boolean {
  return next.seq === position.seq + 1 && next.gen === position.gen && next.epoch === position.epoch
}
