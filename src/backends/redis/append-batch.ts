import type { TidingsError } from '../../core/errors.ts'
import type { Appended, LogMessage } from '../../core/event-log.ts'
import { liveChannel, logKeys, logPartition, partitionKeys } from '../../core/keys.ts'
import { type LogId, logText } from '../../core/log-id.ts'
import { randomName } from '../../core/random-name.ts'
import { fromReply } from './redis-error.ts'

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

/** A message on its way into a log. It settles once. */
export class Waiting {
  readonly place: LogPlace
  readonly message: LogMessage
  readonly payload: string | Buffer
  readonly bytes: number
  readonly deadline: number
  settled = false
  readonly #settled: Settled
  readonly #resolve: (appended: Appended) => void
  readonly #reject: (error: TidingsError) => void

  constructor(
    place: LogPlace,
    message: LogMessage,
    bytes: number,
    deadline: number,
    settled: Settled,
    resolve: (appended: Appended) => void,
    reject: (error: TidingsError) => void,
  ) {
    this.place = place
    this.message = message
    // A copy: the caller may go on using its array before the message has left.
    this.payload = typeof message.payload === 'string' ? message.payload : Buffer.from(message.payload)
    this.bytes = bytes
    this.deadline = deadline
    this.#settled = settled
    this.#resolve = resolve
    this.#reject = reject
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

/** How a batch is known to the server. */
export interface BatchName {
  readonly namespace: string
  readonly partition: number
  readonly partitions: number
  readonly producer: string
  readonly number: number
}

/** Milliseconds for which the server remembers what a batch came to: longer than anybody tries. */
const MARK_MS = 600_000

/** Messages that are appended in one script call, and what that call says. */
export class AppendBatch {
  readonly number: number
  readonly messages: readonly Waiting[]
  readonly keys: readonly string[]
  readonly #head: readonly string[]
  readonly #rest: readonly (string | Buffer)[]
  /** Each log's number, from 1. */
  readonly #indexes: ReadonlyMap<string, number>
  readonly #logs: readonly LogId[]
  /** Written to the present connection and not answered. */
  sent = false
  /** Written at least once: nobody knows whether it ran. */
  tried = false
  lastError: TidingsError | undefined

  constructor(name: BatchName, messages: readonly Waiting[]) {
    const { namespace, partition, partitions } = name
    this.number = name.number
    this.messages = messages
    const indexes = new Map<string, number>()
    const logs: LogId[] = []
    const names = partitionKeys(namespace, partition, partitions)
    const keys = [names.partition, names.changes, names.marks, names.markExpiry]
    const perLog: string[] = []
    const perMessage: (string | Buffer)[] = []
    for (const { place, message, payload } of messages) {
      let index = indexes.get(place.text)
      if (index === undefined) {
        index = indexes.size + 1
        indexes.set(place.text, index)
        logs.push(place.log)
        keys.push(place.stream, place.head)
        const { maxCount, maxAgeMs } = message.retention
        perLog.push(
          place.text,
          place.live,
          place.log.kind === 'shared' ? '1' : '',
          String(maxCount ?? ''),
          String(maxAgeMs ?? ''),
        )
      }
      perMessage.push(specOf(place.log, message, index), payload)
    }
    this.keys = keys
    this.#indexes = indexes
    this.#logs = logs
    this.#head = [name.producer, String(name.number)]
    this.#rest = [String(MARK_MS), randomName(), String(indexes.size), ...perLog, ...perMessage]
  }

  /** @param afterPrevious the batch before this is still unanswered, and must have run */
  args(afterPrevious: boolean): (string | Buffer)[] {
    return [...this.#head, afterPrevious ? '1' : '', ...this.#rest]
  }

  /** Settles each message by the script's reply. Tells of logs from which foreign entries were moved away. */
  settle(reply: string, reached: number | undefined, foreign: (log: LogId, count: number) => void): void {
    const lines = reply.split('\n')
    const heads = this.#logs.map((log, index) => {
      const [epoch, gen, receivers, moved] = lines[index]!.split(' ')
      if (Number(moved) > 0) foreign(log, Number(moved))
      return { epoch: epoch!, gen: Number(gen), receivers: Number(receivers) }
    })
    let at = heads.length
    for (const message of this.messages) {
      const line = lines[at]!
      at += 1
      if (message.settled) continue
      if (line.startsWith('-')) message.reject(fromReply(line.slice(1)))
      else message.resolve(appendedBy(line, heads[this.#indexes.get(message.place.text)! - 1]!, reached))
    }
  }

  fail(error: TidingsError): void {
    for (const message of this.messages) message.reject(error)
  }
}

function appendedBy(
  line: string,
  { epoch, gen, receivers }: { epoch: string; gen: number; receivers: number },
  reached: number | undefined,
): Appended {
  let appended: Appended
  if (line.startsWith('=')) {
    const [seq, firstGen] = line.slice(1).split('-')
    appended = { position: { epoch, gen: Number(firstGen), seq: Number(seq) }, receivers: 0, duplicate: true }
  } else {
    const space = line.indexOf(' ')
    const seq = Number(line.slice(1, space))
    appended = {
      position: { epoch, gen, seq },
      receivers: receivers + Number(line.slice(space + 1)),
      duplicate: false,
    }
  }
  return reached === undefined ? appended : { ...appended, reached }
}

function specOf(log: LogId, { channel, dedupe }: LogMessage, index: number): string {
  if (dedupe === undefined && log.kind === 'channel') return String(index)
  return `${index},${dedupe?.windowMs ?? ''},${Buffer.byteLength(channel)},${channel}${dedupe?.key ?? ''}`
}
