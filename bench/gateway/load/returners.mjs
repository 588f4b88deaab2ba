/** Clients that connect again when their server has gone, and go on where they were: each message once and in order. */
import { serve } from '../serving.mjs'
import { Connection } from './connection.mjs'
import { protocols } from './protocols.mjs'

/** As the SDK waits before it connects again: at first, from half a second to one. */
const RETRY_MS = 500
const AT_ONCE = 100

class Returner {
  offset = 0
  epoch = ''
  recovered = 0
  isHere = false
  #user
  #text = ''

  /** @param {string | undefined} user */
  constructor(user) {
    this.#user = user
  }

  /** @returns {Promise<void>} */
  connect() {
    return new Promise((resolve) => {
      this.#text = ''
      new Connection(
        port,
        { ...protocols.tidings, hello: [this.#hello()] },
        {
          ready: (text) => {
            this.isHere = true
            this.#read(text)
            resolve()
          },
          piece: ({ bytes, from, to, ends }) => {
            this.#text += bytes.toString('latin1', from, to)
            if (!ends) return
            this.#read(this.#text)
            this.#text = ''
          },
          closed: () => {
            this.isHere = false
            setTimeout(() => this.connect(), RETRY_MS * (1 + Math.random()))
          },
        },
      )
    })
  }

  #hello() {
    const connect = this.#user === undefined ? {} : { token: this.#user }
    const since = this.epoch === '' ? {} : { recover: true, offset: this.offset, epoch: this.epoch }
    return `${JSON.stringify({ id: 1, connect })}\n${JSON.stringify({ id: 2, subscribe: { channel: 'room', ...since } })}`
  }

  /** @param {string} text */
  #read(text) {
    for (const line of text.split('\n')) {
      const { id, subscribe, push } = JSON.parse(line)
      if (id === 2) {
        for (const { offset } of subscribe.publications ?? []) this.#see(offset)
        if (subscribe.was_recovering) {
          if (!subscribe.recovered) throw new Error('What a client missed was not recovered.')
          this.recovered += 1
        } else this.offset = subscribe.offset
        this.epoch = subscribe.epoch
      } else if (push?.pub !== undefined) {
        this.#see(push.pub.offset)
        if (push.pub.epoch !== undefined) this.epoch = push.pub.epoch
      } else if (push?.unsubscribe !== undefined) throw new Error(`A client was unsubscribed: ${line}`)
    }
  }

  /** @param {number} offset */
  #see(offset) {
    if (offset !== this.offset + 1) throw new Error(`A client got ${offset} after ${this.offset}.`)
    this.offset = offset
  }
}

/** @type {Returner[]} */
const clients = []
let port = 0

serve({
  /** @param {number} at @param {number} count @param {boolean} users whether each is a user of its own */
  async connect(at, count, users) {
    port = at
    for (let made = 0; made < count; made += AT_ONCE) {
      const some = Array.from(
        { length: Math.min(AT_ONCE, count - made) },
        (_, n) => new Returner(users ? `user${made + n}` : undefined),
      )
      clients.push(...some)
      await Promise.all(some.map((client) => client.connect()))
    }
  },

  /** Where they connect from now on. @param {number} at */
  moveTo(at) {
    port = at
  },

  /** Resolves once all have been recovered. */
  async recovered() {
    while (clients.some(({ recovered, isHere }) => recovered === 0 || !isHere))
      await new Promise((resolve) => setTimeout(resolve, 20))
  },

  /** Resolves once all have got everything up to there. @param {number} offset */
  async upTo(offset) {
    while (clients.some((client) => client.offset < offset)) await new Promise((resolve) => setTimeout(resolve, 20))
  },
})
