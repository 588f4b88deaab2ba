import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { readEvent } from '../../src/client/event-data.ts'
import { decodeInboxFrame, encodeInboxFrame } from '../../src/core/inbox-frame.ts'
import { decodeFrame, encodeFrame } from '../../src/core/live-frame.ts'
import { Message } from '../../src/core/message.ts'
import { readControlCommand } from '../../src/gateway/control-message.ts'
import { publicationJson } from '../../src/gateway/publication.ts'
import { EventBus, NotificationService, TidingsError } from '../../src/index.ts'
import { decodeEvent, encodeEvent } from '../../src/messaging/event.ts'
import { readItem, whyNot } from '../../src/notifications/article-item.ts'
import { decodeBroadcastEntry } from '../../src/notifications/broadcast-log.ts'
import { decodeForeign } from '../../src/notifications/foreign-notification.ts'
import { parseState } from '../../src/notifications/state-token.ts'
import { parsePosition } from '../../src/protocol/position.ts'
import { eventually } from '../support/eventually.ts'
import { Chance, enough, heapInUse, inputs, ODD_JSON, SEED } from '../support/fuzz.ts'

const COUNT = inputs(100_000)
const NAMES = [
  ...['type', 'timestamp', 'data', 'id', 'title', 'message', 'kind', 'body', 'userId', 'user_id', 'channel', 'code'],
  ...['reason', 'expiresAtMs', 'beforeMs', 'session', 'expires_at', 'actions', 'key', 'label', 'url', 'topic', 'count'],
  ...['read', 'replyTo', '__proto__', 'constructor', 'toJSON', 'then'],
]
const VALUES = [
  ...ODD_JSON,
  ...['"info"', '"order.created"', '"edit"', '"recall"', '"disconnect"', '"revoke"', '"emulation"', '"b_1"', '"ada"'],
  ...['"2026-11-24T09:00:00Z"', '"2026-11-24T09:00:00"', '["a"]', '[{"key":"k","label":"l","url":"https://x/"}]'],
]
const ALPHABET = [...'{}[]":,0123456789-*. \n\r\0\\abcxyzTZ+é\u2028\ud800', '__proto__', '\\u0000', 'null', '1e999']

const NOTIFICATION = {
  id: 'n1',
  type: 'info',
  title: 't',
  message: 'm',
  timestamp: '2026-11-24T09:00:00.000Z',
  data: null,
  actions: [{ key: 'k', label: 'l', url: 'https://example.com/' }],
  expires_at: '2026-11-25T09:00:00.000Z',
}
const GOOD = [
  encodeEvent('order.created', { id: 1 }),
  JSON.stringify(NOTIFICATION),
  JSON.stringify({ id: 'b_1', kind: 'edit', body: NOTIFICATION }),
  JSON.stringify({ kind: 'disconnect', userId: 'ada', code: 4_000, reason: 'r' }),
  JSON.stringify({ kind: 'emulation', session: 's', data: '{}' }),
  encodeInboxFrame({
    ...{ epoch: 'e', gen: 1, rev: 2, kind: 'sent', nowMs: 3, nextChangeAtMs: 4 },
    ...{ own: [{ seq: 1, gen: 1 }], removed: [], broadcasts: 'all' },
  }),
  String(
    encodeFrame('e', [{ seq: 1, gen: 1, channel: 'c', timeMs: 1, counter: 0, payload: Buffer.from('"x"') }], true),
  ),
  '1-1@k3j9x2m4p8q1.1.1-1@k3j9x2m4p8q1.1',
]

function make(chance: Chance): string {
  switch (chance.below(4)) {
    case 0:
      return chance.json(NAMES, VALUES, 3)
    case 1: {
      // One that is good but for one member.
      const text = chance.one(GOOD)
      if (!text.startsWith('{')) return chance.mutant(text, ALPHABET, GOOD)
      const name = JSON.stringify(chance.one(Object.keys(JSON.parse(text) as object)))
      return `${text.slice(0, -1)},${name}:${chance.one(VALUES)}}`
    }
    case 2:
      return chance.text(ALPHABET, 60)
    default:
      return chance.mutant(chance.one(GOOD), ALPHABET, GOOD)
  }
}

/** What everybody who listens to Redis reads: anybody may have written it. */
const READERS: Readonly<Record<string, (message: Message) => unknown>> = {
  event: ({ value, channel }) => decodeEvent(value, channel),
  'event of a client': ({ value, channel }) => readEvent(value, channel, undefined),
  'frame of a log': ({ bytes, channel }) => decodeFrame(bytes, channel),
  'frame of an inbox': ({ text }) => decodeInboxFrame(text),
  command: ({ text }) => readControlCommand(text),
  notification: (message) => decodeForeign(message, 'ada'),
  broadcast: (message) => decodeBroadcastEntry(message, message.channel),
  'change of a broadcast': (message) => decodeBroadcastEntry(message, 'other'),
  position: ({ text }) => parsePosition(text),
  state: ({ text }) => parseState(text),
  publication: (message) => {
    const json = publicationJson(message)
    expect(json).not.toMatch(/[\r\n]/)
    return JSON.parse(json)
  },
  'item of a list': ({ bytes }) => {
    try {
      return readItem(bytes, 'ada', 65_536)
    } catch (error) {
      // It is skipped, and why is said.
      return whyNot(error)
    }
  },
}

test(`messages at random are taken for what they are, or refused as what they are not (seed ${SEED})`, {
  timeout: enough(COUNT),
}, async () => {
  const chance = new Chance(SEED)
  let usedBefore = 0
  for (let n = 0; n < COUNT; n += 1) {
    if (n === Math.floor(COUNT / 4)) usedBefore = await heapInUse()
    const message = new Message('c', Buffer.from(make(chance)))
    for (const [what, read] of Object.entries(READERS)) {
      try {
        read(message)
      } catch (error) {
        const { code } = error as { code?: string }
        if (code === 'INVALID_EVENT') continue
        throw new Error(`The ${what} ${JSON.stringify(message.text)} is a crash: ${String(error)}`, { cause: error })
      }
    }
  }
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  expect((await heapInUse()) - usedBefore).toBeLessThan(20_000_000)
})

test(`who listens reports what is none, and goes on (seed ${SEED})`, { timeout: enough(COUNT) }, async () => {
  const redis = `memory:${randomUUID()}`
  const errors: unknown[] = []
  const onError = (error: unknown) => {
    if (!(error instanceof TidingsError)) errors.push(error)
  }
  const bus = new EventBus({ redis, onError })
  const notifications = new NotificationService({ redis, onError })
  const got: unknown[] = []
  await bus.on('order.created', ({ data }) => got.push(data))
  const inbox = await notifications.subscribeUser('ada', ({ title }) => got.push(title))
  const chance = new Chance(SEED)
  const channels = ['events:order.created', 'notifications:user:ada', 'notifications:broadcast']
  for (let n = 0; n < COUNT / 10; n += 1) {
    await bus.publisher.publish(chance.one(channels), make(chance))
    if (n % 100 === 0) got.length = 0
  }
  await bus.emit('order.created', 'good')
  await notifications.sendToUser('ada', { type: 'info', title: 'good, too', message: '' })
  await eventually(() => expect(got).toEqual(expect.arrayContaining(['good', 'good, too'])))
  expect(errors).toEqual([])
  // What was kept of it is read as well.
  const { notifications: listed } = await notifications.list('ada', { view: 'all', limit: 100 })
  expect(listed[0]?.title).toBe('good, too')
  await inbox.unsubscribe()
  await notifications.close()
  await bus.close()
})
