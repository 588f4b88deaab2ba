import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { eventSourceRoutes } from '../../src/gateway/streams/event-source-routes.ts'
import { FetchEventSource, type ReceivedEvent } from '../support/event-source.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway, type TestGatewayOptions, upTo } from '../support/gateway.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(() => redis.stopWithoutLeaks())

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const end of ending.splice(0).reverse()) await end()
})

const secret = 'a secret of thirty-two bytes at the least'
const MINUTE_MS = 60_000

async function open(options: Partial<TestGatewayOptions> = {}): Promise<TestGateway> {
  const connection = { redis: redis.url, namespace: randomUUID() }
  const routes: TestGatewayOptions['routes'] = (node) =>
    eventSourceRoutes(node, { secret, retryMs: 50, heartbeatMs: 1_000 })
  const gateway = await openGateway({ connection, routes, ...options })
  ending.push(gateway.close)
  await gateway.bus.policies.apply({ 'log*': { history: { maxCount: 10_000 } } })
  gateway.gatekeeper.expiresAtMs = Date.now() + 60 * MINUTE_MS
  return gateway
}

async function askTicket(port: number, channels: unknown, token = 'user:ada'): Promise<Response> {
  return await fetch(`http://127.0.0.1:${port}/v1/sse-tickets`, {
    method: 'POST',
    body: JSON.stringify({ channels }),
    headers: { authorization: `Bearer ${token}` },
  })
}

/** Where a new ticket leads. */
async function urlOf(port: number, channels: string[]): Promise<string> {
  const response = await askTicket(port, channels)
  expect(response.status).toBe(201)
  return `http://127.0.0.1:${port}${((await response.json()) as { url: string }).url}`
}

interface Listening {
  readonly source: FetchEventSource
  readonly got: { readonly channel: string; readonly data: unknown; readonly offset?: number }[]
  readonly events: ReceivedEvent[]
  /** Of the answer that ended it. */
  refused: number | undefined
}

function listen(url: string): Listening {
  const source = new FetchEventSource(url)
  const listening: Listening = { source, got: [], events: [], refused: undefined }
  source.onmessage = ({ data }) => listening.got.push(JSON.parse(data))
  for (const type of ['gap', 'unsubscribe', 'disconnect']) {
    source.addEventListener(type, (event) => listening.events.push(event))
  }
  source.onerror = ({ status }) => {
    if (source.readyState === 2) listening.refused = status
  }
  ending.push(() => source.close())
  return listening
}

const opened = (source: FetchEventSource, times = 1) =>
  eventually(() => {
    expect(source.opened).toBeGreaterThanOrEqual(times)
    expect(source.readyState).toBe(1)
    expect(source.lastEventId).not.toBe('')
  })

test('cut twice, the second time long after the ticket has expired: resumes exactly', async () => {
  const { port, bus } = await open()
  const proxy = await TcpProxy.to(port)
  ending.push(() => proxy.close())
  await bus.publisher.publish('log', 'before')
  const url = await urlOf(proxy.port, ['log', 'chat'])
  const { source, got, events } = listen(url)
  await opened(source)
  for (const n of upTo(3)) await bus.publisher.publish('log', n)
  await bus.publisher.publish('chat', 'live')
  await eventually(() => expect(got).toHaveLength(4))
  await proxy.down()
  for (const n of upTo(10, 4)) await bus.publisher.publish('log', n)
  await proxy.up()
  const ofLog = () => got.filter(({ channel }) => channel === 'log')
  await eventually(() => expect(ofLog().map(({ data }) => data)).toEqual(upTo(10)))
  await opened(source, 2)
  await proxy.down()
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(Date.now() + 20 * MINUTE_MS)
  for (const n of upTo(2_500, 11)) await bus.publisher.publish('log', n)
  await proxy.up()
  await eventually(() => expect(ofLog().map(({ data }) => data)).toEqual(upTo(2_500)), 15_000)
  await bus.publisher.publish('log', 'live again')
  await eventually(() => expect(ofLog().at(-1)).toEqual({ channel: 'log', data: 'live again', offset: 2_502 }))
  expect(ofLog().map(({ offset }) => offset)).toEqual(upTo(2_502, 2))
  expect(events).toEqual([])
})

