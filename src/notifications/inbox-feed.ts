import { TidingsError } from '../core/errors.ts'
import type { InboxState, InboxVersion } from '../core/inbox.ts'
import { isUpTo, type Place } from '../core/inbox.ts'
import { decodeInboxFrame, type InboxFrame } from '../core/inbox-frame.ts'
import type { InboxDelta, InboxStore } from '../core/inbox-store.ts'
import type { Message } from '../core/message.ts'
import type { PubSub, SubscriptionHandle } from '../core/pub-sub.ts'
import { Patience } from '../log/patience.ts'
import type { BroadcastBoard } from './broadcast-board.ts'
import { decodeForeign } from './foreign-notification.ts'
import type { InboxReader, InboxSync } from './inbox-reader.ts'
import type { Notification } from './notification.ts'
import { ownId, parseOwnId, showOwn } from './notification-view.ts'
import { type SeenState, seenState } from './state-token.ts'

/** The longest time that a timer of Node can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1
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
  #working = false
  readonly #payloads = new Map<string, Notification>()
  /** What those who want every change have. */
  #seen: SeenState | undefined
  #state: InboxState | undefined
  /** Where the store's clock was, by this process's own that never jumps. */
  #clock = { storeMs: 0, atMs: 0 }
  #stale = false
  #telling = false
  #timer: NodeJS.Timeout | undefined
  #expiry: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: InboxFeedOptions) {
    this.#options = options
    this.#patience = new Patience((error) => {
      if (error instanceof TidingsError) options.onError(error)
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
    if (this.#seen !== undefined) void this.#tellChange(false)
  }

  close(): void {
    this.#closed = true
    this.#listeners = []
    this.#patience.end()
    clearTimeout(this.#timer)
    clearTimeout(this.#expiry)
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
      this.#state = state
      this.#setClock(state)
      this.#seen = seenState(state, board.position)
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
        this.#stale = true
      }
    } catch {
      // Only the end of everything ends the patience.
    }
    this.#working = false
    if (this.#stale) void this.#tellChange(true)
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
      // What was imported is behind the newest, and nothing new.
      for (const place of own) if (place.seq > this.#last.seq) this.#last = place
    }
    this.#version = { epoch, gen, rev }
    this.#schedule(frame)
    return true
  }

  async #catchUp(): Promise<void> {
    const { userId, store, board } = this.#options
    const before = this.#version!
    let delta: Pick<InboxDelta, 'changed' | 'state'> = await store.sync(userId, before, board.place)
    if ((delta as InboxDelta).reset) {
      const { entries, state } = await store.list(
        userId,
        { view: 'inbox', limit: Number.MAX_SAFE_INTEGER },
        board.place,
      )
      delta = { changed: entries, state }
    }
    const { changed, state } = delta
    const last = state.epoch === before.epoch ? this.#last : { seq: 0, gen: 0 }
    this.#version = state
    this.#last = { seq: state.head, gen: state.gen }
    this.#schedule(state)
    for (const entry of [...changed].reverse()) {
      if (!isUpTo(entry, last)) this.#tell(showOwn(userId, state.epoch, entry))
    }
  }

  #tell(notification: Notification): void {
    for (const { onNotification } of this.#listeners) onNotification(notification)
  }

  /** Tells those who want it what has changed since they were told last. One at a time, all that gathers at once. */
  async #tellChange(own: boolean): Promise<void> {
    this.#stale ||= own
    if (this.#telling || this.#closed) return
    this.#telling = true
    const { userId, reader } = this.#options
    try {
      do {
        // What comes in this turn is told together.
        await new Promise((resolve) => setImmediate(resolve))
        if (!this.#listeners.some(({ onChange }) => onChange !== undefined)) {
          // Whoever comes later begins with what is then.
          break
        }
        const stale = this.#stale
        this.#stale = false
        const { rev } = this.#seen!.version
        const { sync, state, seen, expiresNextMs } = await this.#patience.until(() =>
          stale
            ? reader.sync(userId, this.#seen!)
            : reader.syncBroadcasts(userId, this.#seen!, { ...this.#state!, nowMs: this.#storeNow() }),
        )
        if (this.#closed) return
        this.#state = state
        this.#seen = seen
        if (stale) this.#setClock(state)
        this.#schedule(state)
        this.#scheduleExpiry(expiresNextMs)
        const nothing = !sync.reset && sync.changed.length === 0 && sync.removed.length === 0 && state.rev === rev
        if (!nothing) for (const { onChange } of this.#listeners) onChange?.(sync)
      } while (this.#stale || this.#seen!.broadcasts !== this.#options.board.position)
    } catch {
      // Closed.
    } finally {
      this.#telling = false
    }
  }

  #setClock({ nowMs }: InboxState): void {
    this.#clock = { storeMs: nowMs, atMs: performance.now() }
  }

  #storeNow(): number {
    return Math.floor(this.#clock.storeMs + performance.now() - this.#clock.atMs)
  }

  /** Of broadcasts that expire nobody is told: each process knows. */
  #scheduleExpiry(expiresNextMs: number | undefined): void {
    clearTimeout(this.#expiry)
    if (expiresNextMs === undefined || this.#closed) return
    const ms = Math.min(Math.max(0, expiresNextMs - this.#storeNow()) + 1, MAX_TIMER_MS)
    this.#expiry = setTimeout(() => this.broadcastsChanged(), ms).unref()
  }

  /** Whoever of all processes comes first makes the change; the others find it made. */
  #schedule({ nextChangeAtMs, nowMs }: { readonly nextChangeAtMs: number | undefined; readonly nowMs: number }): void {
    clearTimeout(this.#timer)
    if (nextChangeAtMs === undefined || this.#closed) return
    const { store, userId, board } = this.#options
    const ms = Math.min(Math.max(0, nextChangeAtMs - nowMs) + 1, MAX_TIMER_MS)
    this.#timer = setTimeout(() => {
      const settle = () => store.change(userId, { kind: 'settle' }, board.place)
      this.#patience.until(settle).then(
        ({ state }) => this.#schedule(state),
        () => {},
      )
    }, ms).unref()
  }
}
