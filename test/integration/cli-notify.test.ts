import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Notification, NotificationService } from '../../src/index.ts'
import { type CliOptions, type CliResult, killRuns, runCli } from '../support/cli.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
let names: { readonly namespace: string; readonly channelPrefix: string }
let service: NotificationService

beforeAll(async () => {
  server = await RedisServer.start()
})
beforeEach(async () => {
  names = { namespace: randomUUID(), channelPrefix: `${randomUUID()}:` }
  service = new NotificationService({ redis: server.url, ...names })
})
afterEach(async () => {
  killRuns()
  await service.close()
})
afterAll(() => server.stopWithoutLeaks())

const run = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  runCli([...args, '--namespace', names.namespace, '--prefix', names.channelPrefix], {
    ...options,
    env: { REDIS_URL: server.url },
  })

async function json(args: readonly string[], options: CliOptions = {}): Promise<Record<string, unknown>[]> {
  const { stdout, stderr } = await run([...args, '--json'], options)
  expect(stderr).toBe('')
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

const send = (title: string, more = {}) =>
  service.sendToUser('ada', { type: 'info', title, message: '', ...more }).then(({ id }) => id!)

describe('notify', () => {
  it('stores and publishes, and prints outcome, id and receivers in all three forms', async () => {
    const got: Notification[] = []
    await service.subscribeUser('ada', (one) => got.push(one))
    const raw = await run(['notify', 'ada', 'Hello', 'World'])
    expect([raw.code, raw.stderr]).toEqual([0, ''])
    expect(raw.stdout).toMatch(/^stored\nn1-1@[0-9a-z]{12}\n1\n$/)
    const [, id] = raw.stdout.split('\n')
    const terminal = await run(['notify', 'ada', 'second'], { terminal: true })
    expect(terminal.stdout).toMatch(/^1\) "stored"\r\n2\) "n2-1@[0-9a-z]{12}"\r\n3\) \(integer\) 1\r\n$/)
    const [record] = await json(['notify', 'bob', 'third'])
    expect(record).toEqual({ userId: 'bob', outcome: 'stored', id: expect.stringMatching(/^n1-1@/), receivers: 0 })
    await eventually(() => expect(got).toHaveLength(2))
    expect(got[0]).toMatchObject({ id, type: 'info', title: 'Hello', message: 'World', data: null, stored: true })
    expect((await service.list('ada')).notifications[0]).toMatchObject({ title: 'second', message: '' })
  })

  it('takes type, data, topic, expiry and actions', async () => {
    const options = ['--type', 'error', '--topic', 'disks', '--expires', '2h', '--data', '-']
    const actions = ['--action', 'See=https://example.com/?a=b', '--action', 'Drop']
    await json(['notify', 'ada', 'Full', ...options, ...actions], { input: '{"disk":"a"}' })
    const [one] = (await service.list('ada')).notifications
    expect(one).toMatchObject({
      type: 'error',
      topic: 'disks',
      data: { disk: 'a' },
      actions: [
        { key: 'See', label: 'See', url: 'https://example.com/?a=b' },
        { key: 'Drop', label: 'Drop' },
      ],
    })
    const inMs = Date.parse(one!.expiresAt!) - Date.now()
    expect(inMs).toBeGreaterThan(7_000_000)
    expect(inMs).toBeLessThanOrEqual(7_200_000)
    await json(['notify', 'ada', 'Later', '--expires', '2999-01-01T00:00:00Z'])
    expect((await service.list('ada')).notifications[0]!.expiresAt).toBe('2999-01-01T00:00:00.000Z')
  })

  it('takes dedupe and group keys and how many are kept, and obeys mutes', async () => {
    const key = ['--dedupe-key', 'k', '--dedupe-window-ms', '60000']
    const [first] = await json(['notify', 'ada', 'once', ...key])
    expect(await json(['notify', 'ada', 'once', ...key])).toEqual([{ ...first, outcome: 'duplicate', receivers: 0 }])
    await json(['notify', 'ada', 'comment 1', '--group-key', 'post-1'])
    await json(['notify', 'ada', 'comment 2', '--group-key', 'post-1'])
    expect((await service.list('ada')).notifications).toMatchObject([{ title: 'comment 2', count: 2 }, { count: 1 }])
    await json(['notify', 'ada', 'last', '--max-count', '1'])
    expect((await service.list('ada')).notifications).toMatchObject([{ title: 'last' }])
    await service.mute('ada', { types: ['warning'] })
    expect((await run(['notify', 'ada', 'x', '--type', 'warning'])).stdout).toBe('muted\n\n0\n')
    expect(await json(['notify', 'ada', 'x', '--type', 'warning'])).toEqual([
      { userId: 'ada', outcome: 'muted', id: null, receivers: 0 },
    ])
  })

  it.each([
    [['ada', 'a', '--type', 'nope'], 'Allowed choices are info, warning, error, success.'],
    [['ada', ''], 'The title of a notification must not be empty.'],
    [['{', 'a'], 'This cannot be a user id'],
    [['ada', 'a', '--data', '{oops'], 'The data is not JSON'],
    [['ada', 'a', '--topic', '{'], 'The topic of a notification'],
    [['ada', 'a', '--expires', '2020-01-01'], 'It must be a time to come'],
    [['ada', 'a', '--expires', 'soon'], 'It must be a time to come'],
    [['ada', 'a', '--action', '=https://example.com'], 'It must be a label'],
    [['ada', 'a', '--action', 'See=javascript:alert(1)'], 'http and https addresses only'],
    [['ada', 'a', '--dedupe-window-ms', '5'], '--dedupe-window-ms says nothing without --dedupe-key.'],
  ])('refuses %j with 2, and stores nothing', async (args, says) => {
    const { code, stdout, stderr } = await run(['notify', ...args])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(says)
    expect(await server.admin.keys(`${names.namespace}:*:inbox:*`)).toEqual([])
  })

  it('refuses one that is too large with 1 and how to allow it', async () => {
    const { code, stderr } = await run(['notify', 'ada', 'a', 'x'.repeat(500), '--max-bytes', '400'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('--max-bytes')])
  })
})

