import { TidingsError } from '../core/errors.ts'
import { type InboxVersion, isUpTo, type Place } from '../core/inbox.ts'
import { decodeInboxFrame, type InboxFrame } from '../core/inbox-frame.ts'
import type { InboxDelta, InboxStore } from '../core/inbox-store.ts'
import type { Message } from '../core/message.ts'
import type { PubSub, SubscriptionHandle } from '../core/pub-sub.ts'
import { Patience } from '../log/patience.ts'
import { Alarm } from './alarm.ts'
import type { BroadcastBoard } from './broadcast-board.ts'
import { decodeForeign } from './foreign-notification.ts'
import { InboxChanges } from './inbox-changes.ts'
import type { InboxReader, InboxSync } from './inbox-reader.ts'
import { LossWatch } from './loss-watch.ts'
import type { Notification } from './notification.ts'
import { isImported, ownId, parseOwnId, showOwn } from './notification-view.ts'

/** Payloads that wait for their frame: it comes right behind. */
const MAX_PAYLOADS = 32

/** Somebody who listens to one user's inbox. Called in order; must not throw. */
export interface FeedListener {
  /** Takes what comes for the user. */
  readonly onNotification: (notification: Notification) => void
  /** Takes every change of the inbox, as a sync from the change before. */
  readonly onChange: ((change: InboxSync) => void) | undefined
}

export interface InboxFeedOptions {
  readonly userId: string
  readonly pubSub: PubSub
  readonly store: InboxStore
  readonly board: BroadcastBoard
  readonly reader: InboxReader
  readonly channels: { readonly user: string; readonly inbox: string }
  readonly onError: (error: TidingsError) => void
}

/**
 * One user's inbox, followed live by this process: two subscriptions however many listen.
 *
 * Each change has a number, so a frame that was missed is seen by the next, or after an interruption is asked for. What
 * is missing is taken from one sync. What came is told at once; for who wants every change, a sync from the one before
 * is told, so that what they have is the inbox, exactly.
 */
export class InboxFeed {
  readonly #options: InboxFeedOptions
  readonly #patience: Patience
  #listeners: readonly FeedListener[] = []
  #handles: SubscriptionHandle[] = []
  #starting: Promise<void> | undefined
  /** Up to where what came has been told. */
  #version: InboxVersion | undefined
  #last: Place = { seq: 0, gen: 0 }
  #frames: InboxFrame[] = []
  #missed = false
  readonly #loss: LossWatch
  #working = false
  readonly #payloads = new Map<string, Notification>()
  readonly #changes: InboxChanges
  /** Rings when something wakes or expires by itself. */
  readonly #alarm = new Alarm(() => this.#settle())
  #closed = false

