import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { NotificationService } from '../../src/index.ts'
import { type CliOptions, type CliResult, killRuns, runCli, startCli } from '../support/cli.ts'
import { eventually } from '../support/eventually.ts'
import { PythonNotifications } from '../support/python-notifications.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
let namespace: string
let service: NotificationService

beforeAll(async () => {
  server = await RedisServer.start()
})
beforeEach(async () => {
  await server.admin.flushall()
  namespace = randomUUID()
  service = new NotificationService({ redis: server.url, namespace })
})
afterEach(async () => {
  killRuns()
  await service.close()
})
afterAll(() => server.stopWithoutLeaks())

const args = (...more: readonly string[]) => ['import-notifications', ...more, '--namespace', namespace]
const run = (more: readonly string[] = [], options: CliOptions = {}): Promise<CliResult> =>
  runCli(args(...more), { ...options, env: { REDIS_URL: server.url } })

const lines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

const item = (id: string, more = {}) => ({
  ...{
    id,
    type: 'info',
    title: id,
    message: `${id}!`,
    timestamp: '2026-11-20T10:00:00.123456',
    read: false,
    data: null,
  },
  ...more,
})

/** A list as it was kept: the last one that is given is the newest. */
async function keep(userId: string, ...items: readonly unknown[]): Promise<void> {
  const texts = items.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
  await server.admin.lpush(`user:${userId}:notifications`, ...texts)
}

async function shown(userId: string) {
  const { notifications } = await service.list(userId, { limit: 1_000, view: 'all' })
  return notifications
}

const titles = async (userId: string) => (await shown(userId)).map(({ title }) => title)

