/** Many clients in one process, which count what they get. Argument: of which server they are. */
import { constants, setPriority } from 'node:os'
import { eachAge } from '../message.mjs'
import { serve } from '../serving.mjs'
import { Connection } from './connection.mjs'
import { newlines } from './frames.mjs'
import { protocols } from './protocols.mjs'

const AT_ONCE = 100
const SELDOM_MS = 30

const protocol = protocols[/** @type {import('./protocols.mjs').Arm} */ (process.argv[2])]
/** @type {{ count: number }[]} */
const clients = []
let count = 0
let expected = 0
let lastAtNs = 0n
let timing = false
/** @type {number[]} */
let ages = []
let done = () => {}
const note = (/** @type {number} */ us) => {
  ages.push(us)
}

/** @param {number} port */
function join(port) {
  return new Promise((resolve, reject) => {
    const client = { count: 0 }
    clients.push(client)
    new Connection(port, protocol, {
      ready: resolve,
      piece: ({ bytes, from, to, ends }) => {
        const seen = newlines(bytes, from, to) + (ends ? 1 : 0)
        client.count += seen
        count += seen
        if (timing) eachAge(bytes, from, to, Number(process.hrtime.bigint()), note)
        if (count < expected) return
        lastAtNs = process.hrtime.bigint()
        done()
      },
      closed: () => reject(new Error('A client was closed.')),
    })
  })
}

serve({
  /** @param {readonly number[]} ports @param {number} total */
  async connect(ports, total) {
    for (let made = 0; made < total; made += AT_ONCE) {
      const size = Math.min(AT_ONCE, total - made)
      await Promise.all(
        Array.from({ length: size }, (_, n) => join(/** @type {number} */ (ports[(made + n) % ports.length]))),
      )
    }
  },

  /** @param {number} each messages that each client is to get from now on @param {boolean} times whether to note how long they took */
  expect(each, times) {
    count = 0
    for (const client of clients) client.count = 0
    expected = each * clients.length
    timing = times
    ages = []
  },

  /** Reads all that has come every so often, where a processor has nothing else to do. */
  readSeldom() {
    setPriority(constants.priority.PRIORITY_LOW)
    const nothing = new Int32Array(new SharedArrayBuffer(4))
    const sleep = () => {
      Atomics.wait(nothing, 0, 0, SELDOM_MS)
      setImmediate(sleep)
    }
    sleep()
  },

  /** Resolves when everybody has got everything: to when that was, and the ages in microseconds. */
  async finished() {
    await new Promise((resolve) => {
      done = () => resolve(undefined)
      if (count >= expected) done()
    })
    const each = expected / clients.length
    const wrong = clients.filter((client) => client.count !== each).length
    if (wrong > 0) throw new Error(`${wrong} clients did not get each message exactly once.`)
    return { atNs: String(lastAtNs), ages: timing ? ages : undefined }
  },

  /** One that is subscribed, to a channel of its own too, and then reads nothing. @param {number} port */
  async sleep(port) {
    /** @type {Connection | undefined} */
    let sleeper
    await new Promise((resolve) => {
      const filler = '{"id":3,"subscribe":{"channel":"filler"}}'
      sleeper = new Connection(
        port,
        {
          ...protocol,
          hello: [`${protocol.hello[0]}\n${filler}`],
          next: (text) => (text.includes('"id":3') ? 'ready' : undefined),
        },
        { ready: resolve, piece: () => {}, closed: () => {} },
      )
    })
    sleeper?.pause()
  },
})
