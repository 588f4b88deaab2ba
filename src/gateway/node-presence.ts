import type { PresenceMember, PresenceStats, PresenceStore } from '../core/presence.ts'
import type { PubSub, SubscriptionHandle } from '../core/pub-sub.ts'
import type { ClientInfo } from '../protocol/client-protocol.ts'
import type { ChannelHub } from './channel-hub.ts'
import type { ClientSession } from './client-session.ts'
import type { ChannelRule } from './contract.ts'

/** Milliseconds for which it is taken as said that somebody is there; said again every third of it. */
const LEASE_MS = 30_000
/** Channels whose members are said again at once. */
const RENEW_AT_ONCE = 500

interface Here {
  /** By client; undefined for one that the store was not told of. */
  readonly members: Map<string, PresenceMember | undefined>
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
  /** Clients that are being taken from a channel, which must be done before they are put there again. */
  readonly #leaving = new Map<string, Promise<void>>()
  readonly #timer: NodeJS.Timeout
  #renewing = false

  constructor(options: NodePresenceOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.#renew(), LEASE_MS / 3).unref()
  }

  /** Where an ending runs before this is done, nobody was told of anything, and nothing is left in the store. */
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
    here.members.set(session.id, undefined)
    let left = false
    let told = false
    let joined: Promise<unknown> | undefined
    const tell = (what: 'join' | 'leave') => {
      if (rule.joinLeave) pubSub.publish(joinChannel(channel), JSON.stringify({ [what]: { info } })).catch(report)
    }
    endings.push(() => {
      left = true
      here.members.delete(session.id)
      if (here.members.size === 0) this.#forget(channel, here)
      if (joined !== undefined) this.#leave(channel, session.id, joined)
      if (told) tell('leave')
    })
    if (rule.joinLeave) {
      here.joins ??= pubSub.subscribe('channel', joinChannel(channel), ({ text }) => this.#onJoin(channel, text))
      await here.joins
    }
    await this.#leaving.get(keyOf(channel, session.id))
    if (left) return
    if (rule.presence) {
      joined = store.join(channel, member, LEASE_MS)
      here.members.set(session.id, member)
      await joined
      if (left) return
    }
    told = true
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

  /** Once the store has settled what it was told before: a call that is made again must not come behind this. */
  #leave(channel: string, clientId: string, joined: Promise<unknown>): void {
    const { store, report } = this.#options
    const key = keyOf(channel, clientId)
    const leaving: Promise<void> = joined
      .catch(() => {})
      .then(() => store.leave(channel, clientId))
      .catch(report)
      .then(() => {
        if (this.#leaving.get(key) === leaving) this.#leaving.delete(key)
      })
    this.#leaving.set(key, leaving)
  }

  #onJoin(channel: string, text: string): void {
    const node = this.#options.hub.get(channel)
    if (node === undefined || !/^\{"(join|leave)":/.test(text) || text.includes('\n')) return
    node.push(`{"push":{"channel":${JSON.stringify(channel)},${text.slice(1, -1)}}}`)
  }

  async #renew(): Promise<void> {
    // It takes longer than it should: more of it at once would not be faster.
    if (this.#renewing) return
    this.#renewing = true
    const { store, report } = this.#options
    const all = [...this.#here]
    for (let at = 0; at < all.length; at += RENEW_AT_ONCE) {
      await Promise.all(
        all.slice(at, at + RENEW_AT_ONCE).map(async ([channel, { members }]) => {
          const list = [...members.values()].filter((member) => member !== undefined)
          if (list.length > 0) await store.renew(channel, list, LEASE_MS).catch(report)
        }),
      )
    }
    this.#renewing = false
  }
}

function keyOf(channel: string, clientId: string): string {
  return `${clientId} ${channel}`
}
