import type { EventLog } from '../core/event-log.ts'
import type { LoggedPubSub } from '../log/logged-pub-sub.ts'
import { NodeChannel } from './node-channel.ts'

/** Milliseconds for which a channel without members stays subscribed: who reconnects costs nothing. */
const LINGER_MS = 1_000

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

  close(): void {
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