describe('broadcast and recall', () => {
  it('reaches everybody, and is gone again for everybody', async () => {
    await Promise.all([service.join('ada'), service.join('bob')])
    const [sent] = await json(['broadcast', 'All', 'hear', '--type', 'warning', '--data', '[1]'])
    expect(sent).toEqual({ id: expect.stringMatching(/^b_/), receivers: expect.any(Number) })
    const id = sent!.id as string
    const shown = { id, title: 'All', message: 'hear', type: 'warning', data: [1] }
    await eventually(async () => {
      for (const user of ['ada', 'bob']) expect((await service.list(user)).notifications).toMatchObject([shown])
    })
    expect(await json(['recall', id])).toEqual([{ id, userId: null, outcome: 'changed' }])
    expect(await json(['recall', id])).toEqual([{ id, userId: null, outcome: 'already' }])
    await eventually(async () => expect((await service.counts('bob')).counts.total).toBe(0))
  })

  it('can be for an audience', async () => {
    const options = { redis: server.url, ...names }
    await using for1 = new NotificationService({ ...options, isAudience: (_user, wanted) => wanted === 1 })
    await for1.join('ada')
    await json(['broadcast', 'two', '--audience', '2'])
    await json(['broadcast', 'one', '--audience', '-'], { input: '1' })
    await eventually(async () => expect((await for1.list('ada')).notifications).toMatchObject([{ title: 'one' }]))
    expect((await run(['broadcast', 'x', '--audience', '-', '--data', '-'])).code).toBe(2)
  })

  it("recalls a user's notification", async () => {
    const id = await send('wrong')
    expect((await run(['recall', id, '--user', 'ada'])).stdout).toBe('changed\n')
    expect(await run(['recall', id, '--user', 'ada'])).toMatchObject({ code: 1, stdout: 'unknown\n', stderr: '' })
    expect((await service.list('ada')).notifications).toEqual([])
  })

  it.each([
    [['n1-1@k3j9x2m4p8q1'], 'Say with --user'],
    [['nonsense'], 'Say with --user'],
    [['b_k3j9x2m4p8q1', '--user', 'ada'], 'without --user'],
  ])('refuses %j with 2', async (args, says) => {
    const { code, stdout, stderr } = await run(['recall', ...args])
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(says)])
  })
})