test('cut again and again in a flood: no hole and nothing twice on any channel', async () => {
  const { port, bus } = await open()
  const proxy = await TcpProxy.to(port)
  ending.push(() => proxy.close())
  const channels = ['log1', 'log2', 'log3']
  const { source, got, events } = listen(await urlOf(proxy.port, channels))
  await opened(source)
  let sent = 0
  let flooding = true
  const flood = (async () => {
    while (flooding) {
      sent += 1
      await Promise.all(channels.map((channel) => bus.publisher.publish(channel, sent)))
    }
  })()
  for (const round of upTo(8)) {
    const before = got.length
    await eventually(() => expect(got.length).toBeGreaterThan(before + 50))
    proxy.reset()
    await opened(source, round + 1)
  }
  flooding = false
  await flood
  for (const channel of channels) {
    const ofChannel = () => got.filter((event) => event.channel === channel).map(({ data }) => data)
    await eventually(() => expect(ofChannel()).toEqual(upTo(sent)), 15_000)
  }
  expect(events).toEqual([])
})

test('who is cut off before the first event resumes too', async () => {
  const { port, bus } = await open()
  const proxy = await TcpProxy.to(port)
  ending.push(() => proxy.close())
  const { source, got } = listen(await urlOf(proxy.port, ['log', 'log-unborn']))
  await opened(source)
  await proxy.down()
  await bus.publisher.publish('log', 1)
  await bus.publisher.publish('log-unborn', 2)
  await proxy.up()
  await eventually(() => expect(got.map(({ data }) => data).toSorted()).toEqual([1, 2]))
})

test('a ticket opens one stream, on whichever node, and soon', async () => {
  const connection = { redis: redis.url, namespace: randomUUID() }
  const [one, two] = [await open({ connection }), await open({ connection })]
  const url = await urlOf(one.port, ['chat'])
  const elsewhere = url.replace(String(one.port), String(two.port))
  const { source } = listen(elsewhere)
  await opened(source)
  const late = listen(url)
  await eventually(() => expect(late.refused).toBe(401))
  const again = listen(elsewhere)
  await eventually(() => expect(again.refused).toBe(401))
  const unused = await urlOf(one.port, ['chat'])
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(Date.now() + 31_000)
  expect((await fetch(unused)).status).toBe(401)
  expect((await fetch(`http://127.0.0.1:${one.port}/sse`)).status).toBe(401)
})

test('a new page goes on from an id that it has kept, with a new ticket or without', async () => {
  const { port, bus } = await open()
  const first = listen(await urlOf(port, ['log']))
  await opened(first.source)
  await bus.publisher.publish('log', 1)
  await eventually(() => expect(first.got).toHaveLength(1))
  first.source.close()
  await bus.publisher.publish('log', 2)
  const kept = `lastEventId=${first.source.lastEventId}`
  const withTicket = listen(`${await urlOf(port, ['log', 'log-more'])}&${kept}`)
  const without = listen(`http://127.0.0.1:${port}/sse?${kept}`)
  await opened(withTicket.source)
  await bus.publisher.publish('log-more', 3)
  await eventually(() => expect(withTicket.got.map(({ data }) => data)).toEqual([2, 3]))
  await eventually(() => expect(without.got.map(({ data }) => data)).toEqual([2]))
  const other = (await (await askTicket(port, ['log'], 'user:bob')).json()) as { url: string }
  expect((await fetch(`http://127.0.0.1:${port}${other.url}&${kept}`)).status).toBe(403)
})

