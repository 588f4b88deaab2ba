import { connect } from 'node:net'
import { FrameReader, maskedFrame } from './frames.mjs'
import { upgradeRequest } from './protocols.mjs'

const END_OF_HEAD = '\r\n\r\n'
const TEXT = 1
/** No message is that short: a ping. */
const PING_BYTES = 2
/** What is read is looked at before the next read, so all connections share it. */
const shared = Buffer.alloc(256 * 1024)

/**
 * One WebSocket connection.
 *
 * @typedef {{ bytes: Buffer, from: number, to: number, size: number, ends: boolean }} Piece
 */
export class Connection {
  ready = false
  #socket
  #protocol
  #onPiece
  #onReady
  #head = ''
  #upgraded = false
  #text = ''
  #pong

  /**
   * @param {number} port @param {import('./protocols.mjs').Protocol} protocol
   * @param {{ ready(text: string): void, piece(piece: Piece): void, closed(): void }} listener
   */
  constructor(port, protocol, { ready, piece, closed }) {
    this.#protocol = protocol
    this.#onPiece = piece
    this.#onReady = ready
    this.#pong = maskedFrame(protocol.pong)
    const reader = new FrameReader((each) => this.#take(each))
    const callback = (/** @type {number} */ count) => {
      const from = this.#upgraded ? 0 : this.#upgrade(count)
      if (from !== -1) reader.read(shared, from, count)
      return true
    }
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: shared, callback } })
    this.#socket.on('connect', () => this.#socket.write(upgradeRequest(protocol.path)))
    this.#socket.on('error', () => {})
    this.#socket.on('close', closed)
  }

  /** Reads no more. */
  pause() {
    this.#socket.pause()
  }

  close() {
    this.#socket.destroy()
  }

  /** Where frames begin, or -1. @param {number} count */
  #upgrade(count) {
    const before = this.#head.length
    this.#head += shared.toString('latin1', 0, count)
    const end = this.#head.indexOf(END_OF_HEAD)
    if (end === -1) return -1
    if (!this.#head.startsWith('HTTP/1.1 101')) throw new Error(`Refused: ${this.#head}`)
    this.#head = ''
    this.#upgraded = true
    for (const text of this.#protocol.hello) this.#socket.write(maskedFrame(text))
    if (this.#protocol.path === '/') this.#becomeReady('')
    return end + END_OF_HEAD.length - before
  }

  /** @param {Piece & { opcode: number }} piece */
  #take(piece) {
    if (piece.opcode !== TEXT) return
    if (piece.size <= PING_BYTES && (this.ready || this.#protocol.pong !== '')) {
      if (piece.ends) this.#socket.write(this.#pong)
      return
    }
    if (this.ready) {
      this.#onPiece(piece)
      return
    }
    this.#text += piece.bytes.toString('utf8', piece.from, piece.to)
    if (!piece.ends) return
    const next = this.#protocol.next(this.#text)
    const text = this.#text
    this.#text = ''
    if (next === 'ready') this.#becomeReady(text)
    else if (next !== undefined) this.#socket.write(maskedFrame(next))
  }

  /** @param {string} text */
  #becomeReady(text) {
    this.ready = true
    this.#onReady(text)
  }
}
