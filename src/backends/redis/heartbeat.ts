/** What the heartbeat watches: bytes that arrived so far, and how to make the server send some. */
export interface Pulse {
  bytesRead(): number
  ping(): void
  /** The peer is silent although asked: give the connection up. */
  dead(silentMs: number): void
}

/** Milliseconds between looks at the connection. */
const LOOK_MS = 1_000

/**
 * Finds connections that are open but dead (a cut cable, a stopped server), which TCP alone reports after many
 * minutes. Whenever nothing has arrived for a look, a PING asks for a sign of life; any bytes at all are one.
 * Silence for `deadlineMs` after the PING is death: found within `deadlineMs` plus two looks.
 */
export class Heartbeat {
  readonly #pulse: Pulse
  readonly #deadlineMs: number
  #timer: NodeJS.Timeout | undefined
  #lastBytes = 0
  #askedAt: number | undefined

  constructor(pulse: Pulse, deadlineMs: number) {
    this.#pulse = pulse
    this.#deadlineMs = deadlineMs
  }

  start(): void {
    this.stop()
    this.#lastBytes = this.#pulse.bytesRead()
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#askedAt = undefined
  }

  #look(): void {
    if (this.#heard()) return
    if (this.#askedAt === undefined) {
      this.#askedAt = performance.now()
      this.#pulse.ping()
    } else if (performance.now() - this.#askedAt >= this.#deadlineMs) {
      // This process may have been busy, with the answer waiting unread in the socket: one turn of the event
      // loop reads it.
      const timer = this.#timer
      setImmediate(() => setImmediate(() => timer === this.#timer && this.#giveUp()))
    }
  }

  #heard(): boolean {
    const bytes = this.#pulse.bytesRead()
    if (bytes === this.#lastBytes) return false
    this.#lastBytes = bytes
    this.#askedAt = undefined
    return true
  }

  #giveUp(): void {
    if (this.#askedAt === undefined || this.#heard()) return
    const silentMs = performance.now() - this.#askedAt
    this.stop()
    this.#pulse.dead(silentMs)
  }
}
