import { DISCONNECTS } from '../protocol/codes.ts'
import type { ClientSession } from './client-session.ts'
import { Frames } from './frames.ts'
import type { Due } from './second-wheel.ts'

const PING = new Frames('{}')

/** What a client is given time for: first to say who it is, then to answer each ping. One small object for each client. */
export class Heartbeat implements Due {
  readonly #session: ClientSession
  #slot: Set<Due>
  #phase: 'authenticates' | 'rests' | 'is asked' = 'authenticates'
  #answered = true

  constructor(session: ClientSession) {
    this.#session = session
    this.#slot = this.#wait(session.node.limits.authenticateMs)
  }

  /** Begins to ask now and then whether the client is still there. */
  start(): void {
    this.end()
    this.#phase = 'rests'
    // Not all at once, where many have connected at once.
    this.#slot = this.#wait(this.#session.node.limits.pingMs * (0.5 + Math.random() / 2))
  }

  /** The client has answered. */
  heard(): void {
    this.#answered = true
  }

  due(): void {
    const session = this.#session
    const { pingMs, pongMs } = session.node.limits
    if (this.#phase === 'authenticates') {
      if (session.user === undefined) session.close(DISCONNECTS.stale)
    } else if (!this.#answered) session.close(DISCONNECTS.noPong)
    else if (this.#phase === 'is asked') {
      this.#phase = 'rests'
      this.#slot = this.#wait(Math.max(0, pingMs - pongMs))
    } else {
      this.#phase = 'is asked'
      this.#answered = false
      // First, as to write may end it.
      this.#slot = this.#wait(pongMs)
      session.write(PING)
    }
  }

  end(): void {
    this.#slot.delete(this)
  }

  #wait(ms: number): Set<Due> {
    return this.#session.node.wheel.wait(ms, this)
  }
}
