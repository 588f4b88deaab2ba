import type { LiveFrame } from '../core/live-frame.ts'

const MAX_ENTRIES = 10_000
const MAX_BYTES = 4_194_304

/** Frames that wait for what comes before them, within bounds. Each has a number that rises by one. */
export class HeldFrames {
  #frames: LiveFrame[] = []
  #next = 0
  #entries = 0
  #bytes = 0

  /** The number that the next frame will get. */
  get mark(): number {
    return this.#next
  }

  /** False where it is too much: then nothing is held any more. The log has it all. */
  add(frame: LiveFrame): boolean {
    this.#frames.push(frame)
    this.#next += 1
    this.#entries += frame.entries.length
    for (const { payload } of frame.entries) this.#bytes += payload.length
    if (this.#entries <= MAX_ENTRIES && this.#bytes <= MAX_BYTES) return true
    this.take()
    return false
  }

  /** Hands out all of them, oldest first, with the number of the first. */
  take(): { readonly first: number; readonly frames: readonly LiveFrame[] } {
    const frames = this.#frames
    this.#frames = []
    this.#entries = 0
    this.#bytes = 0
    return { first: this.#next - frames.length, frames }
  }
}
