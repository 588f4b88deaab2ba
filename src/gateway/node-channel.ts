import type { LogId } from '../core/log-id.ts'
import type { Message } from '../core/message.ts'
import type { SubscriptionHandle } from '../core/pub-sub.ts'
import { positionIn } from '../log/fork.ts'
import type { LoggedPubSub } from '../log/logged-pub-sub.ts'
import { UNSUBSCRIBES } from '../protocol/codes.ts'
import type { Position } from '../protocol/position.ts'
import type { Member, Recovery } from './channel-member.ts'
import { ChannelRecovery, type ChannelRecoveryOptions } from './channel-recovery.ts'
import { Frames } from './frames.ts'
import { type Kept, publicationJson } from './publication.ts'
import { isSamePosition, isWithin, toStream } from './stream-position.ts'

export interface NodeChannelOptions extends ChannelRecoveryOptions {
  readonly pubSub: LoggedPubSub
  /** Asks to be flushed at the end of the turn. */
  readonly dirty: (channel: NodeChannel) => void
}

/** One channel on this node: one subscription however many clients, and one frame however many get it. */
export class NodeChannel {
  readonly name: string
  readonly #options: NodeChannelOptions
  readonly #members = new Set<Member>()
  /** Those of them that were given more than has come here. */
  readonly #ahead = new Set<Member>()
  readonly #recovery: ChannelRecovery
  readonly #pushStart: string
  #handle: Promise<SubscriptionHandle> | undefined
  #log: LogId | undefined
  /** The last entry that was delivered; undefined where the channel has no history. */
  #position: Position | undefined
  #pending: string[] = []
  /** Some members take another generation for its log's than what comes next is of. */
  #tellsEpoch = false

  constructor(options: NodeChannelOptions) {
    this.name = options.name
    this.#options = options
    this.#recovery = new ChannelRecovery(options, () => this.#log?.kind !== 'shared')
    this.#pushStart = `{"push":{"channel":${JSON.stringify(options.name)},"pub":`
  }

  get size(): number {
    return this.#members.size
  }

  /** Where the channel is; undefined without history. */
  get position(): Position | undefined {
    return this.#position
  }

  get log(): LogId | undefined {
    return this.#log
  }

  /** Resolves once what is published from then on will come. */
  async start(): Promise<void> {
    this.#handle ??= this.#subscribe()
    try {
      await this.#handle
    } catch (error) {
      this.#handle = undefined
      throw error
    }
  }

  /** Adds a member that stands where the channel does, or further. In the same turn in which that was found out. */
  add(member: Member): void {
    // What has come in this turn is for those who were here.
    this.flush()
    this.#members.add(member)
    if (member.skipTo !== undefined) this.#ahead.add(member)
  }

  remove(member: Member): void {
    this.#members.delete(member)
    this.#ahead.delete(member)
  }

  close(): void {
    this.#members.clear()
    this.#ahead.clear()
    this.#handle?.then(
      (handle) => handle.release(),
      () => {},
    )
  }

  /** Hands out what has come in this turn. */
  flush(): void {
    if (this.#pending.length === 0) return
    const frames = new Frames(this.#pending.length === 1 ? this.#pending[0]! : this.#pending.join('\n'))
    this.#pending = []
    for (const member of this.#members) member.write(frames)
  }

  /** Its members, where nothing is kept of what they miss. */
  withoutHistory(): readonly Member[] {
    return this.#position === undefined ? [...this.#members] : []
  }

  /** Sends something else than a publication to all members. */
  push(json: string): void {
    if (this.#members.size === 0) return
    this.#pending.push(json)
    this.#options.dirty(this)
  }

  /** With what comes next, its members are told of which generation it is. */
  tellEpoch(): void {
    this.#tellsEpoch = true
  }

  /** What came after a position, as far as it can be said from memory or in one reading of the log. */
  async recover(since: Position): Promise<Recovery> {
    return (
      (await this.#recovery.recover(this.#log!, since)) ?? {
        recovered: false,
        publications: [],
        position: this.#position!,
        more: false,
      }
    )
  }

  /** What came after a position, if that is in memory: at this very moment. */
  recoverNow(since: Position): readonly Kept[] | undefined {
    return this.#recovery.tail.since(since)
  }

  /** A frame of one publication. */
  frame(json: string): string {
    return `${this.#pushStart}${json}}}`
  }

  async #subscribe(): Promise<SubscriptionHandle> {
    const { pubSub, eventLog } = this.#options
    this.#log = await pubSub.logOf(this.name).catch(() => undefined)
    const handle = await pubSub.subscribe('channel', this.name, (message) => this.#onMessage(message), {
      onGap: () => this.#onGap(),
    })
    if (this.#log !== undefined && this.#position === undefined) {
      const { head } = await eventLog.read(this.#log, { limit: 1 })
      // Something may have come meanwhile.
      this.#position ??= head === undefined ? { epoch: '', gen: 0, seq: 0 } : positionIn(head, head.seq)
      if (this.#recovery.tail.end === undefined) this.#recovery.tail.begin(this.#position)
    }
    return handle
  }

  #onMessage(message: Message): void {
    const { position } = message
    if (position === undefined) {
      this.push(this.frame(publicationJson(message)))
      return
    }
    const before = this.#position
    // The channel began where the log was, which may have been further than what had come by then.
    if (before !== undefined && isWithin(position, before)) return
    this.#position = position
    const json = publicationJson(message)
    if (
      before !== undefined &&
      before.epoch !== '' &&
      (before.gen !== position.gen || before.epoch !== position.epoch)
    ) {
      this.#newGeneration(position)
      if (this.#members.size > 0) this.push(this.frame(publicationJson(message, toStream(position).epoch)))
    } else if (this.#members.size > 0) this.#hand(message, position, json, before)
    this.#recovery.tail.push({ position, json })
  }

  #hand(message: Message, position: Position, json: string, before: Position | undefined): void {
    // The first of a log says which log it is.
    const tells = before?.epoch === '' || this.#tellsEpoch
    const frame = this.frame(tells ? publicationJson(message, toStream(position).epoch) : json)
    // Who is ahead is not given this one.
    if (this.#ahead.size === 0) this.#tellsEpoch = false
    if (this.#ahead.size === 0) {
      this.push(frame)
      return
    }
    this.flush()
    const frames = new Frames(frame)
    for (const member of this.#members) {
      const { skipTo } = member
      if (skipTo !== undefined && position.epoch === skipTo.epoch && position.seq <= skipTo.seq) {
        if (isSamePosition(position, skipTo)) this.#isLevel(member)
        continue
      }
      if (skipTo !== undefined) this.#isLevel(member)
      member.write(frames)
    }
  }

  #isLevel(member: Member): void {
    member.skipTo = undefined
    this.#ahead.delete(member)
  }

  /** Positions carry the generation as a part of what clients take for the epoch. */
  #newGeneration(position: Position): void {
    this.flush()
    for (const member of [...this.#members]) {
      if (member.newGeneration(position)) continue
      this.remove(member)
      member.resubscribe(UNSUBSCRIBES.newGeneration)
    }
  }

  #onGap(): void {
    this.flush()
    this.#recovery.tail.clear()
    for (const member of [...this.#members]) {
      this.remove(member)
      member.resubscribe(UNSUBSCRIBES.insufficient)
    }
  }
}
