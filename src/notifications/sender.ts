import { TidingsError } from '../core/errors.ts'
import type { CommandOutcome, InboxStore, NotificationMessage, SendOutcome } from '../core/inbox-store.ts'
import { encodeUserId } from '../core/user-id.ts'
import type { BroadcastBoard } from './broadcast-board.ts'
import type { Broadcasts } from './broadcasts.ts'
import type { KeptLimits } from './kept-limits.ts'
import type { NotificationInput } from './notification.ts'
import { encodeBody, invalid, makeBody, type NotificationBody } from './notification-body.ts'
import { assertOptions, invalidOption, type ServiceSettings, whole } from './notification-options.ts'
import { ownId, parseOwnId } from './notification-view.ts'

const DEFAULT_DEDUPE_WINDOW_MS = 120_000

/** What says that a sending is the same as one before. */
export interface DedupeOptions {
  /** What was sent with the same key (to the same user, or to all) within the window is not sent again. */
  readonly dedupeKey?: string | undefined
  /** Milliseconds for which the key is remembered, by the clock of Redis. Default 120,000. */
  readonly dedupeWindowMs?: number | undefined
}

export interface SendOptions extends DedupeOptions {
  /** It takes the place of the last one with the same key; `count` says how many it stands for. */
  readonly groupKey?: string | undefined
}

/** What became of a notification. */
export interface Sent {
  /**
   * - `stored`: it is in the inbox, and was published;
   * - `collapsed`: the rate limit counted it in the notification that says how many more there were;
   * - `duplicate`: it was there already, under its `dedupeKey`;
   * - `muted`: its user does not want this type or topic; `not-following`: nor follows the topic.
   */
  readonly outcome: SendOutcome['kind']
  /** Of the notification, of the first for a duplicate, of the one that counts for a collapsed one. */
  readonly id: string | undefined
  /** Subscribers that got it live, as far as Redis can count. */
  readonly receivers: number
}

/** Sends to single users. */
export class Sender {
  readonly #store: InboxStore
  readonly #board: BroadcastBoard
  readonly #limits: KeptLimits
  readonly #settings: ServiceSettings

  constructor(store: InboxStore, { board, limits }: Pick<Broadcasts, 'board' | 'limits'>, settings: ServiceSettings) {
    this.#store = store
    this.#board = board
    this.#limits = limits
    this.#settings = settings
  }

  async send(userId: string, notification: NotificationInput, options: SendOptions = {}): Promise<Sent> {
    return this.deliver(userId, this.prepare(notification, options))
  }

  /** Checks a notification and makes a message of it, for any user. */
  prepare(notification: NotificationInput, options: SendOptions): NotificationMessage {
    assertOptions('sending', options)
    const { groupKey, ...deduping } = options
    const body = makeBody(notification)
    return {
      body: encodeBody(body, this.#settings.maxBytes),
      type: body.type,
      topic: body.topic,
      groupKey: key('groupKey', groupKey),
      expiresAtMs: expiry(body),
      dedupe: readDedupe(deduping),
      rate: this.#rate(body),
      maxCount: this.#limits.current.maxCount,
    }
  }

  async deliver(userId: string, message: NotificationMessage): Promise<Sent> {
    const channel = userChannel(this.#settings.channelPrefix, userId)
    const sent = await this.#store.send(userId, channel, message, this.#board.place)
    if (!('place' in sent)) return { outcome: sent.kind, id: undefined, receivers: 0 }
    return { outcome: sent.kind, id: ownId(sent.epoch, sent.place), receivers: sent.receivers }
  }

  /** @param former what it says now: its type, its time and its end stay */
  async edit(
    userId: string,
    id: string,
    notification: NotificationInput,
    former: NotificationBody | undefined,
  ): Promise<CommandOutcome> {
    const own = parseOwnId(id)
    const made = makeBody(notification)
    if (own === undefined || former === undefined) return 'unknown'
    if (made.type !== former.type) throw invalid('type', 'cannot be changed by an edit')
    if (made.expires_at !== undefined) throw invalid('expiresAt', 'cannot be changed by an edit')
    const { timestamp, expires_at, imported } = former
    const kept = { ...made, timestamp, ...(expires_at !== undefined && { expires_at }), ...(imported && { imported }) }
    const body = encodeBody(kept, this.#settings.maxBytes)
    const command = { kind: 'edit', body, own: [own], broadcasts: [] } as const
    return (await this.#store.change(userId, command, this.#board.place)).outcomes[0]!
  }

  /** It has the type of what it stands in for, under which it is counted. */
  #rate({ type, timestamp }: NotificationBody): NotificationMessage['rate'] {
    const { rateLimit } = this.#settings
    if (rateLimit === undefined) return undefined
    const { max, windowMs, title } = rateLimit
    const summary: NotificationBody = { type, title, message: '', timestamp, data: { collapsed: true } }
    return { max, windowMs, summary: JSON.stringify(summary) }
  }
}

/** Where a user's notifications are published. */
export function userChannel(channelPrefix: string, userId: string): string {
  return `${channelPrefix}user:${encodeUserId(userId)}`
}

/** When a notification goes away by itself. @throws TidingsError `INVALID_NOTIFICATION` where that is past */
export function expiry({ expires_at: expiresAt }: NotificationBody): number | undefined {
  if (expiresAt === undefined) return undefined
  const ms = Date.parse(expiresAt)
  if (ms <= Date.now()) throw invalid('expiresAt', 'must be in the future')
  return ms
}

/** @throws TidingsError `INVALID_OPTION`, `UNKNOWN_OPTION` for what else there is */
export function readDedupe(options: DedupeOptions): NotificationMessage['dedupe'] {
  assertOptions('sending', options)
  const { dedupeKey, dedupeWindowMs = DEFAULT_DEDUPE_WINDOW_MS, ...rest } = options
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw new TidingsError('UNKNOWN_OPTION', `Sending has no option "${unknown}".`)
  if (dedupeKey === undefined) return undefined
  return { key: key('dedupeKey', dedupeKey)!, windowMs: whole('dedupeWindowMs', dedupeWindowMs) }
}

function key(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && value !== '' && value.isWellFormed() && Buffer.byteLength(value) <= 1_024)
    return value
  throw invalidOption(name, 'a string of 1 to 1,024 bytes')
}
