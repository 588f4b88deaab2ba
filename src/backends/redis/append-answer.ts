import type { Appended } from '../../core/event-log.ts'
import type { Waiting } from './append-message.ts'
import { fromReply } from './redis-error.ts'

/** What the script says of a log as a whole. */
export interface LogHeading {
  readonly epoch: string
  readonly gen: number
  readonly receivers: number
  readonly reached: number | undefined
}

/** What the script says of one log's messages: given to each in turn. */
export class LogAnswer {
  readonly #lines: readonly string[]
  readonly #heading: LogHeading
  #next = 0
  /** Messages with consecutive numbers that have one line together: how many are left, the next one's number. */
  #left = 0
  #seq = 0
  #receivers = 0

  constructor(lines: readonly string[], heading: LogHeading) {
    this.#lines = lines
    this.#heading = heading
  }

  settle(message: Waiting): void {
    if (this.#left === 0) {
      const line = this.#lines[this.#next]!
      this.#next += 1
      if (line.startsWith('+')) this.#open(line)
      else if (line.startsWith('=')) message.resolve(this.#duplicate(line))
      else message.reject(fromReply(line.slice(1)))
    }
    // Without a number left the message has just been settled.
    if (this.#left > 0) message.resolve(this.#appended())
  }

  #open(line: string): void {
    const [seq, receivers, count] = line.slice(1).split(' ').map(Number)
    this.#seq = seq!
    this.#receivers = this.#heading.receivers + receivers!
    this.#left = count!
  }

  #appended(): Appended {
    const { epoch, gen, reached } = this.#heading
    const position = { epoch, gen, seq: this.#seq }
    const receivers = this.#receivers
    this.#left -= 1
    this.#seq += 1
    if (reached === undefined) return { position, receivers, duplicate: false }
    return { position, receivers, duplicate: false, reached }
  }

  #duplicate(line: string): Appended {
    const { epoch, reached } = this.#heading
    const [seq, gen] = line.slice(1).split('-').map(Number)
    const position = { epoch, gen: gen!, seq: seq! }
    return { position, receivers: 0, duplicate: true, ...(reached === undefined ? {} : { reached }) }
  }
}
