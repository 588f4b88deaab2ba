import { TidingsError } from '../../core/errors.ts'
import type { Link } from './link.ts'
import { type Outgoing, publishCall } from './publish-call.ts'
import { type QueueLimits, refusal } from './queue-limits.ts'
import { fromReply, isPermission, replyText } from './redis-error.ts'

/** Messages in one script call. More gains nothing, and keeps other clients of this Redis waiting longer. */
const BATCH_COUNT = 128
/** Bytes in one script call, beyond its first message. */
const BATCH_BYTES = 262_144
/** How far apart the deadlines in one script call may be: they are answered together, and given up together. */
const DEADLINE_SPREAD_MS = 250
/** Script calls on their way at once; what comes meanwhile gathers for the next. */
const MAX_IN_FLIGHT = 8

interface Waiting extends Outgoing {
  readonly deadline: number
  readonly resolve: (receivers: number) => void
  readonly reject: (error: TidingsError) => void
}

/**
 * The way out of published messages. Those of one tick, and those that gather while others are on their way,
 * leave as one script call; a lone one is a plain PUBLISH. Order is kept: there is one connection and one queue.
 * A message that has not left waits for the connection until its deadline, so it is either sent once or reported
 * as not sent; one that has left is never sent again.
 */
export class PublishQueue {
  readonly #link: Link
  readonly #limits: QueueLimits
  readonly #timeoutMs: number
  #waiting: Waiting[] = []
  #head = 0
  #count = 0
  #bytes = 0
  #batches = 0
  #scheduled = false
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #drained: (() => void) | undefined
  /** Whether this user may run scripts: known after the first batch. */
  #scripts: boolean | undefined

  /** Of the promise made last. Each promise by a function of its own would cost as much again. */
  #resolve!: Waiting['resolve']
  #reject!: Waiting['reject']
  readonly #keep = (resolve: Waiting['resolve'], reject: Waiting['reject']): void => {
    this.#resolve = resolve
    this.#reject = reject
  }

  constructor(link: Link, limits: QueueLimits, timeoutMs: number) {
    this.#link = link
    this.#limits = limits
    this.#timeoutMs = timeoutMs
  }

  push(channel: string, payload: string | Uint8Array): Promise<number> {
    if (this.#closed) return Promise.reject(closed())
    const bytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength
    if (this.#count >= this.#limits.maxCount || this.#bytes + bytes > this.#limits.maxBytes) {
      return Promise.reject(refusal(bytes, this.#count, this.#bytes, this.#limits))
    }
    this.#count += 1
    this.#bytes += bytes
    this.#link.start()
    const result = new Promise<number>(this.#keep)
    this.#waiting.push({
      channel,
      payload: typeof payload === 'string' ? payload : toBuffer(payload),
      bytes,
      deadline: performance.now() + this.#timeoutMs,
      resolve: this.#resolve,
      reject: this.#reject,
    })
    this.#schedule()
    this.#watch()
    return result
  }

  /** The link can send again. */
  resume(): void {
    this.#scripts = undefined
    this.#schedule()
  }

  /** Nothing that waits will be sent: say so. */
  fail(error: TidingsError): void {
    for (const message of this.#takeAll()) this.#settle(message, error)
  }

  /** Accepts no more; resolves when everything has been answered, or at the deadline, with the rest rejected. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed = true
    if (this.#count > 0 && this.#link.started) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs)
        this.#drained = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    clearTimeout(this.#timer)
    this.fail(closed())
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    process.nextTick(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    // Until it is known whether scripts may be run, one batch goes alone: a refused one is sent again another
    // way, and nothing may overtake it.
    const room = this.#scripts === undefined ? 1 : MAX_IN_FLIGHT
    while (this.#head < this.#waiting.length && this.#batches < room && this.#link.writable) {
      const batch = this.#take()
      this.#batches += 1
      const sent = batch.length === 1 || this.#scripts === false ? this.#sendPlain(batch) : this.#sendScript(batch)
      sent.then(() => {
        this.#batches -= 1
        if (this.#head < this.#waiting.length) this.#schedule()
      })
    }
  }

  async #sendScript(batch: readonly Waiting[]): Promise<void> {
    let replies: unknown[]
    try {
      replies = (await this.#link.send(publishCall(batch), batch.at(-1)!.deadline)) as unknown[]
      this.#scripts = true
    } catch (error) {
      if (isPermission(error)) {
        this.#scripts = false
        return this.#sendPlain(batch)
      }
      for (const message of batch) this.#settle(message, error as TidingsError)
      return
    }
    for (let i = 0; i < batch.length; i += 1) this.#settle(batch[i]!, replies[i])
  }

  async #sendPlain(batch: readonly Waiting[]): Promise<void> {
    await Promise.all(
      batch.map((message) =>
        this.#link.write('publish', [message.channel, message.payload], message.deadline).then(
          (receivers) => this.#settle(message, receivers),
          (error: TidingsError) => this.#settle(message, error),
        ),
      ),
    )
  }

  #settle(message: Waiting, answer: unknown): void {
    this.#count -= 1
    this.#bytes -= message.bytes
    if (this.#count === 0) this.#drained?.()
    if (typeof answer === 'number') message.resolve(answer)
    else if (answer instanceof TidingsError) message.reject(answer)
    else message.reject(fromReply(replyText(answer) ?? 'an answer that is no number'))
  }

  /** Takes the next batch: whole messages, in order, within both limits, and at least one. */
  #take(): Waiting[] {
    const start = this.#head
    let bytes = 0
    const latest = this.#waiting[start]!.deadline + DEADLINE_SPREAD_MS
    while (this.#head < this.#waiting.length && this.#head - start < BATCH_COUNT) {
      if (this.#waiting[this.#head]!.deadline > latest) break
      bytes += this.#waiting[this.#head]!.bytes
      if (bytes > BATCH_BYTES && this.#head > start) break
      this.#head += 1
    }
    const batch = this.#waiting.slice(start, this.#head)
    if (this.#head === this.#waiting.length) this.#takeAll()
    else if (this.#head > 4 * BATCH_COUNT && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    return batch
  }

  #takeAll(): Waiting[] {
    const rest = this.#head === 0 ? this.#waiting : this.#waiting.slice(this.#head)
    this.#waiting = []
    this.#head = 0
    return rest
  }

  /** Rejects what could not be sent by its deadline. Deadlines rise along the queue, so only its head is looked at. */
  #watch(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        const now = performance.now()
        while (this.#head < this.#waiting.length && this.#waiting[this.#head]!.deadline <= now) {
          this.#settle(this.#waiting[this.#head]!, this.#link.notConnected())
          this.#head += 1
        }
        if (this.#head === this.#waiting.length) this.#takeAll()
        else this.#watch()
      },
      Math.max(1, Math.min(250, this.#timeoutMs / 4)),
    )
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  // A copy: the caller may go on using its array before the message has left.
  return Buffer.from(bytes)
}

function closed(): TidingsError {
  return new TidingsError('CLOSED', 'This connection has been closed; the message was not sent.')
}
