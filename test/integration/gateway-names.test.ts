import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openApi } from '../support/api.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/gateway.ts'
import { RedisServer } from '../support/redis-server.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(() => redis.stopWithoutLeaks())

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** In everything that a client says here, and in nothing else. */
const MARK = 'zq7'
const HOSTILE = [
  ...[
    `${MARK}*`,
    `*${MARK}`,
    `${MARK}?`,
    `${MARK}[a-z]`,
    `${MARK}\\*`,
    `{${MARK}}`,
    `${MARK}{tag}`,
    `${MARK}\n`,
    `${MARK}\r\n`,
  ],
  ...[
    `${MARK}\0`,
    `${MARK} `,
    `${MARK}'`,
    `${MARK}"`,
    `${MARK}]] return redis.call('FLUSHALL') --`,
    `${MARK}%2A`,
    `${MARK}é`,
  ],
  ...[`${MARK}\ud800`, `__proto__${MARK}`, `${MARK}:live:log:x`, `tidings:${MARK}`, MARK],
]

test('nothing that a client says is a pattern, a name of another kind, or a part of a script', {
  timeout: 60_000,
}, async () => {
  const api = await openApi({
    connection: { redis: redis.url, namespace: randomUUID() },
    limits: { commandsPerSecond: 10_000 },
  })
  ending.push(api.close)
  await api.bus.policies.apply({ [`${MARK}*`]: { history: { maxCount: 10 } } })
  const commands: string[][] = []
  const monitor = await redis.admin.monitor()
  ending.push(() => monitor.disconnect())
  monitor.on('monitor', (_time: string, args: string[]) => commands.push(args))

  const client = connectClient(api.url, { token: `user:ada${MARK}` })
  ending.push(() => client.disconnect())
  await client.ready()
  const tried: Promise<unknown>[] = []
  const attempt = (call: Promise<unknown>) => tried.push(call.catch(() => {}))
  for (const name of HOSTILE) {
    attempt(client.publish(name, name))
    attempt(client.history(name, { limit: 5, since: { offset: 1, epoch: name } }))
    attempt(client.presence(name))
    attempt(client.presenceStats(name))
    const subscription = client.newSubscription(name, { since: { offset: 0, epoch: name }, token: `sub:${name}` })
    subscription.subscribe()
    attempt(subscription.ready(2_000))
    attempt(client.rpc(name, { id: name }))
    for (const method of ['read', 'unread', 'archive', 'delete'])
      attempt(client.rpc(`inbox.${method}`, { ids: [name] }))
    for (const method of ['follow', 'unfollow']) attempt(client.rpc(`inbox.${method}`, { topic: name }))
    attempt(client.rpc('inbox.list', { type: name, topic: name, before: name }))
    attempt(client.rpc('inbox.list', { topic: name }))
    attempt(client.rpc('inbox.sync', { state: name }))
    attempt(client.rpc('inbox.read-all', { upTo: name }))
    attempt(client.rpc('inbox.act', { id: name, action: name }))
    attempt(client.rpc('inbox.mute', { mutedTypes: [name], mutedTopics: [name] }))
    attempt(client.rpc('inbox.mute', { mutedTypes: [], mutedTopics: [name] }))
    const query = new URLSearchParams({ topic: name, before: name })
    const part = encodeURIComponent(name.toWellFormed())
    attempt(api.user(part, 'GET', `/v1/inbox?${query}`))
    attempt(api.user('ada', 'PUT', `/v1/inbox/topics/${part}`))
    attempt(api.user('ada', 'POST', `/v1/inbox/${part}/act`, { action: name }))
  }
  await Promise.all(tried)
  // What is published after it is seen after it.
  await redis.admin.publish('the end', '')
  await eventually(() => expect(commands.at(-1)).toContain('the end'))

  // A good name comes as far as Redis, so the bad ones would have been seen.
  const marked = commands.filter((args) => args.slice(1).some((arg) => arg.includes(MARK)))
  const names = new Set(marked.map(([name]) => name!.toLowerCase()))
  expect(names).toContain('subscribe')
  expect(names).toContain('publish')
  for (const name of [
    'psubscribe',
    'punsubscribe',
    'keys',
    'scan',
    'sscan',
    'hscan',
    'zscan',
    'sort',
    'script',
    'eval_ro',
  ]) {
    expect(names).not.toContain(name)
  }
  const scripts = commands.filter(([name]) => /^(eval|script)$/i.test(name!)).map(([, ...args]) => args)
  for (const [text, load] of scripts) expect(`${text} ${/^load$/i.test(text!) ? load : ''}`).not.toContain(MARK)
  // Channels of clients are what their names say, and no more.
  const channels = marked.filter(([name]) => /^(subscribe|publish)$/i.test(name!)).map(([, channel]) => channel!)
  for (const channel of channels) expect(channel).not.toMatch(/[*?[\]\\\s\0'"]/)
  // A key has one tag, that of its partition, and all else in it is a name.
  const keys = marked.filter(([name]) =>
    /^(get|set|hset|hget|hgetall|hmget|xadd|zadd|zrange|sadd|del|exists)$/i.test(name!),
  )
  for (const [, key] of keys) expect(key).toMatch(/^[^{}]*\{[\w.]+\}:[^{}\p{Cc}]*$/u)
  expect(await redis.admin.exists('x')).toBe(0)
  expect(api.errors).toEqual([])
})
