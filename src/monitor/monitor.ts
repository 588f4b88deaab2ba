import { useConnection } from '../connection/connect.ts'
import type { Connection } from '../connection/connection.ts'
import type { ConnectionOptions } from '../connection/options.ts'
import { assertChannel, assertPattern } from '../core/channel-name.ts'
import { TidingsError } from '../core/errors.ts'
import { type ForeignWatch, type ForeignWatchOptions, watchForeign } from './foreign-watch.ts'

export type MonitorOptions = ConnectionOptions

/** Who listened to what, at one moment. */
export interface MonitorSnapshot {
  /** When it was taken, by this process's clock: ISO 8601, UTC. */
  readonly takenAt: string
  /** The channels that somebody is subscribed to by name, sorted by name. */
  readonly channels: readonly { readonly channel: string; readonly subscribers: number }[]
  /** Number of distinct patterns that anybody is subscribed to, whatever the channels asked for. */
  readonly patterns: number
}

/**
 * Tells who listens on a Redis: every program's subscriptions, not only those of this one.
 *
 * A subscriber is a connection that subscribed to the channel by its name. Connections that get the same messages
 * by a pattern are in no channel's number: `patterns()` is all that Redis tells of them.
 * Every method rejects with a `TidingsError` where Redis is away (within the command timeout) or refuses.
 */
export class Monitor {
  readonly #connection: Connection
  readonly #owned: boolean
  readonly #watches = new Set<ForeignWatch>()
  #closed = false

  /** @throws TidingsError `UNKNOWN_OPTION`, `INVALID_OPTION` */
  constructor(options: MonitorOptions = {}) {
    const { connection, owned } = useConnection(options, [], 'Monitor')
    this.#connection = connection
    this.#owned = owned
  }

  /** The names of the channels that match the glob and have a subscriber, sorted. */
  async channels(pattern: string = '*'): Promise<string[]> {
    this.#assertOpen()
    assertPattern(pattern)
    return (await this.#connection.pubSub.activeChannels(pattern)).sort()
  }

  /**
   * The number of subscribers of each channel, 0 where there are none, in the order asked.
   * Takes every name that {@link channels} gives, other programs' unusual ones too.
   */
  async subscribers(channels: readonly string[]): Promise<Map<string, number>> {
    this.#assertOpen()
    for (const channel of channels) if (typeof channel !== 'string') assertChannel(channel)
    const counts = await this.#connection.pubSub.subscriberCounts(channels)
    return new Map(channels.map((channel, index) => [channel, counts[index] ?? 0]))
  }

  /** The number of distinct patterns that anybody is subscribed to. */
  async patterns(): Promise<number> {
    this.#assertOpen()
    return this.#connection.pubSub.patternCount()
  }

  /** All of it at once, for the channels that match the glob. Costs three commands, or more from 512 channels. */
  async snapshot(pattern: string = '*'): Promise<MonitorSnapshot> {
    const [names, patterns] = await Promise.all([this.channels(pattern), this.patterns()])
    const counts = await this.subscribers(names)
    // Between the two commands a last subscriber may have left.
    const channels = [...counts].filter(([, subscribers]) => subscribers > 0)
    return {
      takenAt: new Date().toISOString(),
      channels: channels.map(([channel, subscribers]) => ({ channel, subscribers })),
      patterns,
    }
  }

  /**
   * Counts, from now on, the messages that other programs publish on channels with history: they are in no log and
   * reach no handler there. Subscribes to each channel and to its log. What comes while a connection is broken is not
   * counted. Rejects with `NO_HISTORY` where nothing is kept, and leaves nothing behind then.
   */
  async watchForeign(channels: readonly string[], options: ForeignWatchOptions = {}): Promise<ForeignWatch> {
    this.#assertOpen()
    const watch = await watchForeign(this.#connection, channels, options)
    if (this.#closed) {
      await watch.close()
      this.#assertOpen()
    }
    this.#watches.add(watch)
    const close = async () => {
      this.#watches.delete(watch)
      await watch.close()
    }
    return { counts: watch.counts, close, [Symbol.asyncDispose]: close }
  }

  /** Ends its watches and closes the connection, unless it was handed in. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    for (const watch of this.#watches) await watch.close()
    this.#watches.clear()
    if (this.#owned) await this.#connection.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #assertOpen(): void {
    if (this.#closed) throw new TidingsError('CLOSED', 'This monitor is closed.')
  }
}
