import { TidingsError } from '../../core/errors.ts'
import type { Appended, LogMessage } from '../../core/event-log.ts'
import type { LogId } from '../../core/log-id.ts'
import { randomName } from '../../core/random-name.ts'
import { AppendBatch } from './append-batch.ts'
import { AppendLane } from './append-lane.ts'
import { type LogPlace, placeOf, Waiting } from './append-message.ts'
import type { Link } from './link.ts'
import { APPEND } from './lua.generated.ts'
import { type QueueLimits, refusal } from './queue-limits.ts'
import { Script } from './script.ts'

/** Logs whose names are kept; beyond it they are made anew. */
const MAX_PLACES = 10_000

export interface AppendQueueOptions {
  readonly link: Link
  readonly namespace: string
  readonly partitions: number
  readonly limits: QueueLimits
  readonly timeoutMs: number
  /** Entries of strangers were moved out of a log. */
  readonly foreign: (log: LogId, count: number) => void
}

/**
 * The way of messages into logs, over one connection. Those of one tick, and those that gather while others are on
 * their way, leave as one script call for each partition, in order. A call without an answer is made again when the
 * connection is back; the server knows by its number whether it has run, so nothing is lost and nothing doubled until
 * the message's deadline.
 */
export class AppendQueue {
  readonly #options: AppendQueueOptions
  readonly #script: Script = new Script(APPEND)
  readonly #producer: string = randomName()
  readonly #places = { channel: new Map<string, LogPlace>(), shared: new Map<string, LogPlace>() }
  readonly #lanes = new Map<number, AppendLane>()
  readonly #ready = new Set<AppendLane>()
  #now = 0
  #count = 0
  #bytes = 0
  #closed = false
  #drained: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: AppendQueueOptions) {
    this.#options = options
  }

  /** @param since when the message was accepted, as `performance.now()` counts: its time runs from then */
  push(log: LogId, message: LogMessage, since: number = this.#tick()): Promise<Appended> {
    const { payload } = message
    if (this.#closed) return Promise.reject(closed())
    const { limits, link, timeoutMs } = this.#options
    const bytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength
    if (this.#count >= limits.maxCount || this.#bytes + bytes > limits.maxBytes) {
      return Promise.reject(refusal(bytes, this.#count, this.#bytes, limits))
    }
    this.#count += 1
    this.#bytes += bytes
    link.start()
    const place = this.#place(log)
    const deadline = since + timeoutMs + (message.durability?.timeoutMs ?? 0)
    const waiting = new Waiting(place, message, bytes, deadline, this.#settled)
    const lane = this.#lane(place.partition)
    lane.push(waiting)
    this.#schedule(lane)
    this.#watch()
    return waiting.result
  }

  /** The link has a new connection: what was not answered goes again, then what waits. */
  resume(): void {
    if (this.#lanes.size === 0) return
    this.#options.link.write('script', ['LOAD', this.#script.text]).catch(() => {})
    for (const lane of this.#lanes.values()) lane.resume()
  }

  /** The link has given up. */
  fail(error: TidingsError): void {
    for (const lane of this.#lanes.values()) lane.fail(error)
  }

  /** Accepts no more; resolves when everything has been answered, or at the deadline, with the rest rejected. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed = true
    if (this.#count > 0 && this.#options.link.started) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs)
        this.#drained = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    for (const lane of this.#lanes.values()) lane.close(closed())
    clearTimeout(this.#timer)
  }

  #lane(partition: number): AppendLane {
    let lane = this.#lanes.get(partition)
    if (lane === undefined) {
      const { namespace, partitions, link, foreign } = this.#options
      const name = { namespace, partition, partitions, producer: this.#producer }
      lane = new AppendLane({
        link,
        script: this.#script,
        foreign,
        batch: (number, messages) => new AppendBatch({ ...name, number }, messages),
      })
      this.#lanes.set(partition, lane)
    }
    return lane
  }

  /** The time, which is looked at once for all that leaves together. */
  #tick(): number {
    if (this.#ready.size === 0) this.#now = performance.now()
    return this.#now
  }

  #schedule(lane: AppendLane): void {
    if (this.#ready.size === 0) {
      process.nextTick(() => {
        const lanes = [...this.#ready]
        this.#ready.clear()
        for (const each of lanes) each.flush()
      })
    }
    this.#ready.add(lane)
  }

  readonly #settled = (message: Waiting): void => {
    this.#count -= 1
    this.#bytes -= message.bytes
    if (this.#count === 0) this.#drained?.()
  }

  /** Looks for what is late, a few times a second while anything waits, which costs less than a watch on each message. */
  #watch(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        const now = performance.now()
        for (const lane of this.#lanes.values()) lane.expire(now)
        if (this.#count > 0) this.#watch()
      },
      Math.max(1, Math.min(250, this.#options.timeoutMs / 4)),
    )
  }

  #place(log: LogId): LogPlace {
    const places = this.#places[log.kind]
    let place = places.get(log.name)
    if (place === undefined) {
      if (places.size >= MAX_PLACES) places.clear()
      place = placeOf(this.#options.namespace, log, this.#options.partitions)
      places.set(log.name, place)
    }
    return place
  }
}

function closed(): TidingsError {
  return new TidingsError('CLOSED', 'This connection has been closed; the message was not appended.')
}
