import type { NodeInfo, NodeRegistry, PresenceMember, PresenceStats, PresenceStore } from '../../core/presence.ts'
import type { Revocations } from '../../core/revocations.ts'
import { HubMember } from './hub-member.ts'
import type { PresenceSpace } from './presence-space.ts'

interface MemoryPresenceOptions {
  readonly namespace: string
  /** The clock, in milliseconds. Default: `Date.now`. */
  readonly now?: () => number
}

/** What lives in the hub of that name within this process, as long as the hub has clients. */
class Part {
  protected readonly now: () => number
  readonly #member: HubMember
  readonly #namespace: string

  constructor(hubName: string, { namespace, now = Date.now }: MemoryPresenceOptions) {
    this.#member = new HubMember(hubName)
    this.#namespace = namespace
    this.now = now
  }

  close(): Promise<void> {
    return this.#member.close()
  }

  protected get space(): PresenceSpace {
    return this.#member.use().presence(this.#namespace)
  }
}

/** {@link PresenceStore} within this process. */
export class MemoryPresenceStore extends Part implements PresenceStore {
  async join(channel: string, member: PresenceMember, leaseMs: number): Promise<{ firstOfUser: boolean }> {
    const nowMs = this.now()
    return { firstOfUser: this.space.step(channel, nowMs, (there) => there.put(member, nowMs + leaseMs)) }
  }

  async renew(channel: string, members: readonly PresenceMember[], leaseMs: number): Promise<void> {
    const nowMs = this.now()
    this.space.step(channel, nowMs, (there) => {
      for (const member of members) there.put(member, nowMs + leaseMs)
    })
  }

  async leave(channel: string, clientId: string): Promise<{ lastOfUser: boolean }> {
    return { lastOfUser: this.space.step(channel, this.now(), (there) => there.remove(clientId)) }
  }

  async list(channel: string): Promise<readonly PresenceMember[]> {
    return this.space.step(channel, this.now(), (there) => there.members)
  }

  async stats(channel: string): Promise<PresenceStats> {
    return this.space.step(channel, this.now(), (there) => there.stats)
  }
}

/** {@link NodeRegistry} within this process. */
export class MemoryNodeRegistry extends Part implements NodeRegistry {
  async announce(node: NodeInfo, leaseMs: number): Promise<void> {
    this.space.announce(node, this.now() + leaseMs)
  }

  async leave(nodeId: string): Promise<void> {
    this.space.removeNode(nodeId)
  }

  async list(): Promise<readonly NodeInfo[]> {
    return this.space.nodes(this.now()).sort((one, other) => one.startedAtMs - other.startedAtMs)
  }
}

/** {@link Revocations} within this process. */
export class MemoryRevocations extends Part implements Revocations {
  async revoke(userId: string, beforeMs: number, keepMs: number): Promise<void> {
    const nowMs = this.now()
    this.space.revoke(userId, beforeMs, nowMs + keepMs, nowMs)
  }

  async revokedBefore(userId: string): Promise<number | undefined> {
    return this.space.revokedBefore(userId, this.now())
  }
}