test('an id whose token has ended still says where its user goes on, with a new ticket of that user', async () => {
  const { port, bus, gatekeeper } = await open()
  gatekeeper.expiresAtMs = Date.now() + 5 * MINUTE_MS
  const first = listen(await urlOf(port, ['log', 'log-two']))
  await opened(first.source)
  await bus.publisher.publish('log', 1)
  await eventually(() => expect(first.got).toHaveLength(1))
  first.source.close()
  await Promise.all(upTo(1_200, 2).map((n) => bus.publisher.publish('log', n)))
  const id = first.source.lastEventId
  const kept = `lastEventId=${id}`
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(Date.now() + 20 * MINUTE_MS)
  gatekeeper.expiresAtMs = Date.now() + 5 * MINUTE_MS
  // By itself it opens nothing, nor with a ticket that was used, nor with another user's.
  const used = await urlOf(port, ['log'])
  await opened(listen(used).source)
  const bob = `http://127.0.0.1:${port}${((await (await askTicket(port, ['log'], 'user:bob')).json()) as { url: string }).url}`
  const plain = `http://127.0.0.1:${port}/sse?`
  for (const [url, status] of [
    [`${plain}${kept}`, 401],
    [`${used}&${kept}`, 401],
    [`${bob}&${kept}`, 403],
    [`${await urlOf(port, ['log'])}&lastEventId=${id.slice(0, -2)}xx`, 401],
  ] as const) {
    expect((await fetch(url)).status, url).toBe(status)
  }
  expect((await fetch(plain, { headers: { 'last-event-id': id } })).status).toBe(401)
  // The channels are those of the ticket.
  const again = listen(`${await urlOf(port, ['log', 'log-new'])}&${kept}`)
  await eventually(() => expect(again.got.map(({ data }) => data)).toEqual(upTo(1_200, 2)), 10_000)
  await bus.publisher.publish('log-two', 'not asked for')
  await bus.publisher.publish('log-new', 'live')
  await eventually(() => expect(again.got.at(-1)).toMatchObject({ channel: 'log-new', data: 'live' }))
  expect(again.got).toHaveLength(1_200)
  expect(again.events).toEqual([])
  // Its ids are those of the new token.
  expect(again.source.lastEventId).not.toBe(id)
  await opened(listen(`${plain}lastEventId=${again.source.lastEventId}`).source)
})

test('history that is gone is a gap, and what comes after it follows', async () => {
  const { port, bus } = await open()
  await bus.policies.apply({ 'log*': { history: { maxCount: 5 } } })
  const proxy = await TcpProxy.to(port)
  ending.push(() => proxy.close())
  const { source, got, events } = listen(await urlOf(proxy.port, ['log']))
  await opened(source)
  await bus.publisher.publish('log', 1)
  await eventually(() => expect(got).toHaveLength(1))
  await proxy.down()
  // More than the node itself still has in memory.
  await Promise.all(upTo(1_500, 2).map((n) => bus.publisher.publish('log', n)))
  await proxy.up()
  await eventually(() => expect(events).toHaveLength(1))
  const gap = JSON.parse(events[0]!.data)
  expect([events[0]!.type, gap.channel]).toEqual(['gap', 'log'])
  expect([gap.from, gap.to]).toEqual([expect.stringMatching(/^1-/), expect.stringMatching(/^1500-/)])
  await bus.publisher.publish('log', 'live')
  await eventually(() => expect(got.map(({ data }) => data)).toEqual([1, 'live']))
})

test('a restart of Redis that loses nothing leaves no hole, though positions are of another generation then', async () => {
  const own = await RedisServer.start({ config: { appendonly: 'yes', appendfsync: 'always' } })
  ending.push(() => own.stop())
  const { port, bus } = await open({ connection: { redis: own.url }, onError: () => {} })
  const proxy = await TcpProxy.to(port)
  ending.push(() => proxy.close())
  const { source, got, events } = listen(await urlOf(proxy.port, ['log']))
  await opened(source)
  for (const n of upTo(5)) await bus.publisher.append('log', n)
  await own.kill()
  await own.restart()
  for (const n of upTo(10, 6)) await eventually(() => bus.publisher.append('log', n), 20_000)
  await eventually(() => expect(got.map(({ data }) => data)).toEqual(upTo(10)), 15_000)
  await proxy.down()
  await bus.publisher.append('log', 11)
  await proxy.up()
  await eventually(() => expect(got.map(({ data }) => data)).toEqual(upTo(11)))
  expect(events).toEqual([])
}, 60_000)

