/** The most that is handed to the network at once: the rest waits here, where it is counted. */
const CHUNK_BYTES = 65_536
/** Milliseconds for the peer to take what is left when the stream ends. */
const CLOSE_MS = 3_000

const encoder = new TextEncoder()

/** Something to be sent. Its text is made when its turn comes, and not before. */
export interface StreamPart {
  /** What it counts for while it waits. */
  readonly bytes: number
  render(): string
}

/** The body of a response that goes on: what is pushed waits, counted, until the network asks for more. */
export class StreamBody {
  readonly stream: ReadableStream<Uint8Array>
  readonly #parts: StreamPart[] = []
  readonly #onGone: () => void
  #controller!: ReadableStreamDefaultController<Uint8Array>
  #bytes = 0
  #ending = false
  #over = false
  /** The network has asked for more than there was. */
  #asked: (() => void) | undefined

  /** @param onGone called once when the peer wants no more */
  constructor(onGone: () => void) {
    this.#onGone = onGone
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#pull(),
        cancel: () => this.gone(),
      },
      // Nothing is taken in advance: what waits, waits in the queue above.
      { highWaterMark: 0 },
    )
  }

  get bufferedBytes(): number {
    return this.#bytes
  }

  push(part: StreamPart): void {
    if (this.#ending || this.#over) return
    this.#parts.push(part)
    this.#bytes += part.bytes
    this.#wake()
  }

  /** Ends behind what was pushed. A peer that does not take it is cut off. Idempotent. */
  end(): void {
    if (this.#ending || this.#over) return
    this.#ending = true
    setTimeout(() => this.#abort(), CLOSE_MS).unref()
    this.#wake()
  }

  /** The peer has gone. Idempotent. */
  gone(): void {
    if (this.#over) return
    this.#finish()
    this.#onGone()
  }

  /** Resolves once there was something: nobody would ask again after nothing. */
  #pull(): void | Promise<void> {
    if (this.#give()) return
    return new Promise((resolve) => {
      this.#asked = resolve
    })
  }

  #wake(): void {
    const asked = this.#asked
    if (asked === undefined || !this.#give()) return
    this.#asked = undefined
    asked()
  }

  /** Hands over what waits, or the end; false where there is neither. */
  #give(): boolean {
    let text = ''
    let count = 0
    while (count < this.#parts.length && text.length < CHUNK_BYTES) {
      const part = this.#parts[count]!
      count += 1
      this.#bytes -= part.bytes
      text += part.render()
    }
    this.#parts.splice(0, count)
    if (text !== '') this.#controller.enqueue(encoder.encode(text))
    if (!this.#ending || this.#parts.length > 0) return text !== ''
    this.#controller.close()
    this.#finish()
    return true
  }

  #abort(): void {
    if (this.#over) return
    this.#controller.error(new Error('The peer does not read.'))
    this.#finish()
  }

  #finish(): void {
    this.#over = true
    this.#parts.length = 0
    this.#bytes = 0
    this.#asked?.()
    this.#asked = undefined
  }
}
