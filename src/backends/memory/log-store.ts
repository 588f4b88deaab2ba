import type { Appended, LogEntry, LogHead, LogMessage } from '../../core/event-log.ts'
import type { Generation } from '../../core/generation.ts'
import { type LogId, logText } from '../../core/log-id.ts'
import type { PolicyChange, Retention, StoredPolicies } from '../../core/policy.ts'
import { randomName } from '../../core/random-name.ts'

/** A counter of a new history begins at the next multiple: what was lost with the old one is never used again. */
const COUNTER_STRIDE = 2 ** 32
const MAX_POLICY_CHANGES = 32

interface StoredLog {
  readonly epoch: string
  readonly partition: number
  seq: number
  gen: number
  history: string
  chain: Generation[]
  firstSeq: number
  entries: LogEntry[]
  /** When the log goes as a whole, if nobody appends until then. */
  expiresMs: number | undefined
  /** When its numbers are forgotten too. */
  forgottenMs: number | undefined
}

interface State {
  history: string
  logs: Map<string, StoredLog>
  partitions: Map<number, { history: string; epoch: string; counter: number; changes: Map<string, number> }>
  marks: Map<string, { expiresMs: number; position: Appended['position'] }>
  policies: StoredPolicies
  policyChanges: PolicyChange[]
}

/** What one append came to, before it is published. */
export interface Stored {
  readonly entry: LogEntry
  readonly epoch: string
  readonly duplicate: boolean
}

/** What a Redis server keeps for the logs: all of one hub's. For tests it can fail as servers do. */
export class LogStore {
  #state: State = {
    history: newHistory(),
    logs: new Map(),
    partitions: new Map(),
    marks: new Map(),
    policies: { version: 0, policies: {} },
    policyChanges: [],
  }

  get history(): string {
    return this.#state.history
  }

  get policies(): StoredPolicies {
    return this.#state.policies
  }

  set policies(policies: StoredPolicies) {
    const change = { version: policies.version, ms: Date.now() }
    this.#state.policies = policies
    this.#state.policyChanges = [change, ...this.#state.policyChanges].slice(0, MAX_POLICY_CHANGES)
  }

  get policyChanges(): readonly PolicyChange[] {
    return this.#state.policyChanges
  }

  append(log: LogId, partition: number, { channel, payload, retention, dedupe }: LogMessage): Stored {
    const timeMs = Date.now()
    const text = logText(log)
    this.#sweep(timeMs)
    const stored = this.#open(text, partition, timeMs)
    const mark = dedupe === undefined ? undefined : `${text.length}:${text}${dedupe.key}`
    const marked = mark === undefined ? undefined : this.#state.marks.get(mark)
    if (marked !== undefined && marked.expiresMs > timeMs && marked.position.epoch === stored.epoch) {
      const { epoch, gen, seq } = marked.position
      return { epoch, duplicate: true, entry: { seq, gen, channel, timeMs, counter: 0, payload: Buffer.alloc(0) } }
    }
    stored.seq += 1
    const counter = this.#count(partition, text)
    const entry = { seq: stored.seq, gen: stored.gen, channel, timeMs, counter, payload: Buffer.from(payload) }
    stored.entries.push(entry)
    trim(stored, retention, timeMs)
    if (mark !== undefined && dedupe !== undefined) this.#mark(mark, timeMs + dedupe.windowMs, stored, timeMs)
    return { entry, epoch: stored.epoch, duplicate: false }
  }

  /** The log's head, and its retained entries. */
  get(log: LogId): { head: LogHead; entries: readonly LogEntry[] } | undefined {
    const stored = this.#known(logText(log), Date.now())
    if (stored === undefined) return undefined
    if (isExpired(stored, Date.now())) clear(stored)
    const { epoch, seq, gen, firstSeq, chain } = stored
    const head = { epoch, seq, gen, firstSeq, chain: [...chain] }
    return { head, entries: stored.entries }
  }

  /** Identifies a partition's counter. */
  epoch(partition: number): string {
    return this.#state.partitions.get(partition)?.epoch ?? ''
  }

  counter(partition: number): number {
    return this.#state.partitions.get(partition)?.counter ?? 0
  }

  /** Logs of a partition by the counter of their last change, in the order of their change. */
  changes(partition: number): [text: string, counter: number][] {
    const changes = this.#state.partitions.get(partition)?.changes ?? new Map<string, number>()
    return [...changes].sort(([, one], [, other]) => one - other)
  }

  /** The state as it is, to come back to. */
  snapshot(): unknown {
    return structuredClone(this.#state)
  }

  /** A replica that was as far as the snapshot is promoted, or a server comes back with what it had saved then. */
  failOver(snapshot: unknown): void {
    this.#state = { ...(structuredClone(snapshot) as State), history: newHistory() }
    // Buffers come out of a clone as plain arrays of bytes.
    for (const stored of this.#state.logs.values()) {
      stored.entries = stored.entries.map((entry) => ({ ...entry, payload: Buffer.from(entry.payload) }))
    }
  }

  flushAll(): void {
    const { history } = this.#state
    this.#state = {
      history,
      logs: new Map(),
      partitions: new Map(),
      marks: new Map(),
      policies: { version: 0, policies: {} },
      policyChanges: [],
    }
  }

  /** Removes entries behind the log's back, as XTRIM does. */
  trim(log: LogId, firstSeq: number): void {
    const stored = this.#state.logs.get(logText(log))
    if (stored !== undefined) stored.entries = stored.entries.filter(({ seq }) => seq >= firstSeq)
  }

  #known(text: string, nowMs: number): StoredLog | undefined {
    const stored = this.#state.logs.get(text)
    if (stored?.forgottenMs === undefined || nowMs < stored.forgottenMs) return stored
    this.#state.logs.delete(text)
    return undefined
  }

  /** Each append looks at two logs, in turn: those that are gone leave faster than new ones come. */
  #sweep(nowMs: number): void {
    const { logs, partitions } = this.#state
    for (const [text, stored] of [...first(logs, 2)]) {
      logs.delete(text)
      if (stored.forgottenMs === undefined || nowMs < stored.forgottenMs) logs.set(text, stored)
      else partitions.get(stored.partition)?.changes.delete(text)
    }
  }

  #open(text: string, partition: number, nowMs: number): StoredLog {
    const { history, logs } = this.#state
    let stored = this.#known(text, nowMs)
    if (stored === undefined) {
      const chain = [{ gen: 1, firstSeq: 1 }]
      const entries: LogEntry[] = []
      stored = {
        epoch: randomName(),
        partition,
        seq: 0,
        gen: 1,
        history,
        chain,
        firstSeq: 1,
        entries,
        expiresMs: undefined,
        forgottenMs: undefined,
      }
      logs.set(text, stored)
    }
    if (isExpired(stored, nowMs)) clear(stored)
    if (stored.history !== history) {
      stored.history = history
      stored.gen += 1 + Number.parseInt(history.slice(0, 5), 16)
      stored.chain.push({ gen: stored.gen, firstSeq: stored.seq + 1 })
    }
    return stored
  }

  #count(partition: number, text: string): number {
    const { history, partitions } = this.#state
    let counted = partitions.get(partition)
    if (counted === undefined) {
      counted = { history, epoch: randomName(), counter: 0, changes: new Map() }
      partitions.set(partition, counted)
    }
    if (counted.history !== history) {
      counted.history = history
      counted.counter = (Math.floor(counted.counter / COUNTER_STRIDE) + 1) * COUNTER_STRIDE
    }
    counted.counter += 1
    counted.changes.set(text, counted.counter)
    return counted.counter
  }

  #mark(mark: string, expiresMs: number, { epoch, gen, seq }: StoredLog, nowMs: number): void {
    const { marks } = this.#state
    marks.set(mark, { expiresMs, position: { epoch, gen, seq } })
    for (const [old, { expiresMs: until }] of marks) {
      if (until > nowMs) break
      marks.delete(old)
    }
  }
}

