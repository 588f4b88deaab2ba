/**
 * Counts, on one channel with history, the messages that are in no log.
 *
 * The idea: what is appended together is published as one step, each payload on its channel and then the entries of
 * the log in one frame or several. On one connection, what comes on the channel before frames and is not in them is
 * therefore foreign; they end where the next message comes. So is what has lain there for a whole period, for its
 * frames would have come with it.
 */
export class ForeignCount {
  #fresh = 0
  #aged = 0
  /** Entries of this channel in the frames since the last message; undefined where there was none. */
  #framed: number | undefined
  #framesAged = false

  /** Messages of which it is not known yet whether they are in the log. */
  get open(): number {
    return this.#aged + this.#fresh
  }

  /** Returns how many messages before this one were foreign. */
  message(): number {
    const foreign = this.#framed === undefined ? 0 : this.#settle(this.#framed)
    this.#fresh += 1
    return foreign
  }

  /** A frame with so many entries of this channel. */
  frame(entries: number): void {
    if (this.open > 0) this.#framed = (this.#framed ?? 0) + entries
  }

  /** The end of a period. Returns how many messages, or their frames, have been there for all of it, and are foreign. */
  period(): number {
    if (this.#framed !== undefined) {
      if (this.#framesAged) return this.#settle(this.#framed)
      this.#framesAged = true
      return 0
    }
    const foreign = this.#aged
    this.#aged = this.#fresh
    this.#fresh = 0
    return foreign
  }

  /** What came until now, or its frames, may be incomplete. */
  forget(): void {
    this.#fresh = 0
    this.#aged = 0
    this.#framed = undefined
    this.#framesAged = false
  }

  #settle(framed: number): number {
    // Fewer than framed: the channel was subscribed to in the midst of them.
    const foreign = Math.max(0, this.open - framed)
    this.forget()
    return foreign
  }
}
