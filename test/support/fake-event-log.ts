import { MemoryPubSub } from '../../src/backends/memory/pub-sub.ts'
import type {
  Appended,
  Changes,
  EventLog,
  EventLogGuarantees,
  LogEntry,
  LogHead,
  LogPage,
  ReadQuery,
} from '../../src/core/event-log.ts'
import type { Generation } from '../../src/core/generation.ts'
import { liveChannel, logPartition } from '../../src/core/keys.ts'
import { encodeFrame } from '../../src/core/live-frame.ts'
import { type LogId, logText } from '../../src/core/log-id.ts'
import type { StoredPolicies } from '../../src/core/policy.ts'
import type { ConnectionStatus, StatusListener } from '../../src/core/status.ts'

export interface FakeLog {
  epoch: string
  chain: Generation[]
  firstSeq: number
  seq: number
  entries: LogEntry[]
}

let hubs = 0

/** Says of itself what a connection in trouble says. */
export class TroubledPubSub extends MemoryPubSub {
  readonly #listeners = new Set<StatusListener>()

  override onStatus(listener: StatusListener): () => void {
    this.#listeners.add(listener)
    const end = super.onStatus(listener)
    return () => {
      this.#listeners.delete(listener)
      end()
    }
  }

  say(status: ConnectionStatus): void {
    for (const listener of this.#listeners) listener(status)
  }

  interrupt(): void {
    this.say({ kind: 'interruption', downMs: 1, channels: 1, patterns: 1 })
  }
}

/** A log that does on command what a Redis does in trouble: lose frames, fail, fork, forget. */
export class FakeEventLog implements EventLog {
  readonly guarantees: EventLogGuarantees = { spansProcesses: false }
  readonly partitions: number = 4
  readonly pubSub: TroubledPubSub
  readonly made: Map<string, { id: LogId; log: FakeLog }> = new Map()
  readonly reads: ReadQuery[] = []
  counter = 0
  history = 'one'
  stored: StoredPolicies = { version: 0, policies: {} }
  /** Each call of the backend waits for this first. */
  gate: () => void | Promise<void> = () => {}
  /** The most entries that one read returns. */
  page: number = Number.POSITIVE_INFINITY
  #epochs = 0

  constructor() {
    hubs += 1
    this.pubSub = new TroubledPubSub(`fake-event-log-${hubs}`)
  }

  /** Holds every call up, until the gate is opened by what this returns. */
  closeGate(): () => void {
    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    this.gate = () => opened
    return () => {
      this.gate = () => {}
      open()
    }
  }

  log(id: LogId): FakeLog {
    let found = this.made.get(logText(id))
    if (found === undefined) {
      this.#epochs += 1
      const log = { epoch: `e${this.#epochs}`, chain: [{ gen: 1, firstSeq: 1 }], firstSeq: 1, seq: 0, entries: [] }
      found = { id, log }
      this.made.set(logText(id), found)
    }
    return found.log
  }

  /** Puts entries into the log as one frame; `silent` loses the frame. */
  async put(id: LogId, payloads: readonly string[], how: { silent?: boolean; channel?: string } = {}): Promise<Buffer> {
    const log = this.log(id)
    this.counter += 1
    const { gen } = log.chain.at(-1)!
    const entries = payloads.map((text, index): LogEntry => {
      const channel = how.channel ?? id.name
      const seq = log.seq + 1 + index
      return { seq, gen, channel, timeMs: 0, counter: this.counter, payload: Buffer.from(text) }
    })
    log.seq += payloads.length
    log.entries.push(...entries)
    const frame = encodeFrame(log.epoch, entries, id.kind === 'shared')
    if (!how.silent) await this.send(id, frame)
    return frame
  }

  async send(id: LogId, frame: Buffer): Promise<void> {
    await this.pubSub.publish(liveChannel('tidings', id, this.partitions), frame)
  }

  /** Goes back to the first `seq` entries and opens another generation there. */
  fork(id: LogId, seq: number, gen: number): void {
    const log = this.log(id)
    log.entries = log.entries.filter((entry) => entry.seq <= seq)
    log.seq = seq
    log.chain = [...log.chain.filter(({ firstSeq }) => firstSeq <= seq), { gen, firstSeq: seq + 1 }]
  }

  async append(id: LogId, { channel, payload }: { channel: string; payload: string | Uint8Array }): Promise<Appended> {
    await this.gate()
    const receivers = await this.pubSub.publish(channel, payload)
    await this.put(id, [payload.toString()], { channel })
    const { epoch, seq, chain } = this.log(id)
    return { position: { epoch, gen: chain.at(-1)!.gen, seq }, receivers: receivers + 1, duplicate: false }
  }

  async read(id: LogId, query: ReadQuery): Promise<LogPage> {
    this.reads.push(query)
    await this.gate()
    const log = this.made.get(logText(id))?.log
    if (log === undefined) return { head: undefined, entries: [] }
    const { epoch, chain, firstSeq, seq } = log
    const head: LogHead = { epoch, gen: chain.at(-1)!.gen, seq, firstSeq, chain: [...chain] }
    const from = Math.max(query.fromSeq ?? firstSeq, firstSeq)
    const wanted = log.entries.filter((entry) => entry.seq >= from && entry.seq <= (query.toSeq ?? seq))
    const ordered = query.reverse ? wanted.toReversed() : wanted
    return { head, entries: ordered.slice(0, Math.min(query.limit, this.page)) }
  }

  async seek(id: LogId, by: 'time' | 'counter', value: number): Promise<number> {
    await this.gate()
    const log = this.made.get(logText(id))?.log
    if (log === undefined) return 1
    const found = log.entries.find((entry) => (by === 'time' ? entry.timeMs : entry.counter) >= value)
    return found?.seq ?? log.seq + 1
  }

  async changes(partition: number, since?: number): Promise<Changes> {
    await this.gate()
    const all = [...this.made.values()].filter(({ id }) => logPartition(id, this.partitions) === partition)
    const logs = all
      .map(({ id, log }) => ({ log: id, counter: log.entries.at(-1)?.counter ?? 0 }))
      .filter(({ counter }) => since !== undefined && counter > since)
    return { history: this.history, epoch: 'fake', counter: this.counter, logs }
  }

  async logs(partition: number): Promise<LogId[]> {
    const all = [...this.made.values()].map(({ id }) => id)
    return all.filter((id) => logPartition(id, this.partitions) === partition)
  }

  async policies(): Promise<StoredPolicies> {
    await this.gate()
    return this.stored
  }

  async replacePolicies(version: number, policies: StoredPolicies['policies']): Promise<number | undefined> {
    if (version !== this.stored.version) return undefined
    this.stored = { version: version + 1, policies }
    return version + 1
  }

  async policiesChangedMs(): Promise<number | undefined> {
    return 0
  }

  async close(): Promise<void> {}

  onWarning(): () => void {
    return () => {}
  }
}
