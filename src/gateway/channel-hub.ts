import type { EventLog } from '../core/event-log.ts'
import type { LoggedPubSub } from '../log/logged-pub-sub.ts'
import { NodeChannel } from './node-channel.ts'

/** Milliseconds for which a channel without members stays subscribed: who reconnects costs nothing. */
const LINGER_MS = 1_000
/** Clients that are told of an interruption at once, and milliseconds until the next: they all subscribe again. */
const TOLD_AT_ONCE = 100
const TOLD_EVERY_MS = 10

export interface ChannelHubOptions {
  readonly pubSub: LoggedPubSub
  readonly eventLog: EventLog
  readonly recoverCount: number
  readonly recoverBytes: number
}

/** The channels that clients of this node listen to, each subscribed once. */
export class ChannelHub {
  readonly #options: ChannelHubOptions
  readonly #channels = new Map<
    string,
    { readonly channel: NodeChannel; users: number; timer?: NodeJS.Timeout | undefined }
  >()
  readonly #dirty = new Set<NodeChannel>()
  #flushing = false
  #interruptions = 0

  constructor(options: ChannelHubOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#channels.size
  }

  /** A channel to use until it is released. */
  async acquire(name: string): Promise<NodeChannel> {
    let entry = this.#channels.get(name)
    if (entry === undefined) {
      const dirty = (channel: NodeChannel) => this.#markDirty(channel)
      entry = { channel: new NodeChannel({ ...this.#options, name, dirty }), users: 0 }
      this.#channels.set(name, entry)
    }
    clearTimeout(entry.timer)
    entry.users += 1
    try {
      await entry.channel.start()
    } catch (error) {
      this.release(entry.channel)
      throw error
    }
    return entry.channel
  }

  /** One that is there. */
  get(name: string): NodeChannel | undefined {
    return this.#channels.get(name)?.channel
  }

  release(channel: NodeChannel): void {
    const entry = this.#channels.get(channel.name)
    if (entry?.channel !== channel) return
    entry.users -= 1
    if (entry.users > 0) return
    entry.timer = setTimeout(() => {
      this.#channels.delete(channel.name)
      channel.close()
    }, LINGER_MS).unref()
  }

  /**
   * What was published for a time has not come. Where there is history it still comes, or a gap is told; to members of the
   * other channels nobody else will say it.
   */
  async interrupted(): Promise<void> {
    this.#interruptions += 1
    const interruption = this.#interruptions
    const channels = [...this.#channels.values()].map(({ channel }) => channel)
    const concerned = channels.flatMap((channel) => channel.withoutHistory())
    for (let at = 0; at < concerned.length; at += TOLD_AT_ONCE) {
      // Another has begun, which concerns them all, or the end.
      if (this.#interruptions !== interruption) return
      for (const member of concerned.slice(at, at + TOLD_AT_ONCE)) member.interrupted()
      await new Promise((resolve) => setTimeout(resolve, TOLD_EVERY_MS).unref())
    }
  }

  close(): void {
    this.#interruptions += 1
    for (const { channel, timer } of this.#channels.values()) {
      clearTimeout(timer)
      channel.close()
    }
    this.#channels.clear()
    this.#dirty.clear()
  }

  /** What comes in one turn of the event loop goes out together. */
  #markDirty(channel: NodeChannel): void {
    this.#dirty.add(channel)
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      for (const each of this.#dirty) each.flush()
      this.#dirty.clear()
    })
  }
}
