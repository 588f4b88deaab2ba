import { DISCONNECTS, UNSUBSCRIBES } from '../protocol/codes.ts'
import type { Position } from '../protocol/position.ts'
import type { Member } from './channel-member.ts'
import type { ClientSession } from './client-session.ts'
import type { ChannelRule } from './contract.ts'
import { Frames } from './frames.ts'
import type { NodeChannel } from './node-channel.ts'
import { toStream } from './stream-position.ts'

/** One client on one channel. There may be very many of them, so each is one object. */
export class ChannelPlace implements Member {
  readonly name: string
  readonly server: boolean
  skipTo: Position | undefined
  channel: NodeChannel | undefined
  /** Ends what only runs while it is subscribed. */
  endings: (() => void)[] | undefined
  cancelExpiry: (() => void) | undefined
  left = false
  readonly #session: ClientSession
  readonly #slow: ChannelRule['slow']

  constructor(session: ClientSession, name: string, rule: ChannelRule, server: boolean) {
    this.#session = session
    this.name = name
    this.#slow = rule.slow
    this.server = server
  }

  write(frames: Frames): void {
    const session = this.#session
    if (this.#slow === 'close' || session.hasRoom(frames.bytes)) session.write(frames)
    // It comes back when there is room, and is given from the log what was left out.
    else if (this.#slow === 'skip' && this.channel?.position !== undefined) this.#restart()
  }

  resubscribe(why: { readonly code: number; readonly reason: string }): void {
    if (this.server) this.#restart()
    else this.#session.channels.end(this.name, why)
  }

  interrupted(): void {
    if (this.left) return
    if (!this.server) this.#session.channels.end(this.name, UNSUBSCRIBES.insufficient)
    // As if it had been subscribed again: it can do nothing itself.
    else this.#session.write(new Frames(JSON.stringify({ push: { channel: this.name, subscribe: {} } })))
  }

  newGeneration(position: Position): boolean {
    if (!this.server) return false
    const subscribe = { recoverable: true, positioned: true, ...toStream(position), offset: position.seq - 1 }
    this.#session.write(new Frames(JSON.stringify({ push: { channel: this.name, subscribe } })))
    return true
  }

  /** A client subscribes again by itself; for one that the server subscribed only a new connection does it. */
  #restart(): void {
    if (this.server) this.#session.close(DISCONNECTS.insufficientState)
    else this.#session.channels.end(this.name, UNSUBSCRIBES.insufficient)
  }
}