describe('inbox', () => {
  it('list prints a page, newest first, in all three forms', async () => {
    const id = await send('a "title"\u001b[31m', { message: 'line\nline', data: { n: 1 } })
    const time = (await service.list('ada')).notifications[0]!.timestamp
    const values = [id, 'unread', 'info', time, 'a "title"\u001b[31m', 'line\nline', '{"n":1}']
    expect((await run(['inbox', 'list', 'ada'])).stdout).toBe(`${values.join('\n')}\n`)
    const { stdout } = await run(['inbox', 'list', 'ada'], { terminal: true })
    expect(stdout.split('\r\n')).toEqual([
      `1) "${id}"`,
      '2) "unread"',
      '3) "info"',
      `4) "${time}"`,
      '5) "a \\"title\\"\\x1b[31m"',
      '6) "line\\nline"',
      '7) {"n":1}',
      '',
    ])
    const [record, page] = await json(['inbox', 'list', 'ada'])
    expect(record).toEqual({
      ...{
        kind: 'notification',
        id,
        userId: 'ada',
        broadcast: false,
        type: 'info',
        title: values[4],
        message: values[5],
      },
      ...{ timestamp: time, data: { n: 1 }, topic: null, actions: [], expiresAt: null, count: 1, acted: null },
      ...{ read: false, seen: false, archived: false, snoozedUntil: null, stored: true },
    })
    expect(page).toMatchObject({ kind: 'page', userId: 'ada', next: null, counts: { total: 1, unread: 1 } })
    expect(page).toMatchObject({ state: expect.any(String), nextChangeAt: null })
  })

  it('list goes on behind a page, and takes a view, a type and a topic', async () => {
    const ids: string[] = []
    for (const title of ['a', 'b', 'c']) ids.push(await send(title))
    await send('d', { type: 'error', topic: 't' })
    await service.archive('ada', ids[0]!)
    await service.markAsRead('ada', ids[1]!)
    await service.snooze('ada', ids[2]!, new Date(Date.now() + 3_600_000))
    const list = async (...args: string[]) => {
      const lines = await json(['inbox', 'list', 'ada', ...args])
      return lines.slice(0, -1).map(({ title }) => title)
    }
    expect(await list()).toEqual(['d', 'b'])
    expect(await list('--view', 'unread')).toEqual(['d'])
    expect(await list('--view', 'archived')).toEqual(['a'])
    expect(await list('--view', 'snoozed')).toEqual(['c'])
    expect(await list('--view', 'all', '--type', 'error')).toEqual(['d'])
    expect(await list('--topic', 't')).toEqual(['d'])
    const page = (await json(['inbox', 'list', 'ada', '--view', 'all', '--limit', '3'])).at(-1)!
    expect(await list('--view', 'all', '--before', page.next as string)).toEqual(['a'])
    const { stdout } = await run(['inbox', 'list', 'ada', '--limit', '1'], { terminal: true })
    expect(stdout).toMatch(/\r\nMore with --before \d+\.\d+\r\n$/)
    const states = (await run(['inbox', 'list', 'ada', '--view', 'all'])).stdout.split('\n')
    expect([states[1], states[8], states[15], states[22]]).toEqual(['unread', 'snoozed', 'read', 'archived'])
  })

  it('counts, reads, archives, and reads everything up to a state', async () => {
    const [a, b] = [await send('a'), await send('b', { type: 'warning' })]
    expect((await run(['inbox', 'counts', 'ada'])).stdout).toBe(
      'total\n2\nunread\n2\nunseen\n2\ninfo\n1\nwarning\n1\nerror\n0\nsuccess\n0\n',
    )
    const [counts] = await json(['inbox', 'counts', 'ada'])
    expect(counts).toEqual({
      ...{ kind: 'counts', userId: 'ada', total: 2, unread: 2, unseen: 2, nextChangeAt: null },
      ...{ byType: { info: 1, warning: 1, error: 0, success: 0 }, state: expect.any(String) },
    })
    expect((await run(['inbox', 'read', 'ada', a])).stdout).toBe(`${a}\nchanged\n`)
    const again = await run(['inbox', 'read', 'ada', a, b, 'nonsense', '--json'])
    expect([
      again.code,
      again.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ]).toEqual([
      1,
      [
        { userId: 'ada', id: a, outcome: 'already' },
        { userId: 'ada', id: b, outcome: 'changed' },
        { userId: 'ada', id: 'nonsense', outcome: 'unknown' },
      ],
    ])
    expect(await run(['inbox', 'archive', 'ada', a])).toMatchObject({ code: 0, stdout: `${a}\nchanged\n` })
    await send('c')
    const [{ state }] = (await json(['inbox', 'counts', 'ada'])) as [{ state: string }]
    await send('d')
    expect(await json(['inbox', 'read-all', 'ada', '--up-to', state])).toMatchObject([{ total: 3, unread: 1 }])
    expect(await json(['inbox', 'read-all', 'ada'])).toMatchObject([{ kind: 'counts', total: 3, unread: 0 }])
  })

  it.each([
    [['list', 'ada', '--view', 'nope'], 'Allowed choices are inbox, unread, archived, snoozed, all.'],
    [['list', 'ada', '--before', 'x'], 'The option "before" must be the "next" of a page.'],
    [['list', 'ada', '--limit', '1001'], 'from 1 to 1000'],
    [['read', 'ada'], "missing required argument 'id'"],
    [['read-all', 'ada', '--up-to', 'x'], 'The option "upTo" must be'],
    [['counts', '{'], 'This cannot be a user id'],
  ])('refuses %j with 2', async (args, says) => {
    const { code, stdout, stderr } = await run(['inbox', ...args])
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(says)])
  })

  it.each(['list', 'counts', 'read', 'read-all', 'archive'])('%s --help has examples', async (name) => {
    const { stdout, code } = await run(['inbox', name, '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`Examples:\n  \\$ tidings inbox ${name}`))
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })
})
