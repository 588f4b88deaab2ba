/** How much of a log is kept. What exceeds either is trimmed. */
export interface Retention {
  /** Entries. */
  readonly maxCount?: number | undefined
  /** Milliseconds by the clock of Redis. A log that nobody appends to expires as a whole. */
  readonly maxAgeMs?: number | undefined
}

/** How far an append must have got before it resolves. */
export interface Durability {
  /** Replicas that shall confirm. */
  readonly replicas: number
  /** Milliseconds to wait for them. */
  readonly timeoutMs: number
}

/** What the channels that match a pattern promise. */
export interface Policy {
  /** What is kept. Without it, or with `false`, channels are live only. */
  readonly history?: Retention | false | undefined
  /** The most bytes that a message may have, beside the publisher's own limit. */
  readonly maxBytes?: number | undefined
  /** The one log that all these channels share, when their order among each other matters. Default: one for each. */
  readonly log?: string | undefined
  /** For every append to these channels. */
  readonly durability?: Durability | undefined
}

/** Policies by the Redis glob over channel names that they are for. */
export type Policies = Readonly<Record<string, Policy>>

/** When one version of the policies was made. */
export interface PolicyChange {
  readonly version: number
  readonly ms: number
}

/** When the first of the versions after one was made. Counting may have begun anew: then all of them are after it. */
export function firstChangeAfter(version: number, changes: readonly PolicyChange[]): number | undefined {
  const newest = Math.max(...changes.map((change) => change.version))
  const after = newest > version ? changes.filter((change) => change.version > version) : changes
  return after.length === 0 ? undefined : Math.min(...after.map(({ ms }) => ms))
}

export interface StoredPolicies {
  /** Rises with each change. */
  readonly version: number
  readonly policies: Policies
}
