import { jsonLine, printable } from '../escape.ts'
import type { JsonRecord, Output } from '../output.ts'
import type { Paint } from './paint.ts'

/** Shows what happens in the demo, a line each, and counts it for the end. */
export class Stage {
  readonly #output: Output
  readonly #paint: Paint
  readonly #startedAt = performance.now()
  readonly #heard = new Map<string, number>()
  readonly #counts = { emitted: 0, replies: 0, failures: 0, refused: 0 }
  #concluded = false

  constructor(output: Output, paint: Paint) {
    this.#output = output
    this.#paint = paint
  }

  /** What is explained at the top. */
  introduce(
    title: string,
    where: string,
    listeners: readonly (readonly [who: string, how: string, what: string])[],
  ): void {
    const lines = listeners.map(
      ([who, how, what]) =>
        `  ${who.padEnd(10)} ${this.#paint('channel', how.padEnd(23))} ${this.#paint('quiet', what)}`,
    )
    const text = `${this.#paint('title', title)}\n${where}\n\nWho listens, and how:\n${lines.join('\n')}\n`
    this.#say(text, { kind: 'start', title, where })
  }

  emitting(type: string, data: unknown): void {
    this.#happening('emit', type, data, { kind: 'emit', type, data })
  }

  asking(type: string, data: unknown): void {
    this.#happening('request', type, data, { kind: 'request', type, data })
  }

  heard(by: string, type: string, does: string): void {
    this.#heard.set(by, (this.#heard.get(by) ?? 0) + 1)
    this.#line(`${by.padEnd(10)} ${does}`, { kind: 'heard', by, type })
  }

  receivers(type: string, receivers: number): void {
    this.#counts.emitted += 1
    this.#line(this.#paint('quiet', `reached ${receivers} subscriptions`), { kind: 'receivers', type, receivers })
  }

  replied(data: unknown, tookMs: number): void {
    this.#counts.replies += 1
    const line = `the reply is ${jsonLine(data)}, after ${tookMs.toFixed(1)} ms`
    this.#line(line, { kind: 'reply', data, tookMs })
  }

  failed(by: string, error: string): void {
    this.#counts.failures += 1
    this.#line(this.#paint('trouble', `${by.padEnd(10)} threw "${printable(error)}"; the others go on`), {
      kind: 'failed',
      by,
      error,
    })
  }

  refused(error: string): void {
    this.#counts.refused += 1
    this.#line(this.#paint('trouble', `refused: ${printable(error)}; nothing was sent`), { kind: 'refused', error })
  }

  trouble(error: string): void {
    this.#line(this.#paint('trouble', printable(error)), { kind: 'trouble', error })
  }

  /** What was seen, at the end. Nothing is shown after it. */
  conclude(): void {
    const seconds = Math.round((performance.now() - this.#startedAt) / 1000)
    const { emitted, replies, failures, refused } = this.#counts
    const heard = [...this.#heard].map(([by, count]) => `${by} ${count}`).join(', ')
    const text = `
${this.#paint('title', `Seen in ${seconds} s:`)}
  events emitted                  ${emitted}
  heard by                        ${heard || 'nobody'}
  requests answered               ${replies}
  handlers that failed            ${failures}
  events refused before sending   ${refused}
`
    this.#say(text, { kind: 'end', seconds, ...this.#counts, heard: Object.fromEntries(this.#heard) })
    this.#concluded = true
  }

  #say(text: string, record: JsonRecord): void {
    if (!this.#concluded) this.#output.tell(text, record)
  }

  #happening(verb: string, type: string, data: unknown, record: JsonRecord): void {
    const time = this.#paint('quiet', new Date().toTimeString().slice(0, 8))
    this.#say(`\n${time}  ${verb} ${this.#paint('channel', type)} ${jsonLine(data)}\n`, record)
  }

  #line(text: string, record: JsonRecord): void {
    this.#say(`          ${text}\n`, record)
  }
}
