import type { TidingsError } from '../core/errors.ts'
import { complain, messageOf } from './failure.ts'
import type { Output } from './output.ts'

/** Says what a replay came to: on stdout what it did, on stderr why it ended before its end. */
export class ReplayReport {
  readonly #output: Output
  readonly #dryRun: boolean
  readonly #startedAt = performance.now()
  #events = 0
  #position: string | undefined
  #told = false
  /** Events that the target had already. */
  duplicates = 0

  constructor(output: Output, dryRun: boolean) {
    this.#output = output
    this.#dryRun = dryRun
  }

  done(events: number, position: string): void {
    this.#events = events
    this.#position = position
  }

  finished(events: number, lastPosition: string | undefined): void {
    this.#told = true
    const tookMs = performance.now() - this.#startedAt
    const { duplicates } = this
    const dryRun = this.#dryRun
    const upTo = lastPosition === undefined ? '' : `, up to ${lastPosition}`
    const already = duplicates === 0 ? '' : `; ${duplicates} had been there already`
    const text = dryRun
      ? `Would replay ${counted(events)}${upTo}; nothing was done.\n`
      : `Replayed ${counted(events)} in ${(tookMs / 1_000).toFixed(1)} s${upTo}${already}.\n`
    this.#output.tell(text, {
      kind: 'replay',
      events,
      duplicates,
      lastPosition: lastPosition ?? null,
      dryRun,
      tookMs: Math.round(tookMs),
    })
  }

  /** It stopped, and the error says why, what is done and how to go on. */
  stopped(error: TidingsError): void {
    const {
      events = 0,
      position,
      since,
      failedAt,
    } = error.context as {
      events?: number
      position?: string
      since?: string | Date
      failedAt?: string
    }
    // The error's own message says how to go on as a program would.
    const why = messageOf(error.cause)
    const what = failedAt === undefined ? why : `The event at ${failedAt} failed: ${why}`
    if (error.code !== 'ABORTED') complain(what)
    this.#stopped(events, position, since)
  }

  /** The process ends while an event is still being handled. */
  stoppedInTheMiddle(): void {
    if (!this.#told) this.#stopped(this.#events, this.#position, undefined)
  }

  #stopped(events: number, position: string | undefined, since: string | Date | undefined): void {
    this.#told = true
    const from = since instanceof Date ? since.toISOString() : (since ?? position)
    const goOn = events === 0 || from === undefined ? '' : ` Go on with --since ${from}`
    complain(`Stopped; ${counted(events)} ${events === 1 ? 'was' : 'were'} done.${goOn}`)
    if (this.#output.format === 'json') {
      this.#output.tell('', { kind: 'stopped', events, position: position ?? null, since: from ?? null })
    }
  }
}

function counted(events: number): string {
  return events === 1 ? '1 event' : `${events} events`
}
