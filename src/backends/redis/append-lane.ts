import { TidingsError } from '../../core/errors.ts'
import type { LogId } from '../../core/log-id.ts'
import type { AppendBatch } from './append-batch.ts'
import type { Waiting } from './append-message.ts'
import type { Link } from './link.ts'
import { errorReply } from './redis-error.ts'
import { isUnknownScript, type Script } from './script.ts'

/** Messages in one script call. Redis serves nobody else meanwhile, for about 0.7 ms. */
const BATCH_COUNT = 256
/** Bytes in one script call, beyond its first message. */
const BATCH_BYTES = 262_144
/** Script calls of one partition on their way at once. The script remembers 16. */
const MAX_IN_FLIGHT = 8
/** Milliseconds until a call that did not run is made again. */
const RETRY_MS = 50

/** The call did not run, and may soon. */
const PASSING = /^(AHEAD|TRYAGAIN|LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|READONLY|ASK|MOVED)/

export interface AppendLaneOptions {
  readonly link: Link
  readonly script: Script
  readonly foreign: (log: LogId, count: number) => void
  readonly batch: (number: number, messages: readonly Waiting[]) => AppendBatch
}

/** One partition's messages: what waits, and the batches that are not answered, in order. */
export class AppendLane {
  readonly #options: AppendLaneOptions
  #waiting: Waiting[] = []
  #next = 0
  #unanswered: AppendBatch[] = []
  #lastNumber = 0
  #retry: NodeJS.Timeout | undefined

  constructor(options: AppendLaneOptions) {
    this.#options = options
  }

  push(message: Waiting): void {
    this.#waiting.push(message)
  }

