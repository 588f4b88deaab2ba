import { once } from 'node:events'
import { connect } from 'node:net'

const CHUNK_BYTES = 64 * 1024
const CHUNKS_IN_FLIGHT = 8

/** @param {string} channel @param {string} text */
function publishCommand(channel, text) {
  return `*3\r\n$7\r\nPUBLISH\r\n$${Buffer.byteLength(channel)}\r\n${channel}\r\n$${Buffer.byteLength(text)}\r\n${text}\r\n`
}

/**
 * Everything to publish, encoded before the clock starts, so that the load costs this machine next to nothing.
 *
 * @param {Iterable<{ channel: string, text: string }>} messages
 */
export function encodeLoad(messages) {
  /** @type {{ bytes: Buffer, count: number }[]} */
  const chunks = []
  let text = ''
  let count = 0
  const cut = () => {
    if (count > 0) chunks.push({ bytes: Buffer.from(text), count })
    text = ''
    count = 0
  }
  for (const message of messages) {
    text += publishCommand(message.channel, message.text)
    count += 1
    if (text.length >= CHUNK_BYTES) cut()
  }
  cut()
  return chunks
}

/**
 * Publishes prepared chunks over one bare socket, pipelined. Rejects if Redis refuses a message or counts no receiver
 * for it.
 *
 * @param {number} port @param {{ bytes: Buffer, count: number }[]} chunks
 */
export async function pump(port, chunks) {
  const total = chunks.reduce((sum, { count }) => sum + count, 0)
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const answers = new Answers()
  let written = 0
  let next = 0
  /** @type {number[]} for each chunk in flight, the number of answers that settles it */
  const inFlight = []
  const write = () => {
    while (next < chunks.length && inFlight.length < CHUNKS_IN_FLIGHT) {
      const chunk = /** @type {{ bytes: Buffer, count: number }} */ (chunks[next])
      written += chunk.count
      inFlight.push(written)
      socket.write(chunk.bytes)
      next += 1
    }
  }
  try {
    await new Promise((resolve, reject) => {
      socket.on('data', (/** @type {Buffer} */ bytes) => {
        if (!answers.take(bytes)) reject(new Error(`Redis answered the load with ${JSON.stringify(String(bytes))}.`))
        while (Number(inFlight[0]) <= answers.count) inFlight.shift()
        if (answers.count === total) resolve(undefined)
        else write()
      })
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('Redis closed the connection of the load generator.')))
      write()
    })
  } finally {
    socket.destroy()
  }
}

const [MINUS, ZERO, COLON, LINE_END] = /** @type {[number, number, number, number]} */ ([...Buffer.from('-0:\n')])

/** Counts the answers to publishes without decoding them. */
class Answers {
  count = 0
  #last = 0

  /** False for an error, and for an answer of no receivers. @param {Buffer} bytes */
  take(bytes) {
    for (const byte of bytes) {
      if (byte === MINUS || (byte === ZERO && this.#last === COLON)) return false
      if (byte === LINE_END) this.count += 1
      this.#last = byte
    }
    return true
  }
}
