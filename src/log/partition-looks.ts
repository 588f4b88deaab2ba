import type { EventLog } from '../core/event-log.ts'
import { type LogId, logText } from '../core/log-id.ts'

/** A log that has changed. */
export interface Change {
  readonly log: LogId
  /** Its counter now. */
  readonly counter: number
  /** Up to here the log was looked at before. */
  readonly since: number
}

export interface LooksOptions {
  readonly eventLog: EventLog
  /** Whether somebody who should know of this change does not yet. */
  readonly isMissed: (change: Change) => boolean
  /** Called where that has lasted from one look to the next, or at once where much may have been missed. */
  readonly onMissed: (change: Change) => void
  /** The server's history in a partition is another one; `anew` where its counter has begun anew. */
  readonly onHistory: (partition: number, anew: boolean) => void
}

interface Seen {
  readonly history: string
  readonly epoch: string
  readonly since: number
  /** Missed at the last look. What was appended just then is only on its way, so nothing is done at the first. */
  readonly suspects: ReadonlyMap<string, Change>
}

/** Asks partitions what has changed, and finds what did not come live: one short call for each partition and look. */
export class PartitionLooks {
  readonly #options: LooksOptions
  readonly #seen = new Map<number, Seen>()
  /** Partitions of which frames may have been missed since the last look. */
  readonly #doubtful = new Set<number>()

  constructor(options: LooksOptions) {
    this.#options = options
  }

  /** What was appended up to this counter has been looked for; undefined before the first look. */
  since(partition: number): number | undefined {
    return this.#seen.get(partition)?.since
  }

  /** Identifies the counter that {@link since} is of. */
  epoch(partition: number): string {
    return this.#seen.get(partition)?.epoch ?? ''
  }

  /** As {@link since}, for one log: a change that was seen at the last look, but is missed, has not been dealt with. */
  sinceOf(partition: number, log: LogId): number {
    const seen = this.#seen.get(partition)
    return seen?.suspects.get(logText(log))?.since ?? seen?.since ?? 0
  }

  isDoubtful(partition: number): boolean {
    return this.#doubtful.has(partition)
  }

  /** From now until the next look of each partition, what is missed shall be acted upon at once. */
  doubt(): void {
    for (const partition of this.#seen.keys()) this.#doubtful.add(partition)
  }

  /** The partitions of which {@link since} is known. */
  partitions(): Iterable<number> {
    return this.#seen.keys()
  }

  async look(partition: number): Promise<void> {
    const before = this.#seen.get(partition)
    const urgent = this.#doubtful.has(partition)
    const { eventLog, isMissed, onMissed, onHistory } = this.#options
    let { history, epoch, counter, logs } = await eventLog.changes(partition, before?.since)
    // What nobody had written to gets its first history and epoch: everybody looks, but nothing was forgotten.
    const isBorn = before?.epoch === '' && epoch !== ''
    const anew = before !== undefined && !isBorn && epoch !== before.epoch
    if (anew) ({ history, epoch, counter, logs } = await eventLog.changes(partition, 0))
    // Another look may have been faster.
    if (this.#seen.get(partition) !== before) return
    if (before === undefined) {
      this.#seen.set(partition, { history, epoch, since: counter, suspects: new Map() })
      return
    }
    const other = anew || isBorn || history !== before.history
    if (other) onHistory(partition, anew)
    const since = anew ? 0 : before.since
    const changes = logs.map((change) => ({ ...change, since })).filter(isMissed)
    const atOnce = urgent || (other && !isBorn)
    const suspects = new Map(atOnce ? [] : changes.map((change) => [logText(change.log), change]))
    const overdue = anew ? [] : [...before.suspects.values()].filter(isMissed)
    this.#seen.set(partition, { history, epoch, since: counter, suspects })
    this.#doubtful.delete(partition)
    for (const change of overdue) onMissed(change)
    if (atOnce) changes.filter(isMissed).forEach(onMissed)
  }

  /** Whether something has changed that somebody who should know of it does not know yet. */
  async isMissing(partition: number): Promise<boolean> {
    const before = this.#seen.get(partition)
    const { eventLog, isMissed } = this.#options
    const { epoch, logs } = await eventLog.changes(partition, before?.since)
    if (before === undefined || this.#seen.get(partition) !== before || epoch !== before.epoch) return true
    const changes = logs.map((change) => ({ ...change, since: before.since }))
    return [...changes, ...before.suspects.values()].some(isMissed)
  }

  /** Looks again at a change that was acted upon in vain. */
  remember(partition: number, change: Change): void {
    const seen = this.#seen.get(partition)
    if (seen === undefined) return
    const suspects = new Map(seen.suspects).set(logText(change.log), change)
    this.#seen.set(partition, { ...seen, suspects })
  }
}