  flush(): void {
    while (this.#next < this.#waiting.length && this.#unanswered.length < MAX_IN_FLIGHT) {
      if (!this.#options.link.writable) return
      const messages = this.#take()
      if (messages.length === 0) continue
      this.#lastNumber += 1
      const batch = this.#options.batch(this.#lastNumber, messages)
      this.#unanswered.push(batch)
      void this.#send(batch)
    }
  }

  resume(): void {
    for (const batch of this.#unanswered) batch.sent = false
    this.#sendAgain()
  }

  fail(error: TidingsError): void {
    for (const message of this.#waiting.slice(this.#next)) message.reject(error)
    this.#waiting = []
    this.#next = 0
    for (const batch of this.#unanswered.splice(0)) {
      batch.fail(isUncertain(batch) ? unknown(batch.lastError ?? error) : error)
    }
  }

  close(error: TidingsError): void {
    clearTimeout(this.#retry)
    this.fail(error)
  }

  /** Rejects what has not been appended by its deadline. */
  expire(now: number): void {
    const isDue = ({ settled, deadline }: Waiting) => !settled && deadline <= now
    // What waits behind a batch ends as that does.
    const refused = this.#unanswered.find(({ lastError }) => lastError && errorReply(lastError) !== undefined)
    const notAppended = refused?.lastError ?? this.#options.link.notConnected()
    for (let i = this.#next; i < this.#waiting.length; i += 1) {
      const message = this.#waiting[i]!
      if (isDue(message)) message.reject(notAppended)
    }
    for (const batch of this.#unanswered) {
      const error = isUncertain(batch) ? unknown(batch.lastError) : notAppended
      for (const message of batch.messages) if (isDue(message)) message.reject(error)
    }
    this.#unanswered = this.#unanswered.filter(isWanted)
  }

  #take(): Waiting[] {
    const messages: Waiting[] = []
    let bytes = 0
    const durability = this.#waiting[this.#next]?.message.durability
    while (this.#next < this.#waiting.length && messages.length < BATCH_COUNT) {
      const message = this.#waiting[this.#next]!
      if (!message.settled) {
        if (message.message.durability !== durability || (messages.length > 0 && bytes + message.bytes > BATCH_BYTES))
          break
        bytes += message.bytes
        messages.push(message)
      }
      this.#next += 1
    }
    if (this.#next === this.#waiting.length || this.#next > 1_024) {
      this.#waiting = this.#waiting.slice(this.#next)
      this.#next = 0
    }
    return messages
  }

  async #send(batch: AppendBatch, inFull = false): Promise<void> {
    const { link, script, foreign } = this.#options
    const before = this.#unanswered[this.#unanswered.indexOf(batch) - 1]
    const args = batch.args(inFull ? script.text : script.digest, before?.number === batch.number - 1)
    batch.sent = true
    const { deadline } = batch
    const durability = batch.messages[0]?.message.durability
    try {
      const call = link.write(inFull ? 'eval' : 'evalsha', args, deadline)
      const wait =
        durability && link.write('wait', [String(durability.replicas), String(durability.timeoutMs)], deadline)
      wait?.catch(() => {})
      const reply = await call
      const reached = wait === undefined ? undefined : await wait.then(Number, () => 0)
      this.#remove(batch)
      batch.settle(String(reply), reached, foreign)
    } catch (error) {
      this.#failed(batch, error as TidingsError)
    }
    this.flush()
  }

  #failed(batch: AppendBatch, error: TidingsError): void {
    const { link } = this.#options
    const reply = errorReply(error)
    batch.sent = false
    // A refusal says nothing of an earlier attempt. AHEAD says nothing but that the batch before was refused.
    if (error.code === 'CONNECTION_LOST' || error.code === 'TIMEOUT') batch.uncertain = true
    if (!reply?.startsWith('AHEAD')) batch.lastError = error
    if (error.code === 'CONNECTION_LOST' || error.code === 'NOT_CONNECTED') {
      if (batch.messages.every(({ settled }) => settled)) this.#remove(batch)
      return
    }
    const unknownScript = isUnknownScript(error)
    if (reply !== undefined && (unknownScript || PASSING.test(reply))) {
      // A server that has become a replica: the name may by now lead to another one.
      if (reply.startsWith('READONLY')) link.reset('Redis has become read-only')
      this.#retry ??= setTimeout(
        () => {
          this.#retry = undefined
          this.#sendAgain(true)
        },
        unknownScript ? 0 : RETRY_MS,
      )
      return
    }
    this.#remove(batch)
    batch.fail(batch.uncertain ? unknown(error) : error)
  }

  #sendAgain(inFull = false): void {
    this.#unanswered = this.#unanswered.filter(isWanted).map((batch) => this.#wanted(batch))
    for (const batch of [...this.#unanswered]) {
      if (!this.#options.link.writable) return
      if (!batch.sent) void this.#send(batch, inFull)
    }
    this.flush()
  }

  /** A batch that has not run, without those of its messages that were meanwhile said not to be appended. */
  #wanted(batch: AppendBatch): AppendBatch {
    if (isUncertain(batch) || batch.messages.every(({ settled }) => !settled)) return batch
    const left = batch.messages.filter(({ settled }) => !settled)
    const rest = this.#options.batch(batch.number, left)
    rest.lastError = batch.lastError
    return rest
  }

  #remove(batch: AppendBatch): void {
    const index = this.#unanswered.indexOf(batch)
    if (index >= 0) this.#unanswered.splice(index, 1)
  }
}

function isUncertain({ sent, uncertain }: AppendBatch): boolean {
  return sent || uncertain
}

/** Its answer is awaited, or worth another attempt. */
function isWanted({ sent, messages }: AppendBatch): boolean {
  return sent || messages.some(({ settled }) => !settled)
}

function unknown(cause: TidingsError | undefined): TidingsError {
  return new TidingsError('CONNECTION_LOST', 'Redis did not say in time whether the message is in its log.', {
    ...(cause === undefined ? {} : { cause }),
    hint: 'It may or may not be. Append it again with the same dedupeKey to be sure that it is there once.',
  })
}
