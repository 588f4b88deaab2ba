import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { assertUserId } from '../../src/core/user-id.ts'
import type { Frames } from '../../src/gateway/frames.ts'
import { Chance, enough, inputs, SEED } from '../support/fuzz.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { RedisServer } from '../support/redis-server.ts'

const COUNT = inputs(100_000)

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(() => redis.stopWithoutLeaks())

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

const TEXT = 'only for bob to read'
/** Few letters, so that one is often a part, a start or a relative of another. */
const ALPHABET = [
  'b',
  'o',
  'B',
  ':',
  '%',
  '*',
  '?',
  '[',
  ']',
  '\\',
  '-',
  '0',
  ' ',
  '/',
  '.',
  '\u0301',
  'bob',
  '%62',
  'live',
]

function otherUser(chance: Chance): string {
  for (;;) {
    const id = chance.below(2) === 0 ? chance.mutant('bob', ALPHABET, ['bob']) : chance.text(ALPHABET, 6)
    try {
      assertUserId(id)
      if (id !== 'bob' && !id.includes('!')) return id
    } catch {
      // Nobody can be called that.
    }
  }
}

/** A user's client, which asks for one thing after the other. */
async function connected({ gateway }: TestGateway, userId: string) {
  const answers = new Map<number, (line: string) => void>()
  const heard: string[] = []
  const write = (frames: Frames) => {
    for (const line of frames.text.split('\n')) {
      heard.push(line)
      const { id } = JSON.parse(line) as { id?: number }
      answers.get(id ?? 0)?.(line)
    }
  }
  const transport = { name: 'websocket', bufferedBytes: 0, write, close: () => {} } as const
  const session = gateway.node.open({ headers: {}, ip: userId, transport: 'websocket' }, transport)
  let count = 0
  const ask = (command: object): Promise<string> => {
    count += 1
    const id = count
    const answer = new Promise<string>((resolve) => answers.set(id, resolve))
    session.receive(JSON.stringify({ id, ...command }))
    return answer.finally(() => answers.delete(id))
  }
  await ask({ connect: { token: `user:${userId}` } })
  return { ask, heard, end: () => session.ended() }
}

describe.each([
  ['memory', COUNT],
  ['Redis', COUNT / 10],
])('the inbox of a user, on %s', (where, count) => {
  test(`is read and changed by no other of many, whatever id they ask for (seed ${SEED})`, {
    timeout: enough(count * 2),
  }, async () => {
    const place =
      where === 'memory' ? { redis: `memory:${randomUUID()}` } : { redis: redis.url, namespace: randomUUID() }
    const opened = await openGateway({ connection: place, limits: { commandsPerSecond: 1_000_000 } })
    ending.push(opened.close)
    const { notifications } = opened
    const own: string[] = []
    for (let n = 0; n < 5; n += 1) {
      const notification = {
        type: 'info',
        title: TEXT,
        message: TEXT,
        topic: TEXT,
        actions: [{ label: TEXT }],
      } as const
      own.push((await notifications.sendToUser('bob', notification)).id!)
    }
    const before = await notifications.list('bob', { view: 'all' })
    const { state } = await notifications.counts('bob')
    const chance = new Chance(SEED)
    const good = [...own, state, before.next ?? own[0]!, 'bob', 'b_0']
    const id = () => (chance.below(3) === 0 ? chance.one(good) : chance.mutant(chance.one(good), ALPHABET, good))
    const data = (): object => {
      // Whoever names a user is told nothing of it.
      const named = { userId: 'bob', user: 'bob', user_id: 'bob' }
      const what: readonly (readonly [string, object])[] = [
        ['list', { before: id(), view: 'all', limit: 100 }],
        ['list', { topic: TEXT }],
        ['sync', { state: id() }],
        ['read', { ids: [id(), id()] }],
        ['delete', { ids: [id()] }],
        ['archive', { ids: [id()] }],
        ['act', { id: id(), action: TEXT }],
        ['snooze', { id: id(), until: '2030-01-01T00:00:00Z' }],
        ['read-all', { upTo: id() }],
        ['preferences', {}],
      ]
      const [method, some] = chance.one(what)
      return { rpc: { method: `inbox.${method}`, data: chance.below(5) === 0 ? { ...some, ...named } : some } }
    }
    const channels = ['#inbox', 'notifications:user:bob', 'notifications:bob', 'tidings:x']
    let asked = 0
    const somebody = async () => {
      const client = await connected(opened, otherUser(chance))
      for (let n = 0; n < 50; n += 1) {
        asked += 1
        const history = { history: { channel: chance.one(channels), limit: 10 } }
        await client.ask(chance.below(20) === 0 ? history : data())
      }
      client.end()
      expect(client.heard.filter((line) => line.includes(TEXT))).toEqual([])
    }
    while (asked < count) await Promise.all(Array.from({ length: 20 }, somebody))
    const { notifications: listed, counts } = await notifications.list('bob', { view: 'all' })
    expect([listed, counts]).toEqual([before.notifications, before.counts])
    // And who it is for is told as before.
    const bob = await connected(opened, 'bob')
    expect(await bob.ask({ rpc: { method: 'inbox.list', data: {} } })).toContain(TEXT)
    bob.end()
  })
})
