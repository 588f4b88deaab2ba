import type { Connection } from '../connection/connection.ts'
import { TidingsError } from '../core/errors.ts'
import { liveChannel } from '../core/keys.ts'
import { decodeFrame } from '../core/live-frame.ts'
import { type LogId, logText } from '../core/log-id.ts'
import type { SubscriptionHandle } from '../core/pub-sub.ts'
import { ForeignCount } from './foreign-count.ts'

/** A message is foreign when its frames have not come for one of these, in milliseconds; up to four pass. */
const PERIOD_MS = 500

/**
 * Watches one channel with history for messages that are in no log. Where its policy moves it to another log it
 * follows, and while it has no history it counts nothing.
 */
export class ForeignChannel {
  readonly #connection: Connection
  readonly #channel: string
  readonly #onForeign: (count: number) => void
  readonly #count = new ForeignCount()
  #log: LogId | undefined
  #frames: SubscriptionHandle | undefined
  #messages: SubscriptionHandle | undefined
  #endStatus: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #paused = false
  #closed = false

  /** @param onForeign must not throw */
  constructor(connection: Connection, channel: string, onForeign: (count: number) => void) {
    this.#connection = connection
    this.#channel = channel
    this.#onForeign = onForeign
  }

  /** A rejected call leaves nothing behind. */
  async start(): Promise<void> {
    const { pubSub } = this.#connection
    this.#endStatus = pubSub.onStatus(({ kind }) => {
      if (kind === 'disconnected') this.#paused = true
      else if (kind === 'connected' || kind === 'interruption') this.#paused = false
      else return
      this.#count.forget()
    })
    try {
      // The frames first: so every message that is seen and is in the log has its frame after it.
      await this.#follow(await pubSub.logOf(this.#channel))
      const messages = await pubSub.plain.subscribe('channel', this.#channel, () => this.#message())
      this.#messages = messages
      this.#assertOpen()
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    this.#closed = true
    this.#endStatus?.()
    clearTimeout(this.#timer)
    this.#frames?.release()
    this.#messages?.release()
  }

  /** Listens to the frames of a log, in place of another's. */
  async #follow(log: LogId): Promise<void> {
    const { pubSub, eventLog, namespace } = this.#connection
    const live = liveChannel(namespace, log, eventLog.partitions)
    const frames = await pubSub.plain.subscribe('channel', live, ({ bytes }) => {
      if (this.#log === log) this.#frame(bytes, log)
    })
    this.#frames?.release()
    this.#frames = frames
    this.#log = log
    this.#count.forget()
    this.#assertOpen()
  }

  #message(): void {
    if (this.#paused || this.#closed) return
    const foreign = this.#count.message()
    if (foreign > 0) this.#onForeign(foreign)
    this.#schedule()
  }

  #frame(bytes: Buffer, log: LogId): void {
    if (this.#paused || this.#closed || this.#count.open === 0) return
    const frame = decodeFrame(bytes, log.name)
    if (frame !== undefined) this.#count.frame(frame.entries.filter(({ channel }) => channel === this.#channel).length)
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#closed) return
    this.#timer = setTimeout(async () => {
      const foreign = this.#count.period()
      if (foreign > 0 && (await this.#isLogged()) && !this.#closed) this.#onForeign(foreign)
      this.#timer = undefined
      if (this.#count.open > 0) this.#schedule()
    }, PERIOD_MS)
    this.#timer.unref()
  }

  /** Whether the log is still the channel's: without frames, that may have changed. */
  async #isLogged(): Promise<boolean> {
    const { pubSub } = this.#connection
    try {
      await pubSub.readPolicies()
      const log = await pubSub.logOf(this.#channel)
      if (this.#log !== undefined && logText(log) === logText(this.#log)) return true
      await this.#follow(log)
    } catch {
      // No history, or no Redis: what came is not counted, and the next message asks again.
    }
    return false
  }

  #assertOpen(): void {
    if (!this.#closed) return
    this.#frames?.release()
    this.#messages?.release()
    throw new TidingsError('CLOSED', 'This monitor is closed.')
  }
}
