import type { SubscribeRequest, SubscribeResult } from '../protocol/client-protocol.ts'
import { CLIENT_ERRORS, UNSUBSCRIBES } from '../protocol/codes.ts'
import type { Position } from '../protocol/position.ts'
import { join, stand } from './channel-join.ts'
import { ChannelPlace } from './channel-place.ts'
import type { ClientSession } from './client-session.ts'
import { type ChannelRule, ClientFailure } from './contract.ts'
import { Frames } from './frames.ts'
import type { NodeChannel } from './node-channel.ts'
import { type Kept, keptInOrder } from './publication.ts'
import { fromStream, toStream } from './stream-position.ts'

/** Milliseconds between two looks whether a client that is given a long recovery has taken some of it. */
const DRAIN_MS = 20
const NONE: readonly ChannelPlace[] = []

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
  /** Replaced by each change: most clients have few, and a map would be the biggest thing that a client has. */
  #places: readonly ChannelPlace[] = NONE

  constructor(session: ClientSession) {
    this.#session = session
  }

  has(channel: string): boolean {
    return this.#find(channel) !== undefined
  }

  names(): Iterable<string> {
    return this.#places.map(({ name }) => name)
  }

  /** Subscribes, with what was missed since a position. The reply must be written at once: what comes follows it. */
  async subscribe(request: SubscribeRequest, options: SubscribeOptions): Promise<SubscribeResult> {
    const { node } = this.#session
    const name = request.channel
    if (this.has(name)) throw new ClientFailure(CLIENT_ERRORS.alreadySubscribed)
    if (this.#places.length >= node.limits.channelsPerClient) throw new ClientFailure(CLIENT_ERRORS.limitExceeded)
    const { rule, server, expiresAtMs, chanInfo } = options
    const place = new ChannelPlace(this.#session, name, rule, server)
    // No longer than it is: one that is spread or pushed into has room for many more.
    this.#places = this.#places.concat(place)
    try {
      const channel = await node.hub.acquire(name)
      // Who has left meanwhile had nothing to give back yet.
      if (place.left) node.hub.release(channel)
      else place.channel = channel
      this.#assertHere(place)
      if (rule.presence || rule.joinLeave) {
        place.endings = []
        await node.presence.enter(this.#session, name, rule, chanInfo, place.endings)
      }
      this.#assertHere(place)
      const since = rule.recover && request.recover === true ? this.#sinceOf(request) : undefined
      const asked = rule.recover && request.recover === true
      const { position, recovered, publications, more } =
        asked && since === undefined && channel.position !== undefined
          ? { ...(await join(channel, place, undefined)), recovered: false }
          : await join(channel, place, since)
      this.#assertHere(place)
      const start = position === undefined ? '' : toStream(position).epoch
      const given = keptInOrder(publications, start)
      if (more) void this.#goOn(channel, place, position!, given.epoch)
      else if (given.epoch !== start) channel.tellEpoch()
      if (expiresAtMs !== undefined) this.#expire(name, place, expiresAtMs)
      const recoverable = rule.recover && position !== undefined
      return {
        ...(recoverable && { recoverable: true, positioned: true, ...toStream(position) }),
        ...(asked && { was_recovering: true, recovered: recovered === true }),
        ...(publications.length > 0 && {
          publications: given.jsons.map((json) => JSON.parse(json)),
        }),
        ...(expiresAtMs !== undefined && { expires: true, ttl: secondsTo(expiresAtMs) }),
      }
    } catch (error) {
      this.#leave(place)
      // Who left while it was recovered may have become a member nevertheless.
      place.channel?.remove(place)
      throw error
    }
  }

  /** Keeps a subscription whose token has been renewed. */
  refresh(name: string, expiresAtMs: number | undefined): void {
    const place = this.#find(name)
    if (place === undefined) throw new ClientFailure(CLIENT_ERRORS.permissionDenied)
    place.cancelExpiry?.()
    if (expiresAtMs !== undefined) this.#expire(name, place, expiresAtMs)
  }

  /** The client wants no more of it. */
  unsubscribe(name: string): void {
    const place = this.#find(name)
    if (place !== undefined) this.#leave(place)
  }

  /** The server ends it. */
  end(name: string, why: { readonly code: number; readonly reason: string }): void {
    const place = this.#find(name)
    if (place === undefined) return
    this.#leave(place)
    const { code, reason } = why
    this.#session.write(new Frames(JSON.stringify({ push: { channel: name, unsubscribe: { code, reason } } })))
  }

  leaveAll(): void {
    for (const place of this.#places) this.#leave(place)
  }

  #find(name: string): ChannelPlace | undefined {
    return this.#places.find((place) => place.name === name)
  }

  #leave(place: ChannelPlace): void {
    if (place.left) return
    place.left = true
    this.#places = this.#places.filter((each) => each !== place)
    place.cancelExpiry?.()
    const endings = place.endings ?? []
    place.endings = undefined
    for (const end of endings) end()
    const { channel } = place
    if (channel === undefined) return
    channel.remove(place)
    this.#session.node.hub.release(channel)
  }

  /** Gives the rest of a long recovery as publications, as fast as the client takes them. */
  async #goOn(channel: NodeChannel, place: ChannelPlace, from: Position, known: string): Promise<void> {
    const session = this.#session
    let position = from
    let epoch = known
    const give = (publications: readonly Kept[]) => {
      if (publications.length === 0) return
      const given = keptInOrder(publications, epoch)
      epoch = given.epoch
      session.write(new Frames(given.jsons.map((json) => channel.frame(json)).join('\n')))
    }
    // The reply to the subscription goes first.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      while (!place.left) {
        const recovery = await channel.recover(position)
        if (place.left) return
        if (!recovery.recovered) {
          place.resubscribe(UNSUBSCRIBES.insufficient)
          return
        }
        give(recovery.publications)
        position = recovery.position
        if (!recovery.more) {
          const rest = stand(channel, place, position)
          if (rest !== undefined) {
            give(rest)
            if (epoch !== toStream(rest.at(-1)?.position ?? position).epoch) channel.tellEpoch()
            return
          }
        }
        while (!place.left && !session.hasRoom(0)) await new Promise((resolve) => setTimeout(resolve, DRAIN_MS))
      }
    } catch (error) {
      session.node.report(error)
      place.resubscribe(UNSUBSCRIBES.insufficient)
    }
  }

  #sinceOf({ offset, epoch }: SubscribeRequest): Position | undefined {
    return fromStream({ ...(offset !== undefined && { offset }), ...(epoch !== undefined && { epoch }) })
  }

  #expire(name: string, place: ChannelPlace, expiresAtMs: number): void {
    const left = Math.max(0, expiresAtMs - Date.now())
    place.cancelExpiry = this.#session.node.wheel.at(left, () => this.end(name, UNSUBSCRIBES.expired))
  }

  /** It may have been unsubscribed, or the client gone, while it was made. */
  #assertHere(place: ChannelPlace): void {
    if (!place.left && !this.#session.closed) return
    throw new ClientFailure(CLIENT_ERRORS.notAvailable)
  }
}

export function secondsTo(atMs: number): number {
  return Math.max(1, Math.ceil((atMs - Date.now()) / 1_000))
}
