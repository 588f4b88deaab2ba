import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { connect } from '../../src/connection/connect.ts'
import type { Connection } from '../../src/connection/connection.ts'
import type { TidingsError } from '../../src/core/errors.ts'
import type { Appended } from '../../src/core/event-log.ts'
import type { Gap } from '../../src/core/gap.ts'
import type { Position } from '../../src/protocol/position.ts'
import { channelLog, openEventLog, readAll } from './event-log.ts'
import { eventually } from './eventually.ts'
import { OutcomeLedger } from './outcomes.ts'
import type { RedisServer } from './redis-server.ts'

const CHANNEL = 'orders'

export interface LogLedgerOptions {
  /** Where the publisher connects to. */
  readonly port: number
  /** Where the subscriber connects to. Default: as the publisher. */
  readonly readerPort?: number
  readonly commandTimeoutMs: number
}

export interface Handled {
  readonly text: string
  readonly position: Position
}

/**
 * A publisher and a live subscriber of one channel with history, and the account of every message between them: what
 * was acknowledged, what was refused, what was handled.
 */
export class LogLedger {
  readonly handled: Handled[] = []
  readonly gaps: Gap[] = []
  /** Milliseconds of each of the subscriber's interruptions. */
  readonly interruptions: number[] = []
  readonly acknowledged: Map<number, Appended> = new Map()
  /** By number. */
  readonly refused: Map<number, TidingsError> = new Map()
  readonly publisher: Connection
  readonly subscriber: Connection
  readonly #ledger = new OutcomeLedger()
  readonly #commandTimeoutMs: number
  #sent = 0
  #load: { end: boolean; done: Promise<void> } | undefined

  private constructor(publisher: Connection, subscriber: Connection, commandTimeoutMs: number) {
    this.publisher = publisher
    this.subscriber = subscriber
    this.#commandTimeoutMs = commandTimeoutMs
  }

  static async open({ port, readerPort = port, commandTimeoutMs }: LogLedgerOptions): Promise<LogLedger> {
    const publisher = await connect(`redis://127.0.0.1:${port}`, { commandTimeoutMs })
    await publisher.eventLog.replacePolicies(0, { [CHANNEL]: { history: { maxCount: 1_000_000 } } })
    const subscriber = await connect(`redis://127.0.0.1:${readerPort}`, { commandTimeoutMs: 10_000 })
    const ledger = new LogLedger(publisher, subscriber, commandTimeoutMs)
    subscriber.pubSub.onStatus((status) => {
      if (status.kind === 'interruption') ledger.interruptions.push(status.downMs)
    })
    await subscriber.pubSub.subscribe(
      'channel',
      CHANNEL,
      ({ text, position }) => ledger.handled.push({ text, position: position! }),
      { onGap: (gap) => ledger.gaps.push(gap) },
    )
    return ledger
  }

  get sent(): number {
    return this.#sent
  }

  get pending(): number {
    return this.#ledger.outcomes.pending
  }

  /** Appends the next number, followed by `padding`. Never rejects. */
  append(padding = ''): Promise<Appended | undefined> {
    const mine = this.#sent
    this.#sent += 1
    const appended = this.publisher.pubSub.append(CHANNEL, `${mine} ${padding}`)
    appended.catch((error) => this.refused.set(mine, error))
    return this.#ledger.watch(appended).then((result) => {
      if (result !== undefined) this.acknowledged.set(mine, result)
      return result
    })
  }

  /** Appends so many messages a second until {@link stop}. */
  start(perSecond: number): void {
    const load = { end: false, done: Promise.resolve() }
    const run = async () => {
      const begun = performance.now()
      for (let made = 0; !load.end; await delay(4)) {
        for (; made < ((performance.now() - begun) * perSecond) / 1_000; made += 1) void this.append()
      }
    }
    load.done = run()
    this.#load = load
  }

  /** Ends the load; resolves when every append has settled. */
  async stop(): Promise<void> {
    if (this.#load !== undefined) this.#load.end = true
    await this.#load?.done
    await eventually(() => expect(this.pending).toBe(0), this.#commandTimeoutMs + 2_000)
  }

  /** Waits until so many more messages have been handled. */
  async handles(more: number, timeoutMs = 10_000): Promise<void> {
    const goal = this.handled.length + more
    await eventually(() => expect(this.handled.length).toBeGreaterThanOrEqual(goal), timeoutMs)
  }

  /** Fails unless the account is in order: see the comments within. */
  async check(server: RedisServer): Promise<void> {
    await this.stop()
    await this.append('end')
    const eventLog = openEventLog(server.port)
    const stored = await readAll(eventLog, channelLog(CHANNEL)).finally(() => eventLog.close())
    await eventually(() => expect(this.handled.at(-1)?.text).toMatch(/ end$/), 15_000)
    const { outcomes } = this.#ledger
    console.log({ ...outcomes, stored: stored.length, handled: this.handled.length, down: this.interruptions })

    // No promise is pending for too long, and each ends in a way that a program can act on.
    expect(outcomes.longestMs).toBeLessThan(this.#commandTimeoutMs + 1_000)
    expect(Object.keys(outcomes.rejected).filter((code) => code.startsWith('not'))).toEqual([])
    // All that is in the log was handled, once and in the log's order; and nothing is in it twice.
    const number = (text: string) => Number.parseInt(text, 10)
    expect(this.gaps).toEqual([])
    expect(this.handled.map(({ text }) => number(text))).toEqual(stored.map(({ payload }) => number(String(payload))))
    expect(this.handled.map(({ position }) => position.seq)).toEqual(stored.map(({ seq }) => seq))
    const places = new Map(this.handled.map(({ text, position }) => [number(text), position]))
    expect(places.size).toBe(this.handled.length)
    // In the order of the calls.
    const numbers = [...places.keys()]
    expect(numbers).toEqual(numbers.toSorted((one, other) => one - other))
    // What was acknowledged is where it was said to be; what was said not to be there is not.
    for (const [mine, { position }] of this.acknowledged) expect(places.get(mine), String(mine)).toEqual(position)
    const lies = [...this.refused].filter(([mine, { retryable }]) => retryable && places.has(mine))
    expect(lies.map(([mine, { code }]) => `${mine} ${code}`)).toEqual([])
  }

  async close(): Promise<void> {
    if (this.#load !== undefined) this.#load.end = true
    await Promise.all([this.publisher.close(), this.subscriber.close()])
  }
}
