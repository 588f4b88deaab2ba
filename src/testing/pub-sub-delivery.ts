import assert from 'node:assert/strict'
import type { SubscriptionHandle } from '../core/pub-sub.ts'
import { nextTurn } from './awaiting.ts'
import { Inbox } from './inbox.ts'
import { type PubSubCase, pubSubCase } from './pub-sub-case.ts'

/** What reaches whom, and in what order. */
export const deliveryCases: readonly PubSubCase[] = [
  pubSubCase('delivers what is published after subscribing, and nothing from before', async ({ client, name }) => {
    const [publisher, subscriber] = [await client(), await client()]
    const inbox = new Inbox()
    await publisher.publish(name('a'), 'before')
    await subscriber.subscribe('channel', name('a'), inbox.listener)
    await publisher.publish(name('a'), 'after')
    await inbox.has(1)
    assert.deepEqual(inbox.texts, ['after'])
    assert.equal(inbox.messages[0]?.channel, name('a'))
  }),

  pubSubCase('delivers to every client, the publishing one included', async ({ client, name }) => {
    const clients = [await client(), await client(), await client()]
    const inboxes = clients.map(() => new Inbox())
    for (const [at, each] of clients.entries()) await each.subscribe('channel', name('a'), inboxes[at]!.listener)
    await clients[0]!.publish(name('a'), 'to all')
    for (const inbox of inboxes) await inbox.has(1)
    for (const inbox of inboxes) assert.deepEqual(inbox.texts, ['to all'])
  }),

  pubSubCase('keeps the order of a publisher over 10,000 messages, two channels and a pattern', async (tools) => {
    const { client, name } = tools
    const [publisher, subscriber] = [await client(), await client()]
    const [onChannels, onPattern] = [new Inbox(), new Inbox()]
    await subscriber.subscribe('channel', name('even'), onChannels.listener)
    await subscriber.subscribe('channel', name('odd'), onChannels.listener)
    await subscriber.subscribe('pattern', name('*'), onPattern.listener)
    const expected = Array.from({ length: 10_000 }, (_, number) => String(number))
    const published: Promise<number>[] = []
    for (const number of expected) {
      const sent = publisher.publish(name(Number(number) % 2 === 0 ? 'even' : 'odd'), number)
      published.push(sent)
      // Some together in one tick, some in later ticks, some after an answer.
      if (Number(number) % 97 === 0) await sent
      else if (Number(number) % 31 === 0) await nextTurn()
      else if (Number(number) % 7 === 0) await null
    }
    await Promise.all(published)
    await onChannels.has(10_000)
    await onPattern.has(10_000)
    assert.deepEqual(onChannels.texts, expected)
    assert.deepEqual(onPattern.texts, expected)
  }),

  pubSubCase('gives all listeners of a channel the same message object', async ({ client, name }) => {
    const subscriber = await client()
    const inboxes = [new Inbox(), new Inbox(), new Inbox()]
    for (const inbox of inboxes) await subscriber.subscribe('channel', name('a'), inbox.listener)
    await subscriber.publish(name('a'), '{"n":1}')
    for (const inbox of inboxes) await inbox.has(1)
    const [first] = inboxes[0]!.messages
    for (const inbox of inboxes) assert.equal(inbox.messages[0], first)
    assert.deepEqual(first?.value, { n: 1 })
  }),

  pubSubCase('delivers by channel and by every matching pattern', async ({ client, name }) => {
    const subscriber = await client()
    const [exact, wide, narrow, other] = [new Inbox(), new Inbox(), new Inbox(), new Inbox()]
    await subscriber.subscribe('channel', name('user:1'), exact.listener)
    await subscriber.subscribe('pattern', name('*'), wide.listener)
    await subscriber.subscribe('pattern', name('user:[0-9]'), narrow.listener)
    await subscriber.subscribe('pattern', name('order:*'), other.listener)
    await subscriber.publish(name('user:1'), 'x')
    await subscriber.publish(name('order:1'), 'y')
    for (const inbox of [exact, narrow, other]) await inbox.has(1)
    await wide.has(2)
    assert.deepEqual([exact.texts, wide.texts, narrow.texts, other.texts], [['x'], ['x', 'y'], ['x'], ['y']])
    assert.deepEqual(
      wide.messages.map((message) => message.channel),
      [name('user:1'), name('order:1')],
    )
  }),

  pubSubCase('calls a listener once for each place that it holds', async ({ client, name }) => {
    const subscriber = await client()
    const inbox = new Inbox()
    const first = await subscriber.subscribe('channel', name('a'), inbox.listener)
    await subscriber.subscribe('channel', name('a'), inbox.listener)
    await subscriber.publish(name('a'), 'twice')
    await inbox.has(2)
    first.release()
    await subscriber.publish(name('a'), 'once')
    await subscriber.publish(name('a'), 'last')
    await inbox.has(4)
    assert.deepEqual(inbox.texts, ['twice', 'twice', 'once', 'last'])
  }),

  pubSubCase('gives a released listener nothing more, what is on its way included', async ({ client, name }) => {
    const [publisher, subscriber] = [await client(), await client()]
    const [released, marker] = [new Inbox(), new Inbox()]
    const handle: SubscriptionHandle = await subscriber.subscribe('channel', name('a'), (message) => {
      released.listener(message)
      if (released.messages.length === 3) handle.release()
    })
    await subscriber.subscribe('channel', name('a'), marker.listener)
    await Promise.all(Array.from({ length: 100 }, (_, number) => publisher.publish(name('a'), String(number))))
    await marker.has(100)
    assert.deepEqual(released.texts, ['0', '1', '2'])
  }),

  pubSubCase('releasing twice costs no other listener its place', async ({ client, name }) => {
    const subscriber = await client()
    const [gone, stays] = [new Inbox(), new Inbox()]
    const handle = await subscriber.subscribe('pattern', name('*'), gone.listener)
    await subscriber.subscribe('pattern', name('*'), stays.listener)
    handle.release()
    handle.release()
    await subscriber.publish(name('a'), 'x')
    await stays.has(1)
    assert.deepEqual([gone.texts, stays.texts], [[], ['x']])
  }),

  pubSubCase('delivers again after releasing and subscribing anew, however quickly', async ({ client, name }) => {
    const subscriber = await client()
    const inbox = new Inbox()
    for (let round = 1; round <= 20; round += 1) {
      const handle = await subscriber.subscribe('channel', name('a'), inbox.listener)
      await subscriber.publish(name('a'), String(round))
      await inbox.has(round)
      handle.release()
    }
    assert.equal(inbox.messages.length, 20)
  }),

  pubSubCase('a listener may subscribe and release while it is called', async ({ client, name }) => {
    const subscriber = await client()
    const [outer, inner] = [new Inbox(), new Inbox()]
    const subscribed = new Promise<void>((resolve, reject) => {
      const place = subscriber.subscribe('channel', name('a'), (message) => {
        outer.listener(message)
        void place.then((handle) => handle.release())
        subscriber.subscribe('channel', name('b'), inner.listener).then(() => resolve(), reject)
      })
      place.then(() => subscriber.publish(name('a'), 'first')).catch(reject)
    })
    await subscribed
    await subscriber.publish(name('a'), 'unheard')
    await subscriber.publish(name('b'), 'second')
    await inner.has(1)
    assert.deepEqual([outer.texts, inner.texts], [['first'], ['second']])
  }),

  pubSubCase('takes several subscriptions to one name at once', async ({ client, name }) => {
    const subscriber = await client()
    const inboxes = Array.from({ length: 10 }, () => new Inbox())
    const handles = await Promise.all(
      inboxes.map((inbox) => subscriber.subscribe('channel', name('a'), inbox.listener)),
    )
    handles[0]!.release()
    await subscriber.publish(name('a'), 'x')
    for (const inbox of inboxes.slice(1)) await inbox.has(1)
    assert.equal(inboxes[0]!.messages.length, 0)
  }),

  pubSubCase('a further place for what is subscribed costs no round trip', async ({ client, name }) => {
    const subscriber = await client()
    for (const kind of ['channel', 'pattern'] as const) {
      await subscriber.subscribe(kind, name('a'), () => {})
      let resolved = false
      const further = subscriber
        .subscribe(kind, name('a'), () => {})
        .then(() => {
          resolved = true
        })
      await nextTurn()
      assert.equal(resolved, true)
      await further
    }
  }),
]