describe('import-notifications', () => {
  it("brings a Python service's lists: order, times, data and what was read; and changes nothing in them", async () => {
    await using peer = await PythonNotifications.start(server, 'ada')
    await peer.sendToUser('ada', 'info', 'first', 'ünï 💌', { order: 7 })
    const { id } = await peer.sendToUser('ada', 'warning', 'second', 'b')
    await peer.sendToUser('ada', 'error', 'third', '')
    await peer.markAsRead('ada', id)
    await peer.sendToUser('team:7', 'success', 'other', '')
    const before = [await peer.list('ada'), await peer.list('team:7')]

    const { code, stdout, stderr } = await run()
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^Imported 4 notifications \(1 read\) of 2 users in \d+\.\d s\.\n$/)
    const [theirs] = before
    expect(await shown('ada')).toMatchObject([
      { type: 'error', title: 'third', message: '', data: null, read: false, stored: true },
      { type: 'warning', title: 'second', message: 'b', data: null, read: true },
      { type: 'info', title: 'first', message: 'ünï 💌', data: { order: 7 }, read: false },
    ])
    // Python's times have no zone and are UTC; they have microseconds.
    const times = theirs!.map(({ timestamp }) => new Date(`${timestamp}Z`).toISOString())
    expect((await shown('ada')).map(({ timestamp }) => timestamp)).toEqual(times)
    expect(await titles('team:7')).toEqual(['other'])
    expect((await service.counts('ada')).counts).toMatchObject({ total: 3, unread: 2 })
    expect([await peer.list('ada'), await peer.list('team:7')]).toEqual(before)
  })

  it('run again brings only what is new, and leaves what users have done since', async () => {
    await keep('ada', item('a'), item('b', { read: true }), item('c'))
    expect(lines((await run(['--json'])).stdout)).toEqual([
      {
        ...{ kind: 'import', users: 1, inUse: 0, imported: 3, read: 1, already: 0, unwanted: 0, bad: 0 },
        ...{ dryRun: false, tookMs: expect.any(Number) },
      },
    ])
    const [c, b, a] = await shown('ada')
    expect([c!.read, b!.read, a!.read]).toEqual([false, true, false])
    await service.markAsRead('ada', c!.id)
    await service.delete('ada', a!.id)
    await keep('ada', item('d'))
    await keep('bob', item('a'))
    expect(lines((await run(['--json'])).stdout)).toMatchObject([{ users: 2, imported: 2, read: 0, already: 3 }])
    expect(await shown('ada')).toMatchObject([
      { title: 'd', read: false },
      { title: 'c', read: true },
      { title: 'b', read: true },
    ])
    expect(await titles('bob')).toEqual(['a'])
    expect((await run()).stdout).toMatch(/ in \d+\.\d s; 5 had been imported already\.\n$/)
  })

  it('interrupted in the middle and run again, has everything exactly once, and read what was read', async () => {
    const users = Array.from({ length: 60 }, (_, index) => `u${index}`)
    const ids = Array.from({ length: 100 }, (_, index) => `n${index}`)
    for (const user of users) await keep(user, ...ids.map((id, index) => item(id, { read: index % 3 === 0 })))
    const importing = startCli(args('--json'), { env: { REDIS_URL: server.url } })
    let frames = 0
    const watcher = server.admin.duplicate()
    watcher.on('pmessage', () => {
      frames += 1
      if (frames === 500) importing.signal('SIGINT')
    })
    await watcher.psubscribe(`${namespace}:*:live`)
    const { code, stdout, stderr } = await importing.end()
    watcher.disconnect()
    const [stopped] = lines(stdout) as [{ imported: number }]
    expect([code, stopped]).toMatchObject([130, { kind: 'stopped', already: 0, bad: 0, dryRun: false }])
    expect(stopped.imported).toBeGreaterThanOrEqual(500 - users.length)
    expect(stopped.imported).toBeLessThan(6_000)
    expect(stderr).toBe(
      `tidings: Stopped; ${stopped.imported} notifications were imported. Run it again to go on: nothing is imported twice.\n`,
    )
    const again = await run(['--json'])
    const { imported } = stopped
    expect([again.code, lines(again.stdout)]).toMatchObject([0, [{ imported: 6_000 - imported, already: imported }]])
    for (const user of users) {
      const notifications = await shown(user)
      expect(notifications.map(({ title }) => title)).toEqual(ids.toReversed())
      expect(notifications.map(({ read }) => read)).toEqual(ids.map((_, index) => index % 3 === 0).toReversed())
    }
  })

  it('tells no handler of old ones as of something new, and who follows the inbox has them all', async () => {
    const [handled, published]: [string[], string[]] = [[], []]
    const inbox = new Map<string, string>()
    const options = { redis: server.url, namespace }
    await using phone = new NotificationService(options)
    await phone.subscribeUser('ada', ({ title }) => handled.push(title), {
      onChange: (change) => {
        if (!change.reset) for (const { id, title } of change.changed) inbox.set(id, title)
      },
    })
    const python = server.admin.duplicate()
    python.on('message', (_channel, text) => published.push(JSON.parse(text).title))
    await python.subscribe('notifications:user:ada')
    await keep('ada', item('a'), item('b', { read: true }), item('c'))
    expect((await run()).code).toBe(0)
    await eventually(() => expect([...inbox.values()].sort()).toEqual(['a', 'b', 'c']))
    // What happens to an old one while a connection is down makes it no newer.
    const old = [...inbox.keys()]
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await service.archive('ada', old)
    await service.sendToUser('ada', { type: 'info', title: 'new', message: '' })
    await eventually(() => expect([handled, inbox.size]).toEqual([['new'], 4]))
    expect(published.filter((title) => title !== 'new')).toEqual([])
    python.disconnect()
  })

  it('counts and shows what it cannot import, goes on, and ends with 1', async () => {
    const bad = [
      '{"id":"a\u001b[31m',
      '"text"',
      item('', {}),
      item('b', { type: 'nope' }),
      item('c', { title: '' }),
      item('d', { message: 7 }),
      item('e', { timestamp: 'yesterday' }),
      item('f', { user_id: 'bob' }),
      item('g', { data: 'x'.repeat(70_000) }),
    ]
    await keep('ada', item('first'), ...bad, item('last', { user_id: 'ada' }))
    const { code, stdout, stderr } = await run()
    expect([code, stdout]).toMatchObject([
      1,
      expect.stringMatching(/^Imported 2 notifications \(0 read\) of 1 user in .*; 9 cannot be imported\.\n$/),
    ])
    const said = stderr.trim().split('\n')
    expect(said).toHaveLength(9)
    for (const line of said) expect(line).toMatch(/^tidings: Item \d of user:ada:notifications cannot be imported: /)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may reach the terminal
    expect(stderr).not.toMatch(/\u001b/)
    expect(await titles('ada')).toEqual(['last', 'first'])
    const json = lines((await run(['--json'])).stdout)
    expect(json.pop()).toMatchObject({ kind: 'import', imported: 0, already: 2, bad: 9 })
    for (const line of json) expect(line).toMatchObject({ kind: 'bad', key: 'user:ada:notifications' })
    expect(json.map(({ index, reason }) => [index, reason])).toEqual([
      [9, expect.stringContaining('It is no JSON: ')],
      [8, 'It is no JSON object.'],
      [7, 'It has no id.'],
      [6, 'The type "nope" is unknown.'],
      [5, expect.stringContaining('title')],
      [4, expect.stringContaining('message')],
      [3, 'It has no ISO timestamp.'],
      [2, 'It is for the user "bob".'],
      [1, expect.stringContaining('the limit is 65536')],
    ])
  })

  it('counts lists that can be of no user, leaves what is no list alone, and shows at most ten troubles', async () => {
    await keep('{}', item('x'))
    await keep('', item('x'))
    await server.admin.lpush(Buffer.from('user:\xff:notifications', 'latin1'), JSON.stringify(item('x')))
    await server.admin.set('user:text:notifications', 'no list')
    await keep('ada', item('good'), ...Array.from({ length: 20 }, () => 'bad'))
    const { code, stdout, stderr } = await run()
    expect([code, stdout]).toMatchObject([
      1,
      expect.stringMatching(/^Imported 1 .* of 1 user .*; 23 cannot be imported/),
    ])
    expect(stderr.trim().split('\n')).toHaveLength(10)
  })

  it('one that a list has twice comes once, read if one of the two was', async () => {
    await keep('ada', item('a'), item('b'), item('a', { read: true }), item('c'))
    expect(lines((await run(['--json'])).stdout)).toMatchObject([{ imported: 3, read: 1, bad: 0 }])
    expect(await shown('ada')).toMatchObject([{ title: 'c' }, { title: 'b', read: false }, { title: 'a', read: true }])
  })

  it('leaves out what a user has muted', async () => {
    await service.mute('ada', { types: ['warning'] })
    await keep('ada', item('a'), item('b', { type: 'warning' }))
    expect((await run()).stdout).toContain('Imported 1 notification (0 read) of 1 user in ')
    expect(lines((await run(['--json'])).stdout)).toMatchObject([{ imported: 0, already: 1, unwanted: 1 }])
    expect(await titles('ada')).toEqual(['a'])
  })

  it('warns of users whose inboxes had something that was not imported', async () => {
    await service.sendToUser('ada', { type: 'info', title: 'live', message: '' })
    await keep('ada', item('a'), item('b'))
    await keep('bob', item('a'))
    const warning = /^tidings: 1 user had other notifications already, and what w.* imported counts as newer .*\n$/
    const dry = await run(['--dry-run'])
    expect([dry.code, dry.stderr]).toEqual([0, expect.stringMatching(warning)])
    const { code, stderr } = await run()
    expect([code, stderr]).toEqual([0, expect.stringMatching(warning)])
    expect(await titles('ada')).toEqual(['b', 'a', 'live'])
    // Now the newest are imported ones, and nothing is new.
    expect(await run()).toMatchObject({ code: 0, stderr: '' })
    await service.sendToUser('bob', { type: 'info', title: 'live', message: '' })
    expect(await run()).toMatchObject({ code: 0, stderr: '' })
    await keep('bob', item('c'))
    expect(lines((await run(['--json'])).stdout)).toMatchObject([{ users: 2, inUse: 1, imported: 1 }])
  })

  it('removes nothing that is there', async () => {
    await using large = new NotificationService({ redis: server.url, namespace, maxCount: 200 })
    for (let n = 0; n < 120; n += 1) await large.sendToUser('ada', { type: 'info', title: `own${n}`, message: '' })
    await keep('ada', item('old'))
    expect((await run()).code).toBe(0)
    expect(await titles('ada')).toHaveLength(121)
  })

  it('--dry-run counts and does nothing; --key-pattern names other lists', async () => {
    await server.admin.lpush('shop:ada:n', JSON.stringify(item('a', { read: true })), JSON.stringify(item('b')))
    await keep('bob', item('x'))
    const before = (await server.admin.keys('*')).sort()
    const pattern = ['--key-pattern', 'shop:*:n']
    expect(await run([...pattern, '--dry-run'])).toMatchObject({
      code: 0,
      stdout: 'Would import 2 notifications (1 read) of 1 user. Nothing was done.\n',
      stderr: '',
    })
    expect(lines((await run([...pattern, '--dry-run', '--json'])).stdout)).toMatchObject([
      { imported: 2, read: 1, dryRun: true },
    ])
    expect((await server.admin.keys('*')).sort()).toEqual(before)
    expect((await run(pattern)).code).toBe(0)
    expect([await titles('ada'), await titles('bob')]).toEqual([['b', 'a'], []])
  })

  it('shows a line on a terminal, and takes it away', async () => {
    for (let n = 0; n < 40; n += 1) await keep(`u${n}`, ...Array.from({ length: 50 }, (_, index) => item(`n${index}`)))
    const { stdout } = await run([], { terminal: true })
    const [before, ...drawn] = stdout.split('\r\u001b[K')
    expect(before).toBe('')
    expect(drawn.pop()).toMatch(/^Imported 2000 notifications \(0 read\) of 40 users in [^\n]*\r\n$/)
    expect(drawn.length).toBeGreaterThan(0)
    for (const line of drawn) expect(line).toMatch(/^ *\d+% [█░]{24} \d+\/40 /)
  })

  it('stops when Redis goes away, and says that it can be run again', async () => {
    const own = await RedisServer.start()
    try {
      const texts = Array.from({ length: 10_000 }, (_, index) => JSON.stringify(item(`n${index}`)))
      await own.admin.lpush('user:ada:notifications', ...texts)
      const importing = startCli(args(), { env: { REDIS_URL: own.url } })
      const watcher = own.admin.duplicate({ retryStrategy: () => null })
      watcher.on('error', () => {})
      const begun = new Promise((resolve) => watcher.once('pmessage', resolve))
      await watcher.psubscribe(`${namespace}:*:live`)
      await begun
      await own.kill()
      watcher.disconnect()
      const { code, stdout, stderr } = await importing.end()
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(/tidings: Stopped; \d+ notifications? w\w+ imported\. Run it again to go on/)
    } finally {
      await own.stop()
    }
  })

  it.each([
    [['--key-pattern', 'user:notifications'], 'The option "keyPattern" must be a name with one "*"'],
    [['--key-pattern', '*:*'], 'one "*" for the user'],
    [['--key-pattern', 'user:[a]*'], 'one "*" for the user'],
    [['--prefix', ''], 'The option "channelPrefix"'],
    [['--redis', 'memory:'], 'In memory there are no lists to import.'],
    [['extra'], 'too many arguments'],
  ])('refuses %j with 2', async (more, says) => {
    const { code, stdout, stderr } = await run(more)
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(says)])
  })
})
