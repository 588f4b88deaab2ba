import type { TailHandle } from './tail-handle.ts'
import type { TailListener } from './tail-place.ts'

/** What a subscription has of one log, or of all that are behind its pattern. */
export class LogSource {
  /** Which log it is, or that it is the pattern. */
  readonly text: string
  readonly listener: TailListener
  /** The shared logs that are in it, where it is a pattern. */
  shared: readonly string[] = []
  #handle: TailHandle | undefined
  #open = false
  #limit: TailListener['accepts'] | undefined

  constructor(text: string, listener: TailListener) {
    this.text = text
    const { accepts, onMessage, onGap } = listener
    this.listener = {
      accepts: (channel, counter) =>
        this.#open && accepts(channel, counter) && (this.#limit === undefined || this.#limit(channel, counter)),
      onMessage,
      onGap: (gap) => {
        if (this.#open) onGap?.(gap)
      },
    }
  }

  get handle(): TailHandle {
    return this.#handle!
  }

  set handle(handle: TailHandle) {
    this.#handle = handle
  }

  /** Whether it is to deliver no more than what there was when it was left. */
  get limited(): boolean {
    return this.#limit !== undefined
  }

  /** Delivers from now on. */
  open(): void {
    this.#open = true
  }

  limit(accepts: TailListener['accepts']): void {
    this.#limit = accepts
  }

  /** Nothing is delivered from now on. */
  release(): void {
    this.#open = false
    this.#handle?.release()
  }
}
