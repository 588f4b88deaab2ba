import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, EventBus, Publisher, Subscriber, TidingsError } from '../../src/index.ts'
import { RedisServer } from '../support/redis-server.ts'

const PASSWORD = 'a:very/secret@word%'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start({ password: PASSWORD })
})
afterAll(() => server.stopWithoutLeaks())

const url = (password: string, database = '') =>
  `redis://:${encodeURIComponent(password)}@127.0.0.1:${server.port}${database}`

async function failure(promise: Promise<unknown>): Promise<TidingsError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(TidingsError)
  return error as TidingsError
}

describe('credentials', () => {
  test('a wrong password fails fast, by name, and appears in no error', async () => {
    const wrong = 'wrong-but-still-secret'
    await using publisher = new Publisher({ redis: url(wrong) })
    await using subscriber = new Subscriber({ redis: url(wrong) })
    const since = performance.now()
    const errors = [
      await failure(publisher.publish('a', 1)),
      await failure(publisher.getPatternCount()),
      await failure(subscriber.subscribe('a', () => {})),
      await failure(connect(url(wrong))),
    ]
    expect(performance.now() - since).toBeLessThan(1_000)
    for (const error of errors) {
      expect(error.code).toBe('AUTH_FAILED')
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(wrong)
      expect(JSON.stringify(error)).not.toContain(wrong)
    }
    // Nothing goes on knocking with the wrong password.
    expect(await server.clients()).toEqual([])
  })

  test('closing after a refusal takes no time', async () => {
    const publisher = new Publisher({ redis: url('wrong') })
    await failure(publisher.publish('a', 1))
    const since = performance.now()
    await publisher.close()
    expect(performance.now() - since).toBeLessThan(1_000)
  })

  test('no password where one is needed fails the same way', async () => {
    await using publisher = new Publisher({ redis: `redis://127.0.0.1:${server.port}` })
    expect((await failure(publisher.publish('a', 1))).code).toBe('AUTH_FAILED')
  })

  test('the next call after a refusal tries again, so a password mended on the server helps', async () => {
    await server.admin.acl('SETUSER', 'late', 'on', '>first', '+@all', '~*', '&*')
    await using publisher = new Publisher({ redis: `redis://late:second@127.0.0.1:${server.port}` })
    expect((await failure(publisher.publish('a', 1))).code).toBe('AUTH_FAILED')
    await server.admin.acl('SETUSER', 'late', '>second')
    expect(await publisher.publish('a', 1)).toBe(0)
  })

  test('an unreadable URL is refused without being repeated', async () => {
    for (const bad of [
      'not a url secret',
      'http://:secret@x/',
      'redis://:secret@h:6379/db',
      'redis://h/?secret=1&x=2',
    ]) {
      let error: unknown
      try {
        new Publisher({ redis: bad })
      } catch (thrown) {
        error = thrown
      }
      expect(error).toBeInstanceOf(TidingsError)
      expect(['INVALID_OPTION', 'UNKNOWN_OPTION']).toContain((error as TidingsError).code)
      if (!bad.includes('?')) expect(inspect(error, { depth: 9 }).replaceAll(/at .*/g, '')).not.toContain('secret')
    }
  })
})

