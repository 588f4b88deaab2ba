const CALLERS = 1_000

/**
 * Publishes messages through Tidings, each by one of many callers that await it; the last one when all others are out.
 * Rejects unless each got to exactly one receiver.
 *
 * @param {string} url @param {{ channel: string, text: string }[]} messages @param {'publish' | 'append'} through
 */
export function prepareFeed(url, messages, through) {
  return async () => {
    const { Publisher } = await import('../dist/index.js')
    const publisher = new Publisher({ redis: url })
    const last = messages.length - 1
    let next = 0
    let wrong = 0
    const one = async () => {
      const { channel, text } = /** @type {{ channel: string, text: string }} */ (messages[next++])
      const receivers =
        through === 'append'
          ? (await publisher.append(channel, text)).receivers
          : await publisher.publish(channel, text)
      if (receivers !== 1) wrong += 1
    }
    const loop = async () => {
      while (next < last) await one()
    }
    await Promise.all(Array.from({ length: CALLERS }, loop))
    await one()
    await publisher.close()
    if (wrong > 0) throw new Error(`${wrong} messages of the load did not get to exactly one receiver.`)
  }
}
