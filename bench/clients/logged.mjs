import { EventBus, Publisher, Subscriber } from '../../dist/index.js'

/** What every channel of the bench begins with. */
const PREFIX = 'bench:'

/** A bus whose channels all keep their newest entries. @param {string} url @param {number} maxCount */
export async function loggedBus(url, maxCount) {
  const bus = new EventBus({ redis: url, channelPrefix: PREFIX })
  await bus.policies.apply({ '*': { history: { maxCount } } })
  return bus
}

const MAX_COUNT = 10_000

/** @param {string} url */
async function keepHistory(url) {
  await (await loggedBus(url, MAX_COUNT)).close()
}

/** `append` to channels with history; a receipt says the receivers, too. @type {import('./contract.mjs').Client} */
export const append = {
  async publisher(url) {
    await keepHistory(url)
    const publisher = new Publisher({ redis: url })
    return { publish: (channel, text) => publisher.append(channel, text), close: () => publisher.close() }
  },

  async receiver(url) {
    await keepHistory(url)
    const subscriber = new Subscriber({ redis: url })
    subscriber.on('error', (error) => {
      throw error
    })
    subscriber.on('status', (status) => {
      if (status.kind === 'gap') throw new Error(`Lost: ${JSON.stringify(status.gap)}.`)
    })
    return {
      subscribe: (channel, handlers) =>
        Promise.all(handlers.map((handler) => subscriber.subscribe(channel, (_channel, message) => handler(message)))),
      close: () => subscriber.close(),
    }
  },
}

/**
 * `emit` of an event bus, which keeps the event where its type has history. The envelope has about as many bytes as
 * the other arms' text; of that only the number is used.
 *
 * @type {Pick<import('./contract.mjs').Client, 'publisher'>}
 */
export const emit = {
  async publisher(url) {
    const bus = await loggedBus(url, MAX_COUNT)
    const first = '{"n":'.length
    return {
      publish: (channel, text) =>
        bus.emit(channel.slice(PREFIX.length), { n: Number(text.slice(first, first + 9)), total: 149.97 }),
      close: () => bus.close(),
    }
  },
}
