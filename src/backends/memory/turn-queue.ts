/** Tasks that run before everything else gets its turn: well under a millisecond of deliveries. */
const TASKS_PER_TURN = 1_000

/** Taken before a test can put a fake clock in its place: messages flow under fake timers as they do with Redis. */
const nextTurn = setImmediate

/**
 * Runs tasks later and in order, a bounded number in each turn of the event loop. Tasks that keep adding tasks
 * therefore never hold up timers and sockets. A task that throws does so as an uncaught exception, and costs the
 * tasks behind it nothing.
 */
export class TurnQueue {
  #current: (() => void)[] = []
  #next = 0
  #incoming: (() => void)[] = []
  #scheduled = false

  get isEmpty(): boolean {
    return this.#next === this.#current.length && this.#incoming.length === 0
  }

  push(task: () => void): void {
    this.#incoming.push(task)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    nextTurn(this.#turn)
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    try {
      for (let left = TASKS_PER_TURN; left > 0; left -= 1) {
        if (this.#next === this.#current.length) {
          if (this.#incoming.length === 0) break
          this.#current = this.#incoming
          this.#incoming = []
          this.#next = 0
        }
        const task = this.#current[this.#next]!
        this.#next += 1
        task()
      }
    } finally {
      if (this.#next === this.#current.length) {
        this.#current = []
        this.#next = 0
      }
      if (this.#current.length > 0 || this.#incoming.length > 0) this.#schedule()
    }
  }
}
