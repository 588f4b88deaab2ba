/** Who is there on a channel: one client of a user. */
export interface PresenceMember {
  /** Its own on the channel. */
  readonly clientId: string
  readonly userId: string
  /** JSON text, shown to others. */
  readonly info: string | undefined
}

export interface PresenceStats {
  readonly clients: number
  readonly users: number
}

/**
 * Who is on which channel, across nodes, by lease: a node says again and again who is there through it, and what a node
 * that was killed had said is over when its lease is, by the store's clock.
 *
 * A store MUST count in O(1), beside what it removes once for each lease that is over. It MUST take each call as one
 * step (a renewal: each of its members), MUST NOT show or count anybody whose lease is over, and MUST forget a channel on
 * which nobody is. `join` and `leave` MUST say truly whether it was the user's first client, or last, on the channel over
 * all nodes, also where an answer was lost and the call was made again. While the connection is lost, calls are made
 * again up to the command timeout.
 * @throws TidingsError from every method as from `EventLog.append`
 */
export interface PresenceStore {
  /** Adds, renews or replaces. Resolves to whether the user was not there before. */
  join(channel: string, member: PresenceMember, leaseMs: number): Promise<{ readonly firstOfUser: boolean }>
  /** Renews what is there already, many at once; one that is over, or was lost, comes back. */
  renew(channel: string, members: readonly PresenceMember[], leaseMs: number): Promise<void>
  /** Resolves to whether the user was there and is no more. Who is not there is nobody's last. */
  leave(channel: string, clientId: string): Promise<{ readonly lastOfUser: boolean }>
  /** In no order. O(members). */
  list(channel: string): Promise<readonly PresenceMember[]>
  stats(channel: string): Promise<PresenceStats>
  /** Idempotent, never rejects. Removes nobody: what was said of who is there is over when its lease is. */
  close(): Promise<void>
}

/** A node, as it announces itself. */
export interface NodeInfo {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly startedAtMs: number
  readonly clients: number
  readonly users: number
  readonly channels: number
}

/** The nodes of a deployment, by lease and by the store's clock. Throws as {@link PresenceStore} does. */
export interface NodeRegistry {
  /** Adds or replaces. */
  announce(node: NodeInfo, leaseMs: number): Promise<void>
  leave(nodeId: string): Promise<void>
  /** By their start, the oldest first. O(nodes). */
  list(): Promise<readonly NodeInfo[]>
  /** Idempotent, never rejects. */
  close(): Promise<void>
}
