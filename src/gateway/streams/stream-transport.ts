import type { Transport, TransportName } from '../contract.ts'
import { Frames } from '../frames.ts'
import { StreamBody } from './stream-body.ts'

/** Carries frames to a client in a response that goes on; what the client sends comes in other requests. */
export class StreamTransport implements Transport {
  readonly name: TransportName
  readonly body: StreamBody
  readonly #encode: (lines: string) => string
  #closed = false

  constructor(name: TransportName, encode: (lines: string) => string, onGone: () => void) {
    this.name = name
    this.body = new StreamBody(onGone)
    this.#encode = encode
  }

  get bufferedBytes(): number {
    return this.body.bufferedBytes
  }

  write(frames: Frames): void {
    this.body.push({ bytes: frames.bytes, render: () => this.#encode(frames.text) })
  }

  /** Here it is a frame that tells why. */
  close(code: number, reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.write(new Frames(JSON.stringify({ push: { disconnect: { code, reason } } })))
    this.body.end()
  }
}

/** Lines as they are. */
export function encodeLines(lines: string): string {
  return `${lines}\n`
}

/** Lines as the data of one event. Source: the HTML standard, "Server-sent events". */
export function encodeEvent(lines: string): string {
  return `data: ${lines.replaceAll('\n', '\ndata: ')}\n\n`
}
