import assert from 'node:assert/strict'
import { TidingsError } from '../core/errors.ts'
import { inTime, until } from './awaiting.ts'
import { Inbox } from './inbox.ts'
import { type PubSubCase, pubSubCase } from './pub-sub-case.ts'

const ignore = () => {}

function assertClosed(call: Promise<unknown>): Promise<void> {
  return assert.rejects(call, (error) => error instanceof TidingsError && error.code === 'CLOSED')
}

/** Opening, closing, and what is reported of it. */
export const lifecycleCases: readonly PubSubCase[] = [
  pubSubCase('reports being connected once and being closed once', async ({ client, name }) => {
    const pubSub = await client()
    const reports: string[] = []
    const unheard: string[] = []
    const closed = new Promise<void>((resolve) => {
      pubSub.onStatus(({ kind }) => {
        reports.push(kind)
        if (kind === 'closed') resolve()
      })
    })
    pubSub.onStatus(({ kind }) => unheard.push(kind))()
    await pubSub.publish(name('a'), 'x')
    await pubSub.subscribe('channel', name('a'), ignore)
    await pubSub.subscribe('pattern', name('*'), ignore)
    await pubSub.patternCount()
    await Promise.all([pubSub.close(), pubSub.close()])
    await pubSub.close()
    await inTime(closed, 'the report of being closed')
    assert.deepEqual(reports, ['connected', 'closed'])
    assert.deepEqual(unheard, [])
  }),

  pubSubCase('closes without ever having been used', async ({ client, name }) => {
    const pubSub = await client()
    await pubSub.close()
    await assertClosed(pubSub.publish(name('a'), 'x'))
  }),

  pubSubCase('rejects every call with CLOSED from the call of close on', async ({ client, name }) => {
    const pubSub = await client()
    const handle = await pubSub.subscribe('channel', name('a'), ignore)
    const closing = pubSub.close()
    for (let round = 0; round < 2; round += 1) {
      await assertClosed(pubSub.publish(name('a'), 'x'))
      await assertClosed(pubSub.subscribe('channel', name('a'), ignore))
      await assertClosed(pubSub.subscribe('pattern', name('*'), ignore))
      await assertClosed(pubSub.activeChannels('*'))
      await assertClosed(pubSub.subscriberCounts([name('a')]))
      await assertClosed(pubSub.patternCount())
      await closing
    }
    handle.release()
  }),

  pubSubCase('delivers nothing from the call of close on, what is on its way included', async (tools) => {
    const { client, name } = tools
    const [publisher, closer, witness] = [await client(), await client(), await client()]
    const [inbox, witnessed] = [new Inbox(), new Inbox()]
    let closing: Promise<void> | undefined
    for (const kind of ['channel', 'pattern'] as const) {
      await closer.subscribe(kind, name('a'), (message) => {
        inbox.listener(message)
        if (inbox.messages.length === 3) closing = closer.close()
      })
    }
    await witness.subscribe('channel', name('a'), witnessed.listener)
    await Promise.all(Array.from({ length: 100 }, () => publisher.publish(name('a'), 'x')))
    await witnessed.has(100)
    await inbox.has(3)
    await closing
    await publisher.publish(name('a'), 'last')
    await witnessed.has(101)
    assert.equal(inbox.messages.length, 3)
  }),

  pubSubCase('lets go out what was accepted before close', async ({ client, name }) => {
    const [publisher, subscriber] = [await client(), await client()]
    const inbox = new Inbox()
    await subscriber.subscribe('channel', name('a'), inbox.listener)
    const calls = Array.from({ length: 100 }, (_, number) => publisher.publish(name('a'), String(number)))
    await publisher.close()
    assert.deepEqual(await Promise.all(calls), new Array(100).fill(1))
    await inbox.has(100)
    assert.deepEqual(
      inbox.texts,
      calls.map((_, number) => String(number)),
    )
  }),

  pubSubCase('takes its subscriptions along when it closes, and nobody else’s', async ({ client, name }) => {
    const [goes, stays] = [await client(), await client()]
    await until(() => stays.patternCount(), 0, 'the number of patterns')
    const inbox = new Inbox()
    for (const each of [goes, stays]) await each.subscribe('channel', name('a'), inbox.listener)
    await goes.subscribe('channel', name('b'), ignore)
    await goes.subscribe('pattern', name('*'), ignore)
    assert.deepEqual(await stays.subscriberCounts([name('a'), name('b')]), [2, 1])
    await goes.close()
    await until(async () => String(await stays.subscriberCounts([name('a'), name('b')])), '1,0', 'the subscribers')
    await until(() => stays.patternCount(), 0, 'the number of patterns')
    assert.deepEqual(await stays.activeChannels(name('*')), [name('a')])
    assert.equal(await stays.publish(name('a'), 'x'), 1)
    await inbox.has(1)
  }),

  pubSubCase('settles a subscription that close overtakes, and delivers nothing to it', async ({ client, name }) => {
    const [closer, witness] = [await client(), await client()]
    const [inbox, witnessed] = [new Inbox(), new Inbox()]
    await witness.subscribe('channel', name('a'), witnessed.listener)
    const overtaken = closer.subscribe('channel', name('a'), inbox.listener).then(ignore, (error: unknown) => error)
    await closer.close()
    const error = await inTime(overtaken, 'the subscription to settle')
    if (error !== undefined) await assertClosed(Promise.reject(error))
    await until(() => witness.publish(name('a'), 'x'), 1, 'the number of receivers')
    await witnessed.has(1)
    assert.equal(inbox.messages.length, 0)
  }),
]
