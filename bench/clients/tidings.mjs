import { Publisher, Subscriber } from '../../dist/index.js'

/** The built package, as a user gets it. @type {import('./contract.mjs').Client} */
export const tidings = {
  async publisher(url) {
    const publisher = new Publisher({ redis: url })
    return { publish: (channel, text) => publisher.publish(channel, text), close: () => publisher.close() }
  },

  async receiver(url) {
    const subscriber = new Subscriber({ redis: url })
    subscriber.on('error', (error) => {
      throw error
    })
    return {
      subscribe: (channel, handlers) =>
        Promise.all(handlers.map((handler) => subscriber.subscribe(channel, (_channel, message) => handler(message)))),
      psubscribe: (patterns, handler) =>
        Promise.all(
          patterns.map((pattern) => subscriber.psubscribe(pattern, (_pattern, _channel, message) => handler(message))),
        ),
      close: () => subscriber.close(),
    }
  },
}
