import assert from 'node:assert/strict'
import { until } from './awaiting.ts'
import { type PubSubCase, pubSubCase } from './pub-sub-case.ts'

const ignore = () => {}

/** Who is there: receivers, subscribers, active channels and patterns. */
export const countCases: readonly PubSubCase[] = [
  pubSubCase('a lone publish has no receivers', async ({ client, name }) => {
    const publisher = await client()
    assert.equal(await publisher.publish(name('a'), 'x'), 0)
  }),

  pubSubCase('counts one receiver for each client and each of its matching patterns', async ({ client, name }) => {
    const [one, two] = [await client(), await client()]
    await one.subscribe('channel', name('a'), ignore)
    assert.equal(await two.publish(name('a'), 'x'), 1)
    await one.subscribe('channel', name('a'), ignore)
    assert.equal(await two.publish(name('a'), 'x'), 1)
    await one.subscribe('pattern', name('*'), ignore)
    await one.subscribe('pattern', name('?'), ignore)
    assert.equal(await two.publish(name('a'), 'x'), 3)
    await two.subscribe('channel', name('a'), ignore)
    await two.subscribe('pattern', name('*'), ignore)
    await two.subscribe('pattern', name('??'), ignore)
    assert.equal(await one.publish(name('a'), 'x'), 5)
  }),

  pubSubCase('a thousand publishes at once resolve each to its own count', async ({ client, name }) => {
    const [one, two] = [await client(), await client()]
    await one.subscribe('channel', name('1'), ignore)
    for (const each of [one, two]) await each.subscribe('channel', name('2'), ignore)
    const calls = Array.from({ length: 1_000 }, (_, number) => one.publish(name(String(number % 3)), 'x'))
    assert.deepEqual(
      await Promise.all(calls),
      calls.map((_, number) => number % 3),
    )
  }),

  pubSubCase('counts the subscribers of each channel, in the order asked', async ({ client, name }) => {
    const [one, two] = [await client(), await client()]
    await one.subscribe('channel', name('a'), ignore)
    for (const each of [one, two]) await each.subscribe('channel', name('b'), ignore)
    await one.subscribe('pattern', name('*'), ignore)
    assert.deepEqual(await two.subscriberCounts(['b', 'none', 'a', 'b'].map(name)), [2, 0, 1, 2])
    assert.deepEqual(await two.subscriberCounts([]), [])
  }),

  pubSubCase('names the channels that have a subscriber and match', async ({ client, name }) => {
    const [one, two] = [await client(), await client()]
    for (const ending of ['user:1', 'user:2', 'order:1']) await one.subscribe('channel', name(ending), ignore)
    await two.subscribe('channel', name('user:1'), ignore)
    await two.subscribe('pattern', name('user:*'), ignore)
    assert.deepEqual((await two.activeChannels(name('*'))).sort(), ['order:1', 'user:1', 'user:2'].map(name))
    assert.deepEqual((await one.activeChannels(name('user:?'))).sort(), ['user:1', 'user:2'].map(name))
    assert.deepEqual(await one.activeChannels(name('none:*')), [])
  }),

  pubSubCase('counts distinct patterns', async ({ client, name }) => {
    const [one, two] = [await client(), await client()]
    await until(() => one.patternCount(), 0, 'the number of patterns')
    for (const each of [one, two]) await each.subscribe('pattern', name('*'), ignore)
    await two.subscribe('pattern', name('?'), ignore)
    await two.subscribe('channel', name('a'), ignore)
    assert.equal(await one.patternCount(), 2)
  }),

  pubSubCase('what is released is soon counted no more', async ({ client, name }) => {
    const [one, two] = [await client(), await client()]
    const byChannel = await one.subscribe('channel', name('a'), ignore)
    const byPattern = await one.subscribe('pattern', name('*'), ignore)
    assert.equal(await two.publish(name('a'), 'x'), 2)
    byChannel.release()
    byPattern.release()
    await until(() => two.publish(name('a'), 'x'), 0, 'the number of receivers')
    assert.deepEqual(await two.activeChannels(name('*')), [])
    await until(() => two.patternCount(), 0, 'the number of patterns')
  }),
]