describe('where Redis is', () => {
  test('a URL with password and database', async () => {
    await using publisher = new Publisher({ redis: url(PASSWORD, '/3') })
    await publisher.publish('a', 1)
    const clients = await server.clients()
    expect(clients).toHaveLength(1)
    expect(clients[0]).toContain(' db=3 ')
  })

  test("ioredis's options, at the top level as in the article or under redis, also those that change nothing", async () => {
    const options = { host: '127.0.0.1', port: server.port, password: PASSWORD }
    await using top = new Publisher({
      ...options,
      connectionName: 'top',
      maxRetriesPerRequest: null,
      lazyConnect: true,
    })
    await using nested = new Publisher({ redis: { ...options, connectionName: 'nested', enableReadyCheck: false } })
    await Promise.all([top.publish('a', 1), nested.publish('a', 1)])
    const names = (await server.clients()).map((line) => / name=(\S*)/.exec(line)?.[1])
    expect(names.toSorted()).toEqual(['nested', 'top'])
  })

  test('RESP2, where somebody needs it, works the same', async () => {
    const redis = { host: '127.0.0.1', port: server.port, password: PASSWORD, protocol: 2 as const }
    await using subscriber = new Subscriber({ redis })
    await using publisher = new Publisher({ redis })
    const received = new Promise(
      (resolve) =>
        void subscriber.subscribe('two', (_c, m) => resolve(m)).then(() => publisher.publish('two', { n: 1 })),
    )
    expect(await received).toEqual({ n: 1 })
  })

  test.each([
    [{ hots: '127.0.0.1' }, 'UNKNOWN_OPTION', 'hots'],
    [{ redis: { hots: '127.0.0.1' } }, 'UNKNOWN_OPTION', 'hots'],
    [{ redis: 'redis://x', host: 'y' }, 'INVALID_OPTION', 'both'],
    [{ autoResendUnfulfilledCommands: true }, 'INVALID_OPTION', 'never sent twice'],
    [{ enableOfflineQueue: false }, 'INVALID_OPTION', 'bounded queue'],
    [{ commandTimeoutMs: 0 }, 'INVALID_OPTION', 'commandTimeoutMs'],
    [{ commandTimeout: -5 }, 'INVALID_OPTION', 'commandTimeout'],
    [{ queue: { max: 1 } }, 'UNKNOWN_OPTION', 'max'],
    [{ queue: { maxCount: -1 } }, 'INVALID_OPTION', 'maxCount'],
    [{ logger: {} }, 'INVALID_OPTION', 'logger'],
    [{ redis: 42 }, 'INVALID_OPTION', 'redis'],
    [null, 'INVALID_OPTION', 'object'],
  ])('%j is refused with %s', (options, code, word) => {
    for (const Class of [Publisher, Subscriber, EventBus]) {
      expect(() => new Class(options as never)).toThrow(
        expect.objectContaining({ code, message: expect.stringContaining(word) }),
      )
    }
  })
})

describe('a shared connection', () => {
  test('serves many objects with two sockets, and is closed only by its owner', async () => {
    const connection = await connect(url(PASSWORD))
    const publishers = Array.from({ length: 5 }, () => new Publisher({ redis: connection }))
    const subscribers = Array.from({ length: 5 }, () => new Subscriber({ redis: connection }))
    const received: unknown[] = []
    for (const subscriber of subscribers) await subscriber.subscribe('shared', (_c, m) => received.push(m))
    // One subscription for the process, however many listen.
    expect(await publishers[0]?.publish('shared', 'hi')).toBe(1)
    expect(await server.clients()).toHaveLength(2)
    expect(await publishers[1]?.getChannelSubscribers('shared')).toBe(1)
    await expect.poll(() => received).toEqual(['hi', 'hi', 'hi', 'hi', 'hi'])

    await subscribers[0]?.close()
    await publishers[0]?.close()
    await expect(publishers[0]?.publish('shared', 'x')).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await publishers[1]?.publish('shared', 'again')).toBe(1)
    await expect.poll(() => received).toHaveLength(9)

    await connection.close()
    await expect(publishers[1]?.publish('shared', 'x')).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(subscribers[1]?.subscribe('other', () => {})).rejects.toMatchObject({ code: 'CLOSED' })
    await Promise.all([...publishers, ...subscribers].map((each) => each.close()))
  })

  test('closing one of its publishers waits for what that one published', async () => {
    await using connection = await connect(url(PASSWORD), { queue: { maxCount: 1 } })
    const publisher = new Publisher({ redis: connection })
    let settled = 0
    const first = publisher.publish('a', 1).finally(() => (settled += 1))
    await expect(publisher.publish('a', 2)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    await publisher.close()
    expect(settled).toBe(1)
    await first
  })

  test('connect() rejects when Redis is away, and leaves nothing open', async () => {
    const away = await RedisServer.start()
    await away.stop()
    const error = await failure(connect(away.url, { commandTimeoutMs: 300 }))
    expect(error).toMatchObject({ code: 'NOT_CONNECTED', retryable: true })
    expect(error.message).toContain(`127.0.0.1:${away.port}`)
  })

  test('takes no settings of its users that it cannot follow', async () => {
    await using connection = await connect('memory:settings')
    expect(() => new Publisher({ redis: connection, commandTimeoutMs: 1 })).toThrow(/connect\(\)/)
  })
})