test('channels are allowed as for any client, when it opens and when it comes back', async () => {
  const { port, bus, gatekeeper, gateway } = await open()
  expect((await askTicket(port, ['chat', 'private:x'])).status).toBe(403)
  expect((await askTicket(port, ['chat'], 'nonsense')).status).toBe(401)
  for (const channels of [[], ['a*'], ['a\n'], [5], 'chat', undefined, upTo(33).map(String)]) {
    expect((await askTicket(port, channels)).status).toBe(400)
  }
  expect(
    (
      await askTicket(
        port,
        upTo(32).map((n) => `${n}`.padStart(200, 'x')),
      )
    ).status,
  ).toBe(413)
  const url = await urlOf(port, ['chat', 'log'])
  expect((await fetch(`${url}&channels=chat,other`)).status).toBe(403)
  const proxy = await TcpProxy.to(port)
  ending.push(() => proxy.close())
  const { source, got, events } = listen(await urlOf(proxy.port, ['chat', 'log']))
  await opened(source)
  gatekeeper.allows = async (_action: string, channel: string) => channel !== 'log'
  await bus.publisher.publish('log', 'still')
  await eventually(() => expect(got).toHaveLength(1))
  proxy.reset()
  await opened(source, 2)
  await eventually(() => expect(events).toHaveLength(1))
  expect(JSON.parse(events[0]!.data)).toMatchObject({ channel: 'log', code: 103 })
  await bus.publisher.publish('log', 'no more')
  await gateway.node.control.send({ kind: 'subscribe', userId: 'ada', channel: 'log-by-server' })
  await eventually(() => expect(gateway.node.hub.get('log-by-server')?.size).toBe(1))
  await bus.publisher.publish('log-by-server', 'added')
  await eventually(() => expect(got.map(({ data }) => data)).toEqual(['still', 'added']))
  await gateway.node.control.send({ kind: 'unsubscribe', userId: 'ada', channel: 'chat' })
  await eventually(() => expect(events).toHaveLength(2))
  expect(JSON.parse(events[1]!.data)).toMatchObject({ channel: 'chat', code: 2000 })
  gatekeeper.allows = async () => false
  proxy.reset()
  const refused = await eventually(() => {
    expect(source.readyState).toBe(2)
    return source
  })
  expect(refused.opened).toBe(2)
})

test('ends when the token of its user does, and is not resumed beyond', async () => {
  const { port, gatekeeper, gateway } = await open()
  gatekeeper.expiresAtMs = Date.now() + 2_000
  const listening = listen(await urlOf(port, ['log']))
  await opened(listening.source)
  await eventually(() => expect(listening.refused).toBe(401), 10_000)
  expect(Date.now()).toBeGreaterThanOrEqual(gatekeeper.expiresAtMs)
  expect(listening.source.opened).toBe(1)
  expect(listening.events.map(({ data }) => JSON.parse(data).code)).toEqual([3005])
  expect(gateway.node.clients).toBe(0)
})

test('a user who is revoked is cut off, and no id brings it back', async () => {
  const { port, gateway } = await open()
  const listening = listen(await urlOf(port, ['log']))
  await opened(listening.source)
  await gateway.node.control.send({ kind: 'revoke', userId: 'ada', beforeMs: Date.now() + 1_000 })
  await eventually(() => expect(listening.refused).toBe(401))
  expect(listening.events.map(({ data }) => JSON.parse(data).code)).toEqual([3500])
})

test('an id that was not signed here opens nothing', async () => {
  const { port } = await open()
  const { source } = listen(await urlOf(port, ['log']))
  await opened(source)
  source.close()
  const good = source.lastEventId
  const url = `http://127.0.0.1:${port}/sse?ticket=used`
  const status = async (id: string) => {
    const abort = new AbortController()
    const response = await fetch(url, { headers: { 'last-event-id': id }, signal: abort.signal })
    abort.abort()
    return response.status
  }
  const [body, mac] = good.split('.') as [string, string]
  const forged = Buffer.from(body, 'base64url').toString().replace('ada', 'bob')
  for (const bad of ['x', `${body}.`, `${mac}.${body}`, `${Buffer.from(forged).toString('base64url')}.${mac}`]) {
    expect(await status(bad)).toBe(401)
  }
  expect(await status(good)).toBe(200)
})

test('a quiet stream gives signs of life; one that is left is forgotten; connections have their limit', async () => {
  const { port, gateway } = await open({ limits: { connectionsPerUser: 1 } })
  const { source } = listen(await urlOf(port, ['log']))
  await eventually(() => expect(source.comments).toBeGreaterThanOrEqual(2), 10_000)
  // Somewhere between half of what was said, and once and a half.
  expect(source.retryMs).toBeGreaterThanOrEqual(25)
  expect(source.retryMs).toBeLessThanOrEqual(75)
  expect((await fetch(await urlOf(port, ['log']))).status).toBe(429)
  expect(gateway.node.clients).toBe(1)
  source.close()
  await eventually(() => expect(gateway.node.clients).toBe(0))
})
