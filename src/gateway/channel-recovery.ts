import type { EventLog } from '../core/event-log.ts'
import type { LogId } from '../core/log-id.ts'
import type { Position } from '../protocol/position.ts'
import type { Recovery } from './channel-member.ts'
import { readLast, readOn } from './channel-reader.ts'
import { ChannelTail } from './channel-tail.ts'
import type { Kept } from './publication.ts'
import { isWithin } from './stream-position.ts'

const TAIL_COUNT = 1_000
const TAIL_BYTES = 1_048_576

export interface ChannelRecoveryOptions {
  readonly eventLog: EventLog
  readonly name: string
  /** Entries, and bytes of them, that are recovered at once. */
  readonly recoverCount: number
  readonly recoverBytes: number
}

/** What those have missed who come back to a channel: from memory, or read from its log where that is not enough. */
export class ChannelRecovery {
  /** To be given what comes live. */
  readonly tail: ChannelTail
  readonly #options: ChannelRecoveryOptions
  #loading: Promise<void> | undefined

  constructor(options: ChannelRecoveryOptions, isDense: () => boolean) {
    this.#options = options
    this.tail = new ChannelTail(TAIL_COUNT, TAIL_BYTES, isDense)
  }

  /** What came after a position, as far as it can be said in one reading; undefined where it cannot. */
  async recover(log: LogId, since: Position): Promise<Recovery | undefined> {
    let publications = this.tail.since(since)
    if (publications === undefined) {
      this.#loading ??= this.#load(log).finally(() => {
        this.#loading = undefined
      })
      await this.#loading
      publications = this.tail.since(since)
    }
    if (publications === undefined) return this.#read(log, since)
    const some = this.#page(publications)
    return {
      recovered: true,
      publications: some,
      position: some.at(-1)?.position ?? since,
      more: some.length < publications.length,
    }
  }

  /** What of it is given at once: one at least. */
  #page(publications: readonly Kept[]): readonly Kept[] {
    const { recoverCount, recoverBytes } = this.#options
    let bytes = 0
    let count = 0
    while (count < publications.length && count < recoverCount && (count === 0 || bytes < recoverBytes)) {
      bytes += publications[count]!.json.length
      count += 1
    }
    return publications.slice(0, count)
  }

  /** Reads on in the log. */
  async #read(log: LogId, since: Position): Promise<Recovery | undefined> {
    const { eventLog, name, recoverCount: count, recoverBytes: bytes } = this.#options
    const found = await readOn(eventLog, log, name, since, { count, bytes })
    return found === undefined ? undefined : { recovered: true, ...found }
  }

  /** Fills the tail with the last entries of the log. */
  async #load(log: LogId): Promise<void> {
    const { eventLog, name } = this.#options
    if (log.kind === 'shared') return
    const last = await readLast(eventLog, log, name, TAIL_COUNT)
    if (last === undefined) return
    const { base, publications, end: read } = last
    const { end, kept } = this.tail
    const isAhead = end !== undefined && !isWithin(end, read) && kept.length === 0
    // What came live while it was read is in it already, or follows.
    if (!isAhead) this.tail.begin(base, [...publications, ...kept])
  }
}
