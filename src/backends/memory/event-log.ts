import { TidingsError } from '../../core/errors.ts'
import type {
  Appended,
  Changes,
  EventLog,
  EventLogGuarantees,
  LogMessage,
  LogPage,
  ReadQuery,
} from '../../core/event-log.ts'
import { liveChannel, logPartition } from '../../core/keys.ts'
import { ListenerTable } from '../../core/listener-table.ts'
import { encodeFrame } from '../../core/live-frame.ts'
import { type LogId, parseLogText } from '../../core/log-id.ts'
import { firstChangeAfter, type StoredPolicies } from '../../core/policy.ts'
import { type Hub, joinHub } from './hub.ts'
import type { LogStore } from './log-store.ts'

export interface MemoryEventLogOptions {
  readonly namespace: string
  readonly partitions: number
}

/**
 * {@link EventLog} within this process, in the hub of that name: it lives as long as the hub has clients. The clock is
 * this process's. There are no replicas: `durability` reaches none.
 */
export class MemoryEventLog implements EventLog {
  readonly guarantees: EventLogGuarantees = { spansProcesses: false }
  readonly partitions: number
  readonly #hubName: string
  readonly #namespace: string
  readonly #member = new ListenerTable()
  #hub: Hub | undefined
  #closed = false

  constructor(hubName: string, { namespace, partitions }: MemoryEventLogOptions) {
    this.#hubName = hubName
    this.#namespace = namespace
    this.partitions = partitions
  }

  async append(log: LogId, message: LogMessage): Promise<Appended> {
    const hub = this.#use()
    const { channel, payload, durability } = message
    const { entry, epoch, duplicate } = this.#store().append(log, logPartition(log, this.partitions), message)
    const position = { epoch, gen: entry.gen, seq: entry.seq }
    const reached = durability === undefined ? {} : { reached: 0 }
    if (duplicate) return { position, receivers: 0, duplicate, ...reached }
    const frame = encodeFrame(epoch, [entry], log.kind === 'shared')
    const counts = await Promise.all([
      hub.publish(channel, payload),
      hub.publish(liveChannel(this.#namespace, log, this.partitions), frame),
    ])
    return { position, receivers: counts[0] + counts[1], duplicate, ...reached }
  }

  async read(log: LogId, { fromSeq = 0, toSeq = Infinity, limit, reverse = false }: ReadQuery): Promise<LogPage> {
    const stored = this.#store().get(log)
    if (stored === undefined) return { head: undefined, entries: [] }
    const { head, entries } = stored
    const from = lowerBound(entries, fromSeq, ({ seq }) => seq)
    const to = lowerBound(entries, toSeq + 1, ({ seq }) => seq)
    const wanted = reverse ? entries.slice(Math.max(from, to - limit), to).reverse() : entries.slice(from, to)
    // Copies: what a reader does to its bytes must not change the log.
    return { head, entries: wanted.slice(0, limit).map((entry) => ({ ...entry, payload: Buffer.from(entry.payload) })) }
  }

  async seek(log: LogId, by: 'time' | 'counter', value: number): Promise<number> {
    const stored = this.#store().get(log)
    if (stored === undefined) return 1
    const { head, entries } = stored
    const index = lowerBound(entries, value, by === 'time' ? ({ timeMs }) => timeMs : ({ counter }) => counter)
    return entries[index]?.seq ?? head.seq + 1
  }

  async changes(partition: number, since?: number): Promise<Changes> {
    const logs = this.#store()
    const changed = since === undefined ? [] : logs.changes(partition).filter(([, counter]) => counter > since)
    return {
      history: logs.history,
      epoch: logs.epoch(partition),
      counter: logs.counter(partition),
      logs: changed.map(([text, counter]) => ({ log: parseLogText(text), counter })),
    }
  }

  async logs(partition: number): Promise<LogId[]> {
    return this.#store()
      .changes(partition)
      .map(([text]) => parseLogText(text))
  }

  async policies(): Promise<StoredPolicies> {
    return this.#store().policies
  }

  async replacePolicies(version: number, policies: StoredPolicies['policies']): Promise<number | undefined> {
    const logs = this.#store()
    if (logs.policies.version !== version) return undefined
    logs.policies = { version: version + 1, policies: structuredClone(policies) }
    return version + 1
  }

  async policiesChangedMs(afterVersion: number): Promise<number | undefined> {
    return firstChangeAfter(afterVersion, this.#store().policyChanges)
  }

  /** Nobody else can write here. */
  onWarning(): () => void {
    return () => {}
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#hub?.leave(this.#member)
    this.#hub = undefined
  }

  #store(): LogStore {
    return this.#use().logs(this.#namespace)
  }

  #use(): Hub {
    if (this.#closed) throw new TidingsError('CLOSED', 'This object is closed.', { hint: 'Create a new one to go on.' })
    this.#hub ??= joinHub(this.#hubName, this.#member)
    return this.#hub
  }
}

/** The index of the first item whose key is at least the value, in items that rise by it. */
function lowerBound<T>(items: readonly T[], value: number, key: (item: T) => number): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (key(items[middle]!) < value) low = middle + 1
    else high = middle
  }
  return low
}