function* first<T>(items: Iterable<T>, count: number): Iterable<T> {
  let taken = 0
  for (const item of items) {
    if (taken === count) return
    taken += 1
    yield item
  }
}

function isExpired({ expiresMs }: StoredLog, nowMs: number): boolean {
  return expiresMs !== undefined && nowMs >= expiresMs
}

/** What has expired as a whole leaves its numbers: later entries go on from them. */
function clear(stored: StoredLog): void {
  stored.entries = []
  stored.firstSeq = stored.seq + 1
}

function trim(stored: StoredLog, { maxCount, maxAgeMs }: Retention, nowMs: number): void {
  const { entries } = stored
  if (maxCount !== undefined) stored.firstSeq = Math.max(stored.firstSeq, stored.seq - maxCount + 1)
  if (maxAgeMs !== undefined) {
    const young = entries.find(({ timeMs }) => timeMs >= nowMs - maxAgeMs)
    stored.firstSeq = Math.max(stored.firstSeq, young?.seq ?? stored.seq + 1)
  }
  stored.expiresMs = maxAgeMs === undefined ? undefined : nowMs + maxAgeMs
  stored.forgottenMs = maxAgeMs === undefined ? undefined : nowMs + 2 * maxAgeMs
  let old = 0
  while (old < entries.length && entries[old]!.seq < stored.firstSeq) old += 1
  if (old > 0) entries.splice(0, old)
  while (stored.chain.length > 1 && stored.chain[1]!.firstSeq < stored.firstSeq) stored.chain.shift()
}

function newHistory(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(20))).toString('hex')
}
