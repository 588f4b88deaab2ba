import assert from 'node:assert/strict'
import type { Message } from '../core/message.ts'
import { Inbox } from './inbox.ts'
import { type PubSubCase, pubSubCase } from './pub-sub-case.ts'

function bytesOf(message: Message | undefined): number[] {
  return [...(message?.bytes ?? [])]
}

/** Names that programs have been seen to trip over. */
const ODD_NAMES = [
  'a]b',
  '[a',
  '*',
  '?',
  'back\\slash',
  'constructor',
  'toString',
  'hasOwnProperty',
  '0',
  'with space',
  'line\r\nbreak',
  'nul\0byte',
  '$6',
]

/** What may travel, and under what names. */
export const payloadCases: readonly PubSubCase[] = [
  pubSubCase('carries every byte value unchanged', async ({ client, name }) => {
    const subscriber = await client()
    const inbox = new Inbox()
    await subscriber.subscribe('channel', name('a'), inbox.listener)
    const all = Uint8Array.from({ length: 256 }, (_, value) => value)
    await subscriber.publish(name('a'), all)
    await subscriber.publish(name('a'), all.subarray(200, 203))
    await inbox.has(2)
    assert.deepEqual(bytesOf(inbox.messages[0]), [...all])
    assert.deepEqual(bytesOf(inbox.messages[1]), [200, 201, 202])
  }),

  pubSubCase('carries the empty message, as text and as bytes', async ({ client, name }) => {
    const subscriber = await client()
    const inbox = new Inbox()
    await subscriber.subscribe('channel', name('a'), inbox.listener)
    assert.equal(await subscriber.publish(name('a'), ''), 1)
    assert.equal(await subscriber.publish(name('a'), new Uint8Array()), 1)
    await inbox.has(2)
    assert.deepEqual(inbox.texts, ['', ''])
    assert.deepEqual(bytesOf(inbox.messages[1]), [])
  }),

  pubSubCase('carries 65 KB and a megabyte', async ({ client, name }) => {
    const subscriber = await client()
    const inbox = new Inbox()
    await subscriber.subscribe('channel', name('a'), inbox.listener)
    const large = 'é'.repeat(32_768)
    const larger = Buffer.alloc(1_048_576, 'tidings')
    await Promise.all([subscriber.publish(name('a'), large), subscriber.publish(name('a'), larger)])
    await inbox.has(2)
    assert.ok(inbox.messages[0]?.text === large)
    assert.ok(larger.equals(inbox.messages[1]!.bytes))
  }),

  pubSubCase('carries text beyond ASCII, in names and patterns too', async ({ client, name }) => {
    const subscriber = await client()
    const [exact, byPattern] = [new Inbox(), new Inbox()]
    await subscriber.subscribe('channel', name('grüße:日本:😀'), exact.listener)
    await subscriber.subscribe('pattern', name('gr??ße:*:😀'), byPattern.listener)
    assert.equal(await subscriber.publish(name('grüße:日本:😀'), 'ünï→😀'), 2)
    await exact.has(1)
    await byPattern.has(1)
    for (const inbox of [exact, byPattern]) {
      assert.deepEqual(inbox.texts, ['ünï→😀'])
      assert.equal(inbox.messages[0]?.channel, name('grüße:日本:😀'))
    }
    assert.deepEqual(await subscriber.activeChannels(name('*')), [name('grüße:日本:😀')])
    assert.deepEqual(await subscriber.subscriberCounts([name('grüße:日本:😀')]), [1])
  }),

  pubSubCase('takes a channel by its literal name, whatever it looks like', async ({ client }) => {
    const [publisher, subscriber] = [await client(), await client()]
    for (const odd of ODD_NAMES) {
      const inbox = new Inbox()
      const handle = await subscriber.subscribe('channel', odd, inbox.listener)
      assert.equal(await publisher.publish(odd, odd), 1, odd)
      await inbox.has(1)
      assert.deepEqual([inbox.messages[0]?.channel, inbox.texts], [odd, [odd]])
      assert.deepEqual(await publisher.subscriberCounts([odd]), [1], odd)
      handle.release()
    }
  }),

  pubSubCase('nobody listens to a name that nobody subscribed to', async ({ client, name }) => {
    const publisher = await client()
    for (const odd of ['valueOf', 'isPrototypeOf', 'length', name('a')]) {
      assert.equal(await publisher.publish(odd, 'x'), 0, odd)
      assert.deepEqual(await publisher.subscriberCounts([odd]), [0], odd)
    }
  }),
]
