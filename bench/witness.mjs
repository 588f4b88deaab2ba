import { once } from 'node:events'
import { connect } from 'node:net'
import { Tally } from './payload.mjs'

/**
 * A subscriber on a bare socket that only keeps what comes and reads it after the clock has stopped: it proves
 * what arrived and costs the measurement a few reads a second.
 */
export class Witness {
  /** @type {Buffer[]} */
  #chunks = []

  /** @param {import('node:net').Socket} socket @param {string} channel */
  constructor(socket, channel) {
    this.socket = socket
    this.channel = channel
    socket.on('data', (/** @type {Buffer} */ bytes) => this.#chunks.push(bytes))
    socket.on('error', () => {})
  }

  /** Resolves once Redis has confirmed the subscription. @param {number} port @param {string} channel */
  static async subscribe(port, channel) {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(`SUBSCRIBE ${channel}\r\n`)
    await once(socket, 'data')
    return new Witness(socket, channel)
  }

  /**
   * Call when every publish has been answered: what Redis has sent us before now arrives before the answer to our
   * own PING. Throws unless each of the messages 0 … total - 1 came exactly once.
   *
   * @param {number} total
   */
  async verify(total) {
    const end = '*2\r\n$4\r\npong\r\n$3\r\nend\r\n'
    this.socket.write('PING end\r\n')
    let text = ''
    for (;;) {
      if (this.#chunks.length === 0) await once(this.socket, 'data')
      text += Buffer.concat(this.#chunks.splice(0)).toString('latin1')
      if (text.endsWith(end)) break
    }
    const tally = new Tally(total)
    const head = `*3\r\n$7\r\nmessage\r\n$${this.channel.length}\r\n${this.channel}\r\n`
    let count = 0
    for (const frame of text.slice(0, -end.length).split(head).slice(1)) {
      const message = JSON.parse(frame.slice(frame.indexOf('\n') + 1))
      tally.see(message.data?.n ?? message.n)
      count += 1
    }
    if (count !== total) throw new Error(`Wrong deliveries: ${count} messages instead of ${total}.`)
    tally.verify()
  }

  close() {
    this.socket.destroy()
  }
}
