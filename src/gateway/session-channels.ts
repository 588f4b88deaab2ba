import type { SubscribeRequest, SubscribeResult } from '../protocol/client-protocol.ts'
import { CLIENT_ERRORS, DISCONNECTS, UNSUBSCRIBES } from '../protocol/codes.ts'
import type { Position } from '../protocol/position.ts'
import { join, stand } from './channel-join.ts'
import type { ClientSession } from './client-session.ts'
import { type ChannelRule, ClientFailure } from './contract.ts'
import { Frames } from './frames.ts'
import type { Member, NodeChannel } from './node-channel.ts'
import { type Kept, keptJson } from './publication.ts'
import { fromStream, toStream } from './stream-position.ts'

/** Milliseconds between two looks whether a client that is given a long recovery has taken some of it. */
const DRAIN_MS = 20

interface Place {
  readonly rule: ChannelRule
  readonly server: boolean
  channel: NodeChannel | undefined
  member: Member | undefined
  /** Ends what only runs while it is subscribed. */
  readonly endings: (() => void)[]
  cancelExpiry: (() => void) | undefined
  left: boolean
}

export interface SubscribeOptions {
  /** By the server's own wish: the client did not ask for it. */
  readonly server: boolean
  readonly rule: ChannelRule
  readonly expiresAtMs?: number | undefined
  readonly chanInfo?: unknown
}

/** The channels that one client is subscribed to. */
export class SessionChannels {
  readonly #session: ClientSession
  readonly #places = new Map<string, Place>()

  constructor(session: ClientSession) {
    this.#session = session
  }

  has(channel: string): boolean {
    return this.#places.has(channel)
  }

  names(): Iterable<string> {
    return this.#places.keys()
  }

