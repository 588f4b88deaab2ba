const NEWLINE = 10
const MAX_HEADER = 10
/** Bytes up to which a loop is faster than what is native. */
const SHORT = 1_024

/** A masked text frame, as clients send it: the mask is zero, which costs nothing. Source: RFC 6455, section 5.2. @param {string} text */
export function maskedFrame(text) {
  const payload = Buffer.from(text)
  if (payload.length > 65_535) throw new Error('Too long for this client.')
  const header =
    payload.length < 126 ? [0x81, 0x80 | payload.length] : [0x81, 0x80 | 126, payload.length >> 8, payload.length & 255]
  return Buffer.concat([Buffer.from(header), Buffer.alloc(4), payload])
}

/**
 * Reads frames of a server without copying them: a client that costs the machine so little that what is measured is the
 * server. Frames may be cut anywhere.
 */
export class FrameReader {
  #left = 0
  #size = 0
  #opcode = 0
  #header = Buffer.alloc(MAX_HEADER)
  #headerBytes = 0
  #take

  /**
   * @param {(piece: { bytes: Buffer, from: number, to: number, opcode: number, size: number, ends: boolean }) => void} take
   * gets the payload piece by piece
   */
  constructor(take) {
    this.#take = take
  }

  /** @param {Buffer} bytes @param {number} from @param {number} end */
  read(bytes, from, end) {
    let at = from
    for (;;) {
      if (this.#left === 0) {
        const next = this.#readHeader(bytes, at, end)
        if (next === -1) return
        at = next
      }
      const to = Math.min(end, at + this.#left)
      this.#left -= to - at
      this.#take({ bytes, from: at, to, opcode: this.#opcode, size: this.#size, ends: this.#left === 0 })
      at = to
      if (at >= end && this.#left > 0) return
    }
  }

  /** The place behind the header, or -1 while it is not whole. @param {Buffer} bytes @param {number} from @param {number} end */
  #readHeader(bytes, from, end) {
    let at = from
    const header = this.#header
    for (;;) {
      const second = header[1] ?? 0
      const length = second & 127
      const whole = this.#headerBytes < 2 ? 2 : length < 126 ? 2 : length === 126 ? 4 : 10
      if (this.#headerBytes === whole && this.#headerBytes >= 2) {
        this.#opcode = (header[0] ?? 0) & 15
        this.#size = whole === 2 ? length : whole === 4 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2))
        this.#left = this.#size
        this.#headerBytes = 0
        return at
      }
      if (at >= end) return -1
      header[this.#headerBytes] = bytes[at] ?? 0
      this.#headerBytes += 1
      at += 1
    }
  }
}

/** @param {Buffer} bytes @param {number} from @param {number} to */
export function newlines(bytes, from, to) {
  let count = 0
  if (to - from < SHORT) {
    for (let at = from; at < to; at += 1) if (bytes[at] === NEWLINE) count += 1
    return count
  }
  const piece = bytes.subarray(from, to)
  for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, at + 1)) count += 1
  return count
}
