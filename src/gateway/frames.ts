/** Beyond this, a WebSocket frame says its length in eight bytes. */
const MAX_16_BITS = 65_535
const FIN_AND_TEXT = 0x81

/** Frames for clients: JSON, one a line. Made once for however many clients get them. */
export class Frames {
  readonly text: string
  #websocket: Buffer | undefined

  constructor(text: string) {
    this.text = text
  }

  /**
   * The text as one unmasked WebSocket text message with its header, ready for the socket.
   * Source: RFC 6455, section 5.2.
   */
  get websocket(): Buffer {
    this.#websocket ??= frame(this.text)
    return this.#websocket
  }

  get bytes(): number {
    return this.websocket.length
  }
}

function frame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const headerBytes = length < 126 ? 2 : length <= MAX_16_BITS ? 4 : 10
  const buffer = Buffer.allocUnsafe(headerBytes + length)
  buffer[0] = FIN_AND_TEXT
  if (length < 126) buffer[1] = length
  else if (length <= MAX_16_BITS) {
    buffer[1] = 126
    buffer.writeUInt16BE(length, 2)
  } else {
    buffer[1] = 127
    buffer.writeBigUInt64BE(BigInt(length), 2)
  }
  buffer.write(text, headerBytes)
  return buffer
}
