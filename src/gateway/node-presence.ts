import type { PresenceMember, PresenceStats, PresenceStore } from '../core/presence.ts'
import type { PubSub, SubscriptionHandle } from '../core/pub-sub.ts'
import type { ClientInfo } from '../protocol/client-protocol.ts'
import type { ChannelHub } from './channel-hub.ts'
import type { ClientSession } from './client-session.ts'
import type { ChannelRule } from './contract.ts'

/** Milliseconds for which it is taken as said that somebody is there; said again every third of it. */
const LEASE_MS = 30_000

interface Here {
  readonly members: Map<string, PresenceMember>
  /** Tells of those who come and go; where the rule wants it. */
  joins: Promise<SubscriptionHandle> | undefined
}

export interface NodePresenceOptions {
  readonly store: PresenceStore
  readonly pubSub: PubSub
  readonly hub: ChannelHub
  readonly joinChannel: (channel: string) => string
  readonly report: (error: unknown) => void
}

/** Who is on channels through this node: said to the store by lease, and told to the others who are there. */
export class NodePresence {
  readonly #options: NodePresenceOptions
  readonly #here = new Map<string, Here>()
  readonly #timer: NodeJS.Timeout

  constructor(options: NodePresenceOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.#renew(), LEASE_MS / 3).unref()
  }

  async enter(
    session: ClientSession,
    channel: string,
    rule: ChannelRule,
    chanInfo: unknown,
    endings: (() => void)[],
  ): Promise<void> {
    const { store, pubSub, joinChannel, report } = this.#options
    const info: ClientInfo = { ...session.info, ...(chanInfo !== undefined && { chan_info: chanInfo }) }
    const member = { clientId: session.id, userId: info.user, info: JSON.stringify(info) }
    const here = this.#here.get(channel) ?? { members: new Map(), joins: undefined }
    this.#here.set(channel, here)
    here.members.set(session.id, member)
    const tell = (what: 'join' | 'leave') => {
      if (rule.joinLeave) pubSub.publish(joinChannel(channel), JSON.stringify({ [what]: { info } })).catch(report)
    }
    endings.push(() => {
      here.members.delete(session.id)
      if (here.members.size === 0) this.#forget(channel, here)
      if (rule.presence) store.leave(channel, session.id).catch(report)
      tell('leave')
    })
    if (rule.joinLeave) {
      here.joins ??= pubSub.subscribe('channel', joinChannel(channel), ({ text }) => this.#onJoin(channel, text))
      await here.joins
    }
    if (rule.presence) await store.join(channel, member, LEASE_MS)
    tell('join')
  }

  async list(channel: string): Promise<Record<string, ClientInfo>> {
    const members = await this.#options.store.list(channel)
    return Object.fromEntries(
      members.map(({ clientId, userId, info }) => [
        clientId,
        info === undefined ? { client: clientId, user: userId } : (JSON.parse(info) as ClientInfo),
      ]),
    )
  }

  stats(channel: string): Promise<PresenceStats> {
    return this.#options.store.stats(channel)
  }

  close(): void {
    clearInterval(this.#timer)
    for (const [channel, here] of this.#here) this.#forget(channel, here)
  }

  #forget(channel: string, here: Here): void {
    if (this.#here.get(channel) === here) this.#here.delete(channel)
    here.joins?.then(
      (handle) => handle.release(),
      () => {},
    )
  }

  #onJoin(channel: string, text: string): void {
    const node = this.#options.hub.get(channel)
    if (node === undefined || !/^\{"(join|leave)":/.test(text) || text.includes('\n')) return
    node.push(`{"push":{"channel":${JSON.stringify(channel)},${text.slice(1, -1)}}}`)
  }

  async #renew(): Promise<void> {
    for (const [channel, { members }] of this.#here) {
      const list = [...members.values()]
      if (list.length > 0) await this.#options.store.renew(channel, list, LEASE_MS).catch(this.#options.report)
    }
  }
}
