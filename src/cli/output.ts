import type { Writable } from 'node:stream'
import { jsonLine, quote } from './escape.ts'

/** Where the reader of a pipe does not keep up, this much is held back for it before the command gives up. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024

/** A value that is JSON: shown as one line of JSON in every form of output. */
export class Json {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }
}

/** What Redis could have answered: redis-cli's output is defined over these. */
export type Reply = string | Uint8Array | number | Json | readonly Reply[]

/** The same as an object with stable names, for `--json`. */
export type JsonRecord = Readonly<Record<string, unknown>>

/** `terminal` and `raw` look like redis-cli with and without a terminal; `json` is one object per line. */
export type Format = 'terminal' | 'raw' | 'json'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes as JSON can hold them: their text where they are UTF-8, else `{ base64 }`. */
export function bytesAsJson(bytes: Uint8Array): string | { readonly base64: string } {
  try {
    return utf8.decode(bytes)
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') }
  }
}

/** Writes results to stdout, each in the one form that the command line was asked for. */
export class Output {
  readonly format: Format
  readonly #stream: Writable

  constructor(stream: Writable, format: Format) {
    this.#stream = stream
    this.format = format
  }

  /** One result: `reply` for people and pipes; for `--json` the same as one object, or a line for each of several. */
  print(reply: Reply, record: JsonRecord | readonly JsonRecord[]): void {
    if (this.format === 'terminal') this.#stream.write(`${terminalForm(reply)}\n`)
    else if (this.format === 'raw') this.#stream.write(rawForm(reply))
    else for (const line of [record].flat()) this.#stream.write(`${jsonLine(line)}\n`)
  }

  /** A result that is a text made for people, printable already; `record` for `--json`. */
  tell(text: string, record: JsonRecord): void {
    this.#stream.write(this.format === 'json' ? `${jsonLine(record)}\n` : text)
  }

  /** What only a person at a terminal wants to read. */
  remark(text: string): void {
    if (this.format === 'terminal') this.#stream.write(text)
  }

  /** The reader is so far behind that to go on would only fill memory. */
  get overflowing(): boolean {
    return this.#stream.writableLength > MAX_WAITING_BYTES
  }
}

function terminalForm(reply: Reply): string {
  if (typeof reply === 'number') return `(integer) ${reply}`
  if (reply instanceof Json) return jsonLine(reply.value)
  if (typeof reply === 'string' || reply instanceof Uint8Array) return quote(reply)
  if (reply.length === 0) return '(empty array)'
  const width = String(reply.length).length
  return reply.map((item, index) => `${String(index + 1).padStart(width)}) ${terminalForm(item)}`).join('\n')
}

/** One value per line, bytes untouched. */
function rawForm(reply: Reply): Uint8Array {
  const parts: Uint8Array[] = []
  const collect = (item: Reply): void => {
    if (Array.isArray(item)) item.forEach(collect)
    else if (item instanceof Uint8Array) parts.push(item, NEWLINE)
    else parts.push(Buffer.from(item instanceof Json ? jsonLine(item.value) : String(item)), NEWLINE)
  }
  collect(reply)
  return Buffer.concat(parts)
}

const NEWLINE = Buffer.from('\n')
