import type { LogEntry } from '../core/event-log.ts'
import type { Gap, GapListener } from '../core/gap.ts'
import type { Generation } from '../core/generation.ts'
import { Message } from '../core/message.ts'
import type { Listener } from '../core/pub-sub.ts'
import type { Position } from '../protocol/position.ts'
import { CatchUp } from './catch-up.ts'
import type { LogCursor } from './log-cursor.ts'

/** Somebody who follows a log. Called synchronously and in order; must not throw. */
export interface TailListener {
  /** Which of the log's entries it wants: by their channel, and by the partition's change counter. */
  readonly accepts: (channel: string, counter: number) => boolean
  readonly onMessage: Listener
  readonly onGap?: GapListener | undefined
}

/** What a place knows of its tail. */
export interface PlaceOwner {
  /** Where those who follow live stand; undefined before the tail has started. */
  position(): Position | undefined
  /** The generations up to there. */
  chain(): readonly Generation[]
  /** A new cursor. */
  cursorAt(position: Position, fresh: boolean): LogCursor
  /** Takes a gap that one listener alone had, before it does. */
  gap(gap: Gap): void
  failed(error: unknown): void
  remove(place: TailPlace): void
}

/** The place of one listener on a tail: live, or on its own way to it. */
export class TailPlace {
  readonly #owner: PlaceOwner
  readonly #listener: TailListener
  #gone = false
  #catchUp: CatchUp | undefined
  /** Before the tail has started: where it is to begin (there, if not said), and with how much room (paused, if not). */
  #beginning:
    | { readonly from?: Position | undefined; readonly fresh?: boolean; readonly room?: number | undefined }
    | undefined

  constructor(owner: PlaceOwner, listener: TailListener) {
    this.#owner = owner
    this.#listener = listener
  }

  /** Whether it does not follow live at present. */
  get behind(): boolean {
    return this.#catchUp !== undefined || this.#beginning !== undefined
  }

  /** Takes what the tail delivers, and the message once one is made of it. Returns the message. */
  deliver(entry: LogEntry, position: Position, message: Message | undefined): Message | undefined {
    if (this.#gone || this.#beginning !== undefined) return message
    if (this.#catchUp !== undefined) {
      this.#catchUp.offer(entry, position)
      return message
    }
    if (!this.#listener.accepts(entry.channel, entry.counter)) return message
    const made = message ?? new Message(entry.channel, entry.payload, position)
    this.#listener.onMessage(made)
    return made
  }

  /** Takes a gap of the tail. One that is behind finds its own. */
  gap(gap: Gap): void {
    if (this.#gone) return
    if (this.#catchUp === undefined) this.#listener.onGap?.(gap)
    else this.#catchUp.interrupt()
  }

  /** Gets nothing from now on; what comes is read from the log after {@link resume}. */
  pause(): void {
    if (this.#gone) return
    const position = this.#owner.position()
    if (position === undefined) this.#beginning = { ...this.#beginning, room: undefined }
    else if (this.#catchUp === undefined) this.startAfter(position)
    else this.#catchUp.pause()
  }

  /** The tail has started. */
  started(): void {
    if (this.#beginning === undefined) return
    const { from, fresh, room } = this.#beginning
    this.startAfter(from ?? this.#owner.position()!, fresh)
    if (room !== undefined) this.resume(room)
  }

  /**
   * Stands behind a position from now on, paused.
   * @param fresh it wants what is kept from there on, and has had nothing
   */
  startAfter(position: Position, fresh = false): void {
    if (this.#gone) return
    if (this.#owner.position() === undefined) {
      this.#beginning = { from: position, fresh }
      return
    }
    this.#endCatchUp()
    const catchUp: CatchUp = new CatchUp({
      cursor: this.#owner.cursorAt(position, fresh),
      live: () => this.#owner.position()!,
      liveChain: () => this.#owner.chain(),
      onEntry: (entry, at) => {
        if (this.#gone || !this.#listener.accepts(entry.channel, entry.counter)) return
        this.#listener.onMessage(new Message(entry.channel, entry.payload, at))
      },
      onGap: (gap) => {
        this.#owner.gap(gap)
        if (!this.#gone) this.#listener.onGap?.(gap)
      },
      onJoined: () => {
        if (this.#catchUp === catchUp) this.#catchUp = undefined
      },
      onError: (error) => this.#owner.failed(error),
    })
    this.#catchUp = catchUp
  }

  /** @param room how many the listener can take */
  resume(room: number): void {
    if (this.#beginning === undefined) this.#catchUp?.resume(room)
    else if (this.#beginning.from === undefined) this.#beginning = undefined
    else this.#beginning = { ...this.#beginning, room }
  }

  /** Gets nothing from now on. */
  remove(): void {
    this.end()
    this.#owner.remove(this)
  }

  end(): void {
    this.#gone = true
    this.#endCatchUp()
  }

  #endCatchUp(): void {
    this.#beginning = undefined
    this.#catchUp?.close()
    this.#catchUp = undefined
  }
}
