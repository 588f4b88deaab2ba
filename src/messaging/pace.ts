/** Timers are late by a millisecond or so: up to this much is made up for, and no more. */
const CATCH_UP_MS = 50

/** Spreads turns evenly, so many a second. Time that is lost between them, beyond a moment, is not made up for. */
export class Pace {
  readonly #intervalMs: number
  #dueAt: number | undefined

  constructor(perSecond: number) {
    this.#intervalMs = 1_000 / perSecond
  }

  /** Takes the next turn: the milliseconds to wait until it may begin. */
  take(nowMs: number): number {
    const dueAt = Math.max(this.#dueAt ?? nowMs, nowMs - CATCH_UP_MS)
    this.#dueAt = dueAt + this.#intervalMs
    return Math.max(0, dueAt - nowMs)
  }
}
