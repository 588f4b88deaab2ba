import type { GatewayLimits, Transport } from './contract.ts'
import type { SecondWheel } from './second-wheel.ts'

/** Whether a client keeps up: bounded by the bytes that wait for it, and by the time in which it has taken none. */
export class SlowWatch {
  readonly #transport: Transport
  readonly #limits: GatewayLimits
  readonly #wheel: SecondWheel
  readonly #onSlow: () => void
  #written = 0
  #cancel: (() => void) | undefined

  constructor(transport: Transport, limits: GatewayLimits, wheel: SecondWheel, onSlow: () => void) {
    this.#transport = transport
    this.#limits = limits
    this.#wheel = wheel
    this.#onSlow = onSlow
  }

  /** Whether so many bytes more may wait. */
  allows(bytes: number): boolean {
    return this.#transport.bufferedBytes + bytes <= this.#limits.queueBytes
  }

  /** So many bytes were written. Where some wait, it is looked whether any are taken. */
  wrote(bytes: number): void {
    this.#written += bytes
    if (this.#cancel === undefined && this.#transport.bufferedBytes > 0) this.#watch()
  }

  end(): void {
    this.#cancel?.()
  }

  #watch(): void {
    const taken = this.#written - this.#transport.bufferedBytes
    this.#cancel = this.#wheel.at(this.#limits.slowMs, () => {
      this.#cancel = undefined
      if (this.#transport.bufferedBytes === 0) return
      if (this.#written - this.#transport.bufferedBytes > taken) this.#watch()
      else this.#onSlow()
    })
  }
}