  /** Subscribes, with what was missed since a position. The reply must be written at once: what comes follows it. */
  async subscribe(request: SubscribeRequest, options: SubscribeOptions): Promise<SubscribeResult> {
    const { node } = this.#session
    const name = request.channel
    if (this.#places.has(name)) throw new ClientFailure(CLIENT_ERRORS.alreadySubscribed)
    if (this.#places.size >= node.limits.channelsPerClient) throw new ClientFailure(CLIENT_ERRORS.limitExceeded)
    const { rule, server, expiresAtMs, chanInfo } = options
    const place: Place = {
      rule,
      server,
      channel: undefined,
      member: undefined,
      endings: [],
      cancelExpiry: undefined,
      left: false,
    }
    this.#places.set(name, place)
    try {
      const channel = await node.hub.acquire(name)
      place.channel = channel
      if (rule.presence || rule.joinLeave) await node.presence.enter(this.#session, name, rule, chanInfo, place.endings)
      this.#assertHere(place)
      const member = this.#memberOf(name, channel, place)
      place.member = member
      const since = rule.recover && request.recover === true ? this.#sinceOf(request) : undefined
      const asked = rule.recover && request.recover === true
      const { position, recovered, publications, more } =
        asked && since === undefined && channel.position !== undefined
          ? { ...(await join(channel, member, undefined)), recovered: false }
          : await join(channel, member, since)
      this.#assertHere(place)
      if (more) void this.#goOn(channel, member, place, position!)
      if (expiresAtMs !== undefined) this.#expire(name, place, expiresAtMs)
      const recoverable = rule.recover && position !== undefined
      return {
        ...(recoverable && { recoverable: true, positioned: true, ...toStream(position) }),
        ...(asked && { was_recovering: true, recovered: recovered === true }),
        ...(publications.length > 0 && {
          publications: publications.map((each) => JSON.parse(keptJson(each, toStream(position!).epoch))),
        }),
        ...(expiresAtMs !== undefined && { expires: true, ttl: secondsTo(expiresAtMs) }),
      }
    } catch (error) {
      this.#leave(name, place)
      throw error
    }
  }

  /** Keeps a subscription whose token has been renewed. */
  refresh(name: string, expiresAtMs: number | undefined): void {
    const place = this.#places.get(name)
    if (place === undefined) throw new ClientFailure(CLIENT_ERRORS.permissionDenied)
    place.cancelExpiry?.()
    if (expiresAtMs !== undefined) this.#expire(name, place, expiresAtMs)
  }

  /** The client wants no more of it. */
  unsubscribe(name: string): void {
    const place = this.#places.get(name)
    if (place !== undefined) this.#leave(name, place)
  }

  /** The server ends it. */
  end(name: string, why: { readonly code: number; readonly reason: string }): void {
    const place = this.#places.get(name)
    if (place === undefined) return
    this.#leave(name, place)
    const { code, reason } = why
    this.#session.write(new Frames(JSON.stringify({ push: { channel: name, unsubscribe: { code, reason } } })))
  }

  leaveAll(): void {
    for (const [name, place] of [...this.#places]) this.#leave(name, place)
  }

  #leave(name: string, place: Place): void {
    if (place.left) return
    place.left = true
    if (this.#places.get(name) === place) this.#places.delete(name)
    place.cancelExpiry?.()
    for (const end of place.endings.splice(0)) end()
    const { channel, member } = place
    if (channel === undefined) return
    if (member !== undefined) channel.remove(member)
    this.#session.node.hub.release(channel)
  }

  #memberOf(name: string, channel: NodeChannel, place: Place): Member {
    const session = this.#session
    const { slow } = place.rule
    return {
      skipTo: undefined,
      write: (frames) => {
        if (slow === 'close' || session.hasRoom(frames.bytes)) session.write(frames)
        // It comes back when there is room, and is given from the log what was left out.
        else if (slow === 'skip' && channel.position !== undefined) this.#restart(name, place)
      },
      resubscribe: (why) => {
        if (place.server) this.#restart(name, place)
        else this.end(name, why)
      },
      newGeneration: (position) => {
        if (!place.server) return false
        const subscribe = { recoverable: true, positioned: true, ...toStream(position), offset: position.seq - 1 }
        session.write(new Frames(JSON.stringify({ push: { channel: name, subscribe } })))
        return true
      },
    }
  }

  /** A client subscribes again by itself; for one that the server subscribed only a new connection does it. */
  #restart(name: string, place: Place): void {
    if (place.server) this.#session.close(DISCONNECTS.insufficientState)
    else this.end(name, UNSUBSCRIBES.insufficient)
  }

  /** Gives the rest of a long recovery as publications, as fast as the client takes them. */
  async #goOn(channel: NodeChannel, member: Member, place: Place, from: Position): Promise<void> {
    const session = this.#session
    let position = from
    const give = (publications: readonly Kept[]) => {
      if (publications.length === 0) return
      const { epoch } = toStream(from)
      session.write(new Frames(publications.map((each) => channel.frame(keptJson(each, epoch))).join('\n')))
    }
    // The reply to the subscription goes first.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      while (!place.left) {
        const recovery = await channel.recover(position)
        if (place.left) return
        if (!recovery.recovered) {
          member.resubscribe(UNSUBSCRIBES.insufficient)
          return
        }
        give(recovery.publications)
        position = recovery.position
        if (!recovery.more) {
          const rest = stand(channel, member, position)
          if (rest !== undefined) {
            give(rest)
            return
          }
        }
        while (!place.left && !session.hasRoom(0)) await new Promise((resolve) => setTimeout(resolve, DRAIN_MS))
      }
    } catch (error) {
      session.node.report(error)
      member.resubscribe(UNSUBSCRIBES.insufficient)
    }
  }

  #sinceOf({ offset, epoch }: SubscribeRequest): Position | undefined {
    return fromStream({ ...(offset !== undefined && { offset }), ...(epoch !== undefined && { epoch }) })
  }

  #expire(name: string, place: Place, expiresAtMs: number): void {
    const left = Math.max(0, expiresAtMs - Date.now())
    place.cancelExpiry = this.#session.node.wheel.at(left, () => this.end(name, UNSUBSCRIBES.expired))
  }

  /** It may have been unsubscribed, or the client gone, while it was made. */
  #assertHere(place: Place): void {
    if (!place.left && !this.#session.closed) return
    throw new ClientFailure(CLIENT_ERRORS.notAvailable)
  }
}

export function secondsTo(atMs: number): number {
  return Math.max(1, Math.ceil((atMs - Date.now()) / 1_000))
}
