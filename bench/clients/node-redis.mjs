import { createClient } from 'redis'

/** @param {string} url */
async function open(url) {
  const client = createClient({ url })
  client.on('error', (error) => {
    throw error
  })
  await client.connect()
  return client
}

/** node-redis with its defaults: it joins the commands of one tick by itself. @type {import('./contract.mjs').Client} */
export const nodeRedis = {
  async publisher(url) {
    const client = await open(url)
    return { publish: (channel, text) => client.publish(channel, text), close: () => client.close() }
  },

  async receiver(url) {
    const client = await open(url)
    return {
      async subscribe(channel, handlers) {
        for (const handler of handlers) await client.subscribe(channel, (text) => handler(JSON.parse(text)))
      },
      close: () => client.close(),
    }
  },
}
