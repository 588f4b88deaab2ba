/** Who is there on a channel. */
export interface PresenceMember {
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
 * that was killed had said is over when its lease is.
 *
 * A store MUST count in O(1), MUST take each call as one step, and MUST NOT show anybody whose lease is over. `joined`
 * and `left` MUST say truly whether it was the user's first client, or last, on the channel over all nodes.
 */
export interface PresenceStore {
  /** Adds or renews. Resolves to whether the user was not there before. */
  join(channel: string, member: PresenceMember, leaseMs: number): Promise<{ readonly firstOfUser: boolean }>
  /** Renews what is there already, many at once; one that is over comes back. */
  renew(channel: string, members: readonly PresenceMember[], leaseMs: number): Promise<void>
  leave(channel: string, clientId: string): Promise<{ readonly lastOfUser: boolean }>
  list(channel: string): Promise<readonly PresenceMember[]>
  stats(channel: string): Promise<PresenceStats>
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

/** The nodes of a deployment, by lease. */
export interface NodeRegistry {
  announce(node: NodeInfo, leaseMs: number): Promise<void>
  leave(nodeId: string): Promise<void>
  list(): Promise<readonly NodeInfo[]>
}
