import type { TidingsError } from '../../core/errors.ts'
import type { Appended, LogMessage } from '../../core/event-log.ts'
import { liveChannel, logKeys, logPartition } from '../../core/keys.ts'
import { type LogId, logText } from '../../core/log-id.ts'

/** Where the messages of one log go. */
export interface LogPlace {
  readonly log: LogId
  readonly text: string
  readonly partition: number
  readonly stream: string
  readonly head: string
  readonly live: string
}

export function placeOf(namespace: string, log: LogId, partitions: number): LogPlace {
  return {
    log,
    text: logText(log),
    partition: logPartition(log, partitions),
    ...logKeys(namespace, log, partitions),
    live: liveChannel(namespace, log, partitions),
  }
}

/** What a queue does when one of its messages has settled. */
export type Settled = (message: Waiting) => void

/** A message on its way into a log. It settles once. Thousands may be on their way at once, so it is kept small. */
export class Waiting {
  readonly place: LogPlace
  readonly message: LogMessage
  readonly payload: string | Buffer
  readonly bytes: number
  readonly deadline: number
  readonly result: Promise<Appended>
  settled = false
  readonly #settled: Settled
  #resolve!: (appended: Appended) => void
  #reject!: (error: TidingsError) => void

  constructor(place: LogPlace, message: LogMessage, bytes: number, deadline: number, settled: Settled) {
    this.place = place
    this.message = message
    // A copy: the caller may go on using its array before the message has left.
    this.payload = typeof message.payload === 'string' ? message.payload : Buffer.from(message.payload)
    this.bytes = bytes
    this.deadline = deadline
    this.#settled = settled
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  resolve(appended: Appended): void {
    if (this.settled) return
    this.settled = true
    this.#settled(this)
    this.#resolve(appended)
  }

  reject(error: TidingsError): void {
    if (this.settled) return
    this.settled = true
    this.#settled(this)
    this.#reject(error)
  }
}
