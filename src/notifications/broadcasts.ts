import type { Connection } from '../connection/connection.ts'
import { TidingsError } from '../core/errors.ts'
import type { LogMessage } from '../core/event-log.ts'
import type { CommandOutcome } from '../core/inbox-store.ts'
import type { LogId } from '../core/log-id.ts'
import type { SubscriptionHandle } from '../core/pub-sub.ts'
import { BroadcastBoard } from './broadcast-board.ts'
import { encodeBroadcast, isOwnBroadcast, newBroadcastId } from './broadcast-log.ts'
import { decodeForeign } from './foreign-notification.ts'
import { KeptLimits } from './kept-limits.ts'
import type { BroadcastInput, Notification } from './notification.ts'
import { encodeBody, makeBody, type NotificationBody } from './notification-body.ts'
import type { ServiceSettings } from './notification-options.ts'
import { showForAll } from './notification-view.ts'
import { type DedupeOptions, expiry, readDedupe } from './sender.ts'

type Listener = (notification: Notification) => void

/** How a broadcast is to be sent. */
export type BroadcastOptions = DedupeOptions

/** What became of a broadcast. */
export interface SentBroadcast {
  /** Of the first one for a duplicate. */
  readonly id: string
  /** Subscribers that got it live, as far as Redis can count. */
  readonly receivers: number
  /** It was there already, under its `dedupeKey`. */
  readonly duplicate: boolean
}

interface BroadcastEvents {
  /** What is shown may have changed. */
  readonly onChange: () => void
  readonly onError: (error: TidingsError) => void
}

/**
 * Broadcasts: each is one entry of one log, whose payload on `<prefix>broadcast` is the article's. What is done with
 * them later is in the same log, on a channel that nobody else listens to.
 */
export class Broadcasts {
  readonly board: BroadcastBoard
  readonly limits: KeptLimits
  readonly #connection: Connection
  readonly #settings: ServiceSettings
  readonly #events: BroadcastEvents
  readonly #log: LogId
  readonly #channel: string
  #listeners: readonly Listener[] = []
  #foreign: Promise<SubscriptionHandle> | undefined

  constructor(connection: Connection, settings: ServiceSettings, events: BroadcastEvents) {
    this.#connection = connection
    this.#settings = settings
    this.#events = events
    this.#channel = `${settings.channelPrefix}broadcast`
    this.#log = { kind: 'shared', name: this.#channel }
    this.limits = new KeptLimits(connection.inboxStore, settings.limits)
    this.board = new BroadcastBoard({
      pubSub: connection.pubSub,
      eventLog: connection.eventLog,
      log: this.#log,
      broadcastChannel: this.#channel,
      limits: this.limits,
      onBroadcast: (broadcast) => this.#tell(showForAll(broadcast)),
      onChange: events.onChange,
    })
  }

  async send(input: BroadcastInput, options: BroadcastOptions = {}): Promise<SentBroadcast> {
    const id = newBroadcastId()
    const body = this.#body(input)
    const dedupe = readDedupe(options)
    await this.board.ready()
    const payload = encodeBroadcast(id, body)
    const { position, receivers, duplicate } = await this.#append(this.#channel, payload, dedupe)
    // Whoever asks here from now on finds it.
    await this.board.reach(position)
    // A first one that is no longer kept has no id, and is as unknown as this one.
    return { id: (duplicate && this.board.at(position)?.id) || id, receivers, duplicate }
  }

  async recall(id: string): Promise<CommandOutcome> {
    return this.#change(id, JSON.stringify({ kind: 'recall', id }))
  }

  async edit(id: string, input: BroadcastInput): Promise<CommandOutcome> {
    return this.#change(id, `{"kind":"edit","id":${JSON.stringify(id)},"body":${this.#body(input)}}`)
  }

  /** Calls the listener with every broadcast that comes, and with what others publish on the channel. */
  async subscribe(listener: Listener): Promise<() => void> {
    this.#listeners = [...this.#listeners, listener]
    const release = () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener)
      if (this.#listeners.length === 0) this.#endForeign()
    }
    try {
      this.#foreign ??= this.#connection.pubSub.plain.subscribe('channel', this.#channel, (message) => {
        if (isOwnBroadcast(message.text)) return
        const notification = decodeForeign(message, undefined)
        if (notification instanceof TidingsError) this.#events.onError(notification)
        else this.#tell(notification)
      })
      await Promise.all([this.#foreign, this.board.ready()])
    } catch (error) {
      release()
      throw error
    }
    return release
  }

  close(): void {
    this.#listeners = []
    this.#endForeign()
    this.board.close()
  }

  #endForeign(): void {
    this.#foreign?.then(
      (handle) => handle.release(),
      () => {},
    )
    this.#foreign = undefined
  }

  async #change(id: string, payload: string): Promise<CommandOutcome> {
    await this.board.ready()
    const broadcast = await this.board.seek(id)
    if (broadcast === undefined) return 'unknown'
    if (broadcast.recalled) return 'already'
    const { position } = await this.#append(`${this.#channel}:changes`, payload)
    // Whoever asks here from now on is told what holds now.
    await this.board.reach(position)
    return 'changed'
  }

  #append(channel: string, payload: string, dedupe?: LogMessage['dedupe']) {
    const retention = { maxCount: this.limits.current.maxBroadcasts }
    return this.#connection.eventLog.append(this.#log, { channel, payload, retention, dedupe })
  }

  #body(input: BroadcastInput): string {
    const made = makeBody(input)
    const body: NotificationBody = input.audience === undefined ? made : { ...made, audience: input.audience }
    expiry(body)
    return encodeBody(body, this.#settings.maxBytes)
  }

  #tell(notification: Notification): void {
    for (const listener of this.#listeners) listener(notification)
  }
}
