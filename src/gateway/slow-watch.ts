import { DISCONNECTS } from '../protocol/codes.ts'
import type { ClientSession } from './client-session.ts'
import type { Due } from './second-wheel.ts'

/** Closes a client for which something waits, where it takes nothing for a time. Only made once something waits. */
export class SlowWatch implements Due {
  readonly #session: ClientSession
  #slot: Set<Due>
  #written = 0
  /** Bytes that it had taken when the time began, counted from the same point as what was written. */
  #taken: number

  constructor(session: ClientSession) {
    this.#session = session
    this.#taken = -session.transport.bufferedBytes
    this.#slot = this.#wait()
  }

  /** So many bytes more were written. */
  wrote(bytes: number): void {
    this.#written += bytes
  }

  due(): void {
    const { bufferedBytes } = this.#session.transport
    const taken = this.#written - bufferedBytes
    if (bufferedBytes === 0) this.#session.keepsUp()
    else if (taken > this.#taken) {
      this.#taken = taken
      this.#slot = this.#wait()
    } else this.#session.close(DISCONNECTS.slow)
  }

  end(): void {
    this.#slot.delete(this)
  }

  #wait(): Set<Due> {
    const { wheel, limits } = this.#session.node
    return wheel.wait(limits.slowMs, this)
  }
}
