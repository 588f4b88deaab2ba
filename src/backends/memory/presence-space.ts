import type { NodeInfo, PresenceMember, PresenceStats } from '../../core/presence.ts'

interface Row {
  readonly member: PresenceMember
  readonly endMs: number
}

/** Who is there on one channel. */
class ChannelPresence {
  readonly #rows = new Map<string, Row>()
  /** Clients of each user. */
  readonly #users = new Map<string, number>()
  /** No lease is over before. */
  #nextEndMs = Number.POSITIVE_INFINITY

  get stats(): PresenceStats {
    return { clients: this.#rows.size, users: this.#users.size }
  }

  get members(): PresenceMember[] {
    return Array.from(this.#rows.values(), ({ member }) => member)
  }

  /** Whether the user was not there before. */
  put(member: PresenceMember, endMs: number): boolean {
    const { clientId, userId, info } = member
    const known = this.#rows.get(clientId)
    if (known !== undefined && known.member.userId !== userId) this.remove(clientId)
    const isNew = known?.member.userId !== userId
    const clients = (this.#users.get(userId) ?? 0) + (isNew ? 1 : 0)
    this.#users.set(userId, clients)
    this.#rows.set(clientId, { member: { clientId, userId, info }, endMs })
    this.#nextEndMs = Math.min(this.#nextEndMs, endMs)
    return isNew && clients === 1
  }

  /** Whether it was there, and the user is no more. */
  remove(clientId: string): boolean {
    const row = this.#rows.get(clientId)
    if (row === undefined) return false
    this.#rows.delete(clientId)
    const { userId } = row.member
    const left = this.#users.get(userId)! - 1
    if (left > 0) this.#users.set(userId, left)
    else this.#users.delete(userId)
    return left === 0
  }

  removeOver(nowMs: number): void {
    if (nowMs < this.#nextEndMs) return
    this.#nextEndMs = Number.POSITIVE_INFINITY
    for (const [clientId, { endMs }] of this.#rows) {
      if (endMs <= nowMs) this.remove(clientId)
      else this.#nextEndMs = Math.min(this.#nextEndMs, endMs)
    }
  }
}

/** What a Redis server keeps of who is there, in one namespace. */
export class PresenceSpace {
  readonly #channels = new Map<string, ChannelPresence>()
  readonly #nodes = new Map<string, { readonly node: NodeInfo; readonly endMs: number }>()
  readonly #revoked = new Map<string, { readonly beforeMs: number; readonly endMs: number }>()

  /** One step on a channel, from which everybody whose lease is over has gone. */
  step<T>(name: string, nowMs: number, act: (channel: ChannelPresence) => T): T {
    const channel = this.#channels.get(name) ?? new ChannelPresence()
    channel.removeOver(nowMs)
    const result = act(channel)
    if (channel.stats.clients > 0) this.#channels.set(name, channel)
    else this.#channels.delete(name)
    return result
  }

  announce(node: NodeInfo, endMs: number): void {
    this.#nodes.set(node.id, { node: { ...node }, endMs })
  }

  removeNode(nodeId: string): void {
    this.#nodes.delete(nodeId)
  }

  nodes(nowMs: number): NodeInfo[] {
    for (const [id, { endMs }] of this.#nodes) if (endMs <= nowMs) this.#nodes.delete(id)
    return Array.from(this.#nodes.values(), ({ node }) => node)
  }

  revoke(userId: string, beforeMs: number, endMs: number, nowMs: number): void {
    for (const [id, mark] of this.#revoked) if (mark.endMs <= nowMs) this.#revoked.delete(id)
    const known = this.#revoked.get(userId) ?? { beforeMs, endMs }
    this.#revoked.set(userId, {
      beforeMs: Math.max(known.beforeMs, beforeMs),
      endMs: Math.max(known.endMs, endMs),
    })
  }

  revokedBefore(userId: string, nowMs: number): number | undefined {
    const mark = this.#revoked.get(userId)
    return mark !== undefined && mark.endMs > nowMs ? mark.beforeMs : undefined
  }
}
