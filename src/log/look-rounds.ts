import type { PartitionLooks } from './partition-looks.ts'

const LOOK_MS = 2_500
const SOON_MS = 500

export interface LookRoundsOptions {
  readonly looks: PartitionLooks
  /** The partitions to look at now; undefined where nobody needs any. */
  readonly partitions: () => Iterable<number> | undefined
  /** Called after each round. */
  readonly looked: () => void
  /** Milliseconds between two rounds. Default 2,500. */
  readonly lookMs?: number | undefined
}

/** When partitions are looked at: every few seconds, and at once when asked to. */
export class LookRounds {
  readonly #options: LookRoundsOptions
  #timer: NodeJS.Timeout | undefined
  #looking = false
  #urgent = false
  #closed = false

  constructor(options: LookRoundsOptions) {
    this.#options = options
  }

  /** Makes sure that a round comes. */
  schedule(ms: number = (this.#options.lookMs ?? LOOK_MS) * (0.8 + 0.4 * Math.random())): void {
    if (this.#timer !== undefined || this.#looking || this.#closed) return
    if (this.#options.partitions() === undefined) return
    this.#timer = setTimeout(() => void this.#look(), ms)
    this.#timer.unref()
  }

  /** Looks now, and again until every partition has answered. */
  now(): void {
    this.#urgent = true
    void this.#look()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** One round at a time. */
  async #look(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#looking || this.#closed) return
    this.#looking = true
    const { looks, partitions, looked, lookMs } = this.#options
    let answered = true
    do {
      this.#urgent = false
      const outcomes = await Promise.allSettled([...(partitions() ?? [])].map((partition) => looks.look(partition)))
      answered = outcomes.every(({ status }) => status === 'fulfilled')
    } while (this.#urgent && answered && !this.#closed)
    this.#looking = false
    looked()
    if (answered) this.schedule()
    else this.schedule(Math.min(SOON_MS, lookMs ?? LOOK_MS))
  }
}
