import type { Centrifuge, SubscribedContext, Subscription } from 'centrifuge'
import { UNSUBSCRIBES } from '../protocol/codes.ts'
import { ClientError, toClientError } from './client-error.ts'
import { readEvent } from './event-data.ts'
import type { Reports } from './reports.ts'
import { type Publication, positionAt } from './sdk.ts'
import type { Event } from './server-types.ts'

/** Events that a client cannot be given: what it shows is to be loaded anew. */
export interface EventGap {
  readonly type: string
  /** The last event before it; undefined where none is known, as on a channel without history. */
  readonly from: string | undefined
  /** Events after this one come. */
  readonly to: string | undefined
}

/** Somebody who wants the events of one type. */
export interface EventListener {
  readonly onEvent: (event: Event) => unknown
  readonly onGap: ((gap: EventGap) => unknown) | undefined
  /** No more comes, by no wish of the listener. */
  readonly onEnd: (error: ClientError) => void
}

/** The channel of one event type, subscribed to once however many listen. */
export class EventChannel {
  /** Settles with the first answer of the gateway. */
  readonly ready: Promise<void>
  readonly #type: string
  readonly #sdk: Centrifuge
  readonly #reports: Reports
  readonly #subscription: Subscription
  readonly #onEmpty: () => void
  readonly #listeners = new Set<EventListener>()
  readonly #settle: { readonly resolve: () => void; readonly reject: (error: ClientError) => void }
  /** Of what comes, unless it says another. */
  #epoch: string | undefined
  #last: string | undefined
  #recoverable = false
  /** The gateway has said that something may be missing. */
  #interrupted = false
  #ended = false

  constructor(sdk: Centrifuge, name: string, type: string, reports: Reports, onEmpty: () => void) {
    this.#sdk = sdk
    this.#type = type
    this.#reports = reports
    this.#onEmpty = onEmpty
    let settle: { readonly resolve: () => void; readonly reject: (error: ClientError) => void }
    this.ready = new Promise((resolve, reject) => {
      settle = { resolve, reject }
    })
    this.#settle = settle!
    // A refusal is reported; nobody has to wait for it.
    this.ready.catch(() => {})
    this.#subscription = sdk.newSubscription(name)
    this.#subscription.on('subscribed', (context) => this.#onSubscribed(context))
    this.#subscription.on('subscribing', ({ code }) => {
      if (code === UNSUBSCRIBES.insufficient.code) this.#interrupted = true
    })
    this.#subscription.on('publication', (publication) => this.#onPublication(publication))
    this.#subscription.on('unsubscribed', ({ code, reason }) => {
      const error = code >= 100 && code < 1_000 ? { code, message: reason } : undefined
      this.end(error ? toClientError(error, name) : unsubscribed(name, code, reason))
    })
    this.#subscription.on('error', ({ error }) => reports.note(toClientError(error, name)))
    this.#subscription.subscribe()
  }

  add(listener: EventListener): void {
    this.#listeners.add(listener)
  }

  remove(listener: EventListener): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0 || this.#ended) return
    this.#ended = true
    this.#settle.resolve()
    this.#release()
  }

  /** Ends it for all who listen, who are told why. */
  end(error: ClientError): void {
    if (this.#ended) return
    this.#ended = true
    this.#settle.reject(error)
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    this.#release()
    for (const { onEnd } of listeners) onEnd(error)
    if (error.code !== 'CLOSED') this.#reports.error(error)
  }

  #release(): void {
    this.#onEmpty()
    this.#sdk.removeSubscription(this.#subscription)
  }

  #onSubscribed({ wasRecovering, recovered, recoverable, streamPosition }: SubscribedContext): void {
    const to = positionAt(streamPosition?.offset, streamPosition?.epoch)
    // What is recovered comes right after this, and moves the position itself.
    const from = this.#last
    if (!recovered) this.#last = to
    this.#epoch = streamPosition?.epoch
    const missed = wasRecovering ? !recovered : this.#recoverable || this.#interrupted
    this.#interrupted = false
    this.#recoverable = recoverable
    this.#settle.resolve()
    if (!missed) return
    const gap = { type: this.#type, from, to }
    for (const { onGap } of [...this.#listeners]) if (onGap) this.#reports.run(() => onGap(gap), 'gaps')
  }

  #onPublication({ channel, data, offset, epoch }: Publication): void {
    if (epoch !== undefined) this.#epoch = epoch
    const position = positionAt(offset, this.#epoch)
    if (position !== undefined) this.#last = position
    let event: Event
    try {
      event = readEvent(data, channel, position)
    } catch (error) {
      this.#reports.error(toClientError(error, channel))
      return
    }
    for (const { onEvent } of [...this.#listeners]) this.#reports.run(() => onEvent(event), `"${this.#type}"`)
  }
}

function unsubscribed(channel: string, protocolCode: number, reason: string): ClientError {
  const code = protocolCode === 1 ? 'UNAUTHORIZED' : 'UNSUBSCRIBED'
  return new ClientError(code, `${channel}: ${reason}`, { protocolCode, channel })
}