  constructor(options: InboxFeedOptions) {
    this.#options = options
    this.#loss = new LossWatch(options.board)
    this.#patience = new Patience((error) => {
      if (error instanceof TidingsError) options.onError(error)
    })
    this.#changes = new InboxChanges({
      ...options,
      patience: this.#patience,
      isWanted: () => this.#listeners.some(({ onChange }) => onChange !== undefined),
      onState: (state) => this.#schedule(state),
      onChange: (sync) => {
        for (const { onChange } of this.#listeners) onChange?.(sync)
      },
    })
  }

  get size(): number {
    return this.#listeners.length
  }

  /** Resolves once nothing that happens later can be missed. */
  async add(listener: FeedListener): Promise<void> {
    this.#listeners = [...this.#listeners, listener]
    try {
      this.#starting ??= this.#start()
      await this.#starting
      // Nothing has changed, but something may do so by itself.
      if (listener.onChange !== undefined) this.broadcastsChanged()
    } catch (error) {
      this.remove(listener)
      this.#starting = undefined
      throw error
    }
  }

  remove(listener: FeedListener): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener)
  }

  /** The connection was broken: frames may have been missed. */
  doubt(): void {
    this.#missed = true
    void this.#work()
  }

  /** Broadcasts have changed. */
  broadcastsChanged(): void {
    this.#loss.boardChanged()
    if (this.#hasLost()) this.doubt()
    this.#changes.broadcastsChanged()
  }

  close(): void {
    this.#closed = true
    this.#listeners = []
    this.#patience.end()
    this.#alarm.close()
    this.#changes.close()
    for (const handle of this.#handles.splice(0)) handle.release()
  }

  async #start(): Promise<void> {
    const { pubSub, store, board, channels, userId } = this.#options
    const subscribe = async (channel: string, listener: (message: Message) => void) =>
      void this.#handles.push(await pubSub.subscribe('channel', channel, listener))
    try {
      const started = await Promise.allSettled([
        subscribe(channels.user, (message) => this.#onPayload(message)),
        subscribe(channels.inbox, (message) => this.#onFrame(message)),
        board.ready(),
      ])
      for (const one of started) if (one.status === 'rejected') throw one.reason
      const { state } = await store.change(userId, { kind: 'join' }, board.place)
      this.#version = state
      this.#last = { seq: state.head, gen: state.gen }
      this.#loss.there()
      this.#changes.start(state)
      this.#schedule(state)
    } catch (error) {
      for (const handle of this.#handles.splice(0)) handle.release()
      throw error
    }
    if (this.#closed) this.close()
    void this.#work()
  }

  #onPayload(message: Message): void {
    const { userId, onError } = this.#options
    const notification = decodeForeign(message, userId)
    if (notification instanceof TidingsError) onError(notification)
    else if (parseOwnId(notification.id) === undefined) this.#tell(notification)
    else {
      this.#payloads.set(notification.id, { ...notification, stored: true })
      if (this.#payloads.size > MAX_PAYLOADS) this.#payloads.delete(this.#payloads.keys().next().value!)
    }
  }

  #onFrame({ text }: Message): void {
    const frame = decodeInboxFrame(text)
    if (frame === undefined || this.#closed) return
    this.#frames.push(frame)
    void this.#work()
  }

  /** Takes the frames in order; where one is missing, a sync takes their place. */
  async #work(): Promise<void> {
    if (this.#working || this.#version === undefined) return
    this.#working = true
    try {
      while (!this.#closed && (this.#missed || this.#frames.length > 0)) {
        const frame = this.#missed ? undefined : this.#frames.shift()!
        if (frame === undefined || !this.#take(frame)) {
          this.#missed = false
          await this.#patience.until(() => this.#catchUp())
        }
        this.#changes.ownChanged()
      }
    } catch {
      // Only the end of everything ends the patience.
    }
    this.#working = false
  }

  /** False where something before the frame is missing. */
  #take(frame: InboxFrame): boolean {
    const version = this.#version!
    const { epoch, gen, rev, kind, own } = frame
    if (epoch === version.epoch && gen === version.gen && rev <= version.rev) return true
    if (epoch !== version.epoch || gen !== version.gen || rev !== version.rev + 1) return false
    if (kind === 'sent') {
      const notification = this.#payloads.get(ownId(epoch, own[0]!))
      if (notification === undefined) return false
      this.#payloads.delete(notification.id)
      this.#last = own[0]!
      this.#tell(notification)
    } else {
      if (kind === 'erased') this.#loss.erased()
      // What was imported is behind the newest, and nothing new.
      for (const place of own) if (place.seq > this.#last.seq) this.#last = place
    }
    this.#version = { epoch, gen, rev }
    this.#schedule(frame)
    return true
  }

  async #catchUp(): Promise<void> {
    const { userId, store, board } = this.#options
    // All of the new log came after the user did.
    if (this.#hasLost()) await store.change(userId, { kind: 'join' }, { ...board.place, seq: 0, gen: 0 })
    const before = this.#version!
    let delta: Pick<InboxDelta, 'changed' | 'state'> = await store.sync(userId, before, board.place)
    if ((delta as InboxDelta).reset) {
      const { entries, state } = await store.list(
        userId,
        { view: 'inbox', limit: Number.MAX_SAFE_INTEGER, joins: false },
        board.place,
      )
      delta = { changed: entries, state }
    }
    const { changed, state } = delta
    const last = state.epoch === before.epoch ? this.#last : { seq: 0, gen: 0 }
    this.#version = state
    this.#last = { seq: state.head, gen: state.gen }
    if (state.epoch !== '') this.#loss.there()
    this.#schedule(state)
    for (const entry of [...changed].reverse()) {
      if (!isUpTo(entry, last) && !isImported(entry)) this.#tell(showOwn(userId, state.epoch, entry))
    }
  }

  #hasLost(): boolean {
    return this.#version?.epoch === '' && this.#loss.hasLost()
  }

  #tell(notification: Notification): void {
    for (const { onNotification } of this.#listeners) onNotification(notification)
  }

  #schedule({ nextChangeAtMs, nowMs }: { readonly nextChangeAtMs: number | undefined; readonly nowMs: number }): void {
    this.#alarm.set(nextChangeAtMs === undefined ? undefined : nextChangeAtMs - nowMs)
  }

  /** Whoever of all processes comes first makes the change; the others find it made. */
  #settle(): void {
    const { store, userId, board } = this.#options
    this.#patience
      .until(() => store.change(userId, { kind: 'settle' }, board.place))
      .then(
        ({ state }) => this.#schedule(state),
        () => {},
      )
  }
}
