import type { TidingsError } from '../../core/errors.ts'
import type { LogMessage } from '../../core/event-log.ts'
import { partitionKeys } from '../../core/keys.ts'
import type { LogId } from '../../core/log-id.ts'
import { randomName } from '../../core/random-name.ts'
import { LogAnswer } from './append-answer.ts'
import type { LogPlace, Waiting } from './append-message.ts'

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
  readonly #before: readonly string[]
  readonly #after: readonly (string | Buffer)[]
  /** The places of the logs; the script counts them from 1. */
  readonly #places: readonly LogPlace[]
  /** Written to the present connection and not answered. */
  sent = false
  /** A connection broke, or time ran out, before its answer: nobody knows whether it ran. */
  uncertain = false
  lastError: TidingsError | undefined

  constructor(name: BatchName, messages: readonly Waiting[]) {
    const { namespace, partition, partitions } = name
    this.number = name.number
    this.messages = messages
    const names = partitionKeys(namespace, partition, partitions)
    const keys = [names.partition, names.changes, names.marks, names.markExpiry]
    const indexes = new Map<string, number>()
    const places: LogPlace[] = []
    const perLog: string[] = []
    for (const { place, message } of messages) {
      if (place === places.at(-1) || indexes.has(place.text)) continue
      places.push(place)
      indexes.set(place.text, places.length)
      keys.push(place.stream, place.head)
      const { maxCount, maxAgeMs } = message.retention
      const shared = place.log.kind === 'shared' ? '1' : ''
      perLog.push(place.text, place.live, shared, String(maxCount ?? ''), String(maxAgeMs ?? ''))
    }
    this.#places = places
    this.#before = [String(keys.length), ...keys, name.producer, String(name.number)]
    this.#after = [String(MARK_MS), randomName(), String(places.length), ...perLog, ...runsOf(messages, indexes)]
  }

  /**
   * What EVALSHA or EVAL takes.
   * @param script its digest or its text
   * @param afterPrevious the batch before this is still unanswered, and must have run
   */
  args(script: string, afterPrevious: boolean): (string | Buffer)[] {
    return [script, ...this.#before, afterPrevious ? '1' : '', ...this.#after]
  }

  /** Settles each message by the script's reply. Tells of logs from which foreign entries were moved away. */
  settle(reply: string, reached: number | undefined, foreign: (log: LogId, count: number) => void): void {
    const lines = reply.split('\n')
    const answers = new Map<string, LogAnswer>()
    let at = 0
    for (const { log, text } of this.#places) {
      const [epoch, gen, receivers, moved, count] = lines[at]!.split(' ')
      if (Number(moved) > 0) foreign(log, Number(moved))
      const next = at + 1 + Number(count)
      const own = lines.slice(at + 1, next)
      answers.set(text, new LogAnswer(own, { epoch: epoch!, gen: Number(gen), receivers: Number(receivers), reached }))
      at = next
    }
    let place: LogPlace | undefined
    let answer: LogAnswer | undefined
    for (const message of this.messages) {
      if (message.place !== place) {
        place = message.place
        answer = answers.get(place.text)
      }
      answer!.settle(message)
    }
  }

  /** When the last of its messages is due. */
  get deadline(): number {
    return this.messages.reduce((latest, { deadline }) => Math.max(latest, deadline), 0)
  }

  fail(error: TidingsError): void {
    for (const message of this.messages) message.reject(error)
  }
}

/** The messages as the script takes them: what some that follow each other have in common, and their payloads. */
function runsOf(messages: readonly Waiting[], indexes: ReadonlyMap<string, number>): (string | Buffer)[] {
  const args: (string | Buffer)[] = []
  for (let from = 0; from < messages.length; ) {
    const { place, message } = messages[from]!
    let to = from + 1
    if (message.dedupe === undefined) while (to < messages.length && isAlike(messages[to]!, place, message)) to += 1
    const { channel, dedupe } = message
    const named = dedupe === undefined && place.log.kind === 'channel' ? '' : channel
    const length = Buffer.byteLength(named)
    args.push(
      `${indexes.get(place.text)},${to - from},${dedupe?.windowMs ?? ''},${length},${named}${dedupe?.key ?? ''}`,
    )
    for (; from < to; from += 1) args.push(messages[from]!.payload)
  }
  return args
}

function isAlike(other: Waiting, place: LogPlace, { channel }: LogMessage): boolean {
  return (
    (other.place === place || other.place.text === place.text) &&
    other.message.dedupe === undefined &&
    other.message.channel === channel
  )
}
