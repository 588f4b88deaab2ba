import { formatPosition, type Position } from '../protocol/position.ts'

/** How a handler wants its messages: parsed JSON (text that is not JSON arrives as a string), text, or bytes. */
export type MessageFormat = 'json' | 'text' | 'bytes'

/**
 * One received message, shared by every handler that gets it. It is decoded when first asked for and at most
 * once per form, however many handlers ask: treat what it holds as read-only.
 */
export class Message {
  readonly channel: string
  readonly bytes: Buffer
  /** Its place in its log; undefined for a message that came live only. */
  readonly position: Position | undefined
  #positionText: string | undefined
  #text: string | undefined
  #value: unknown
  #parsed = false

  constructor(channel: string, bytes: Buffer, position?: Position) {
    this.channel = channel
    this.bytes = bytes
    this.position = position
  }

  /** {@link position} as text. */
  get positionText(): string | undefined {
    if (this.position !== undefined) this.#positionText ??= formatPosition(this.position)
    return this.#positionText
  }

  /** The payload as UTF-8 text; bytes that are not UTF-8 show as U+FFFD. */
  get text(): string {
    this.#text ??= this.bytes.toString()
    return this.#text
  }

  /** The payload as JSON where it is JSON, else as text. Never throws. */
  get value(): unknown {
    if (!this.#parsed) {
      this.#parsed = true
      try {
        this.#value = JSON.parse(this.text)
      } catch {
        this.#value = this.text
      }
    }
    return this.#value
  }

  as(format: MessageFormat): unknown {
    if (format === 'json') return this.value
    return format === 'text' ? this.text : this.bytes
  }
}
