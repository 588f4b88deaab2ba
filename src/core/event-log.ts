import type { Position } from '../protocol/position.ts'
import type { TidingsError } from './errors.ts'
import type { Generation } from './generation.ts'
import type { LogId } from './log-id.ts'
import type { Durability, Retention, StoredPolicies } from './policy.ts'

/** What a backend promises beyond the contract. The conformance suite holds each backend to what it states. */
export interface EventLogGuarantees {
  /** Logs are shared with other processes. */
  readonly spansProcesses: boolean
}

/** One message for a log. */
export interface LogMessage {
  readonly channel: string
  readonly payload: string | Uint8Array
  readonly retention: Retention
  /** A message of this log with the same key within `windowMs`, by the backend's clock, is not appended again. */
  readonly dedupe?: { readonly key: string; readonly windowMs: number } | undefined
  readonly durability?: Durability | undefined
}

/** What became of a message that is in its log. */
export interface Appended {
  readonly position: Position
  /** Subscribers that got it live: on the channel's own name and on the log's live channel. 0 for a duplicate. */
  readonly receivers: number
  /** The log had it already: `position` is that of the first time, and nothing was published. */
  readonly duplicate: boolean
  /** With `durability`: how many replicas have confirmed it within the time. */
  readonly reached?: number
}

/** One message in a log. */
export interface LogEntry {
  readonly seq: number
  readonly gen: number
  readonly channel: string
  /** When it was appended, by the backend's clock, in milliseconds. */
  readonly timeMs: number
  /** The partition's change counter at that time: never used twice, not even after a failover. */
  readonly counter: number
  readonly payload: Buffer
}

/** A log as a whole. One that has never been written to, or has expired, has no head. */
export interface LogHead extends Position {
  /** The number of the first entry that is retained; `seq + 1` where none is. */
  readonly firstSeq: number
  /** The generations from that of the entry before the first retained one on, rising; the last is the head's. */
  readonly chain: readonly Generation[]
}

/** The head and some entries, from one moment. */
export interface LogPage {
  readonly head: LogHead | undefined
  /** In the order asked for. Holes are left out: a jump in `seq` means that the entries between are gone. */
  readonly entries: readonly LogEntry[]
}

export interface ReadQuery {
  /** The first `seq` wanted. Default: the first retained. */
  readonly fromSeq?: number | undefined
  /** The last `seq` wanted. Default: the head. */
  readonly toSeq?: number | undefined
  /** The most entries to return; a backend may return fewer, but at least one where there is one. */
  readonly limit: number
  /** From `toSeq` downwards. */
  readonly reverse?: boolean | undefined
}

/** What has changed in a partition. */
export interface Changes {
  /** Identifies the server's history: another one may lack what the former had. */
  readonly history: string
  /** Identifies the counter: where it differs, what was counted is gone, and counting has begun anew. Empty before. */
  readonly epoch: string
  /** The counter now. Within an epoch it never falls, and none is used twice. */
  readonly counter: number
  /** Logs whose counter is above the one asked about, each with its own; in the order of their change. */
  readonly logs: readonly { readonly log: LogId; readonly counter: number }[]
}

/**
 * Logs of messages, each in one partition.
 *
 * A backend MUST append and publish as one step: whoever sees a message live can read it. It MUST number the entries
 * of a log without holes in the order of one caller's calls, publish the payload unchanged on the channel's own name
 * in that order, and publish frames (see `live-frame.ts`) on the log's live channel (see `keys.ts`). Both reach the
 * subscribers of the PubSub that belongs to it. One refused message MUST NOT fail or renumber its neighbours.
 * It MUST NOT append a message twice, however often it must try: while the connection is lost it tries again, to the
 * command timeout. Readers MUST NOT see what others put into its storage.
 */
export interface EventLog {
  readonly guarantees: EventLogGuarantees

  /**
   * @throws TidingsError `NOT_CONNECTED`, `QUEUE_FULL`, `WRITE_REFUSED` (not appended); `CONNECTION_LOST`, `TIMEOUT`
   * (unknown); `NO_PERMISSION`, `REDIS_ERROR`, `AUTH_FAILED`, `CLOSED`
   */
  append(log: LogId, message: LogMessage): Promise<Appended>

  read(log: LogId, query: ReadQuery): Promise<LogPage>

  /**
   * The `seq` of the first retained entry whose time, or whose counter, is at least the given one; `head.seq + 1`
   * where there is none, 1 where there is no log. O(log n). By time it is exact while the clock did not jump.
   */
  seek(log: LogId, by: 'time' | 'counter', value: number): Promise<number>

  /** What changed in a partition after a counter; without one, only the counter now and no logs. */
  changes(partition: number, since?: number): Promise<Changes>

  /** Every log of a partition that may have entries, in no order. */
  logs(partition: number): Promise<LogId[]>

  /** The policies as they are now; version 0 where none were ever applied. */
  policies(): Promise<StoredPolicies>

  /**
   * Replaces the policies if their version is still the given one. Resolves to the new version, or undefined where
   * somebody else was faster.
   */
  replacePolicies(version: number, policies: StoredPolicies['policies']): Promise<number | undefined>

  /**
   * When the policies were first changed after a version, by the clock that entries have their times from. As far as it
   * is known: of many changes the older ones are forgotten. Undefined where nothing is known.
   */
  policiesChangedMs(afterVersion: number): Promise<number | undefined>

  /** Number of partitions; fixed for a deployment. */
  readonly partitions: number

  /** Takes trouble that belongs to no call, such as foreign entries that were moved away. */
  onWarning(listener: (error: TidingsError) => void): () => void

  /**
   * Lets what was accepted be appended within `deadlineMs`, rejects the rest with `CLOSED`, and gives up what it
   * opened. Idempotent, never rejects, bounded also when Redis is away.
   */
  close(deadlineMs?: number): Promise<void>
}
