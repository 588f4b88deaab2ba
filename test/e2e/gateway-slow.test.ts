import { randomUUID } from 'node:crypto'
import type { Centrifuge } from 'centrifuge'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'
import { connectClient, type Listening, listenTo, openGateway, type TestGateway, upTo } from '../support/gateway.ts'
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

/** A client whose socket can be left unread. */
interface Reader extends Listening {
  readonly client: Centrifuge
  /** Codes of what ended the connection, or the subscription. */
  readonly codes: number[]
  stop(): void
  goOn(): void
}

async function read(gateway: TestGateway, channel: string): Promise<Reader> {
  let socket: WebSocket | undefined
  class Stoppable extends WebSocket {
    constructor(url: string | URL) {
      super(url)
      socket = this
    }
  }
  const client = connectClient(gateway.url, { token: 'user:ada', websocket: Stoppable })
  ending.push(() => client.disconnect())
  const listening = listenTo(client, channel)
  const codes: number[] = []
  client.on('connecting', ({ code }) => codes.push(code))
  listening.subscription.on('subscribing', ({ code }) => codes.push(code))
  await listening.subscription.ready()
  codes.length = 0
  return { ...listening, client, codes, stop: () => socket!.pause(), goOn: () => socket!.resume() }
}

/** More than the buffers of two sockets hold. */
const COUNT = 700
const TEXT = 'x'.repeat(20_000)

/** As fast as somebody who reads takes it. */
async function flood(gateway: TestGateway, channel: string): Promise<void> {
  const other = await read(gateway, channel)
  for (let sent = 0; sent < COUNT; sent += 5) {
    await Promise.all(upTo(5).map((n) => gateway.bus.publisher.publish(channel, [sent + n, TEXT])))
    while (other.got.length < sent + 5 && other.codes.length === 0) await new Promise(setImmediate)
  }
  // Nobody is kept from anything by one who does not read.
  expect([other.codes, numbers(other)]).toEqual([[], upTo(COUNT)])
}

const numbers = ({ got }: Listening): number[] => got.map((each) => (each as [number])[0])

describe.each(['memory', 'Redis'])('a client that does not read, on %s', { timeout: 60_000 }, (where) => {
  async function open(): Promise<TestGateway> {
    const connection = where === 'memory' ? { redis: `memory:${randomUUID()}` } : { redis: redis.url }
    const gateway = await openGateway({
      connection: { ...connection, namespace: randomUUID() },
      limits: { queueBytes: 400_000, slowMs: 60_000 },
    })
    ending.push(gateway.close)
    await gateway.bus.policies.apply({ 'log*': { history: { maxCount: 10_000 } } })
    return gateway
  }

  /** It stops reading, is flooded, and reads on. */
  async function flooded(gateway: TestGateway, channel: string): Promise<Reader> {
    const stuck = await read(gateway, channel)
    stuck.stop()
    await flood(gateway, channel)
    stuck.goOn()
    return stuck
  }

  test('skip: it is given from the log what was left out, in order and once', async () => {
    const gateway = await open()
    gateway.gatekeeper.rules.log = { slow: 'skip' }
    const stuck = await flooded(gateway, 'log')
    await eventually(() => expect(numbers(stuck)).toEqual(upTo(COUNT)), 15_000)
    await gateway.bus.publisher.publish('log', [COUNT + 1])
    await eventually(() => expect(numbers(stuck)).toEqual(upTo(COUNT + 1)))
    // It was never away: only the subscription began again.
    expect(new Set(stuck.codes)).toEqual(new Set([2_500]))
  })

  test('drop: what comes while too much waits is left out for good, and the rest stays in order', async () => {
    const gateway = await open()
    gateway.gatekeeper.rules.chat = { slow: 'drop' }
    const stuck = await flooded(gateway, 'chat')
    await gateway.bus.publisher.publish('chat', ['live'])
    await eventually(() => expect(stuck.got.at(-1)).toEqual(['live']))
    const got = numbers(stuck).slice(0, -1)
    expect(got.length).toBeLessThan(COUNT)
    expect(got).toEqual([...new Set(got)].sort((a, b) => a - b))
    // What waited already is not taken back.
    expect(got.slice(0, 20)).toEqual(upTo(20))
    expect(stuck.codes).toEqual([])
  })

  test('drop on a channel with history: the offsets tell that something is missing, and it can be read', async () => {
    const gateway = await open()
    gateway.gatekeeper.rules.log = { slow: 'drop' }
    const stuck = await flooded(gateway, 'log')
    await gateway.bus.publisher.publish('log', ['live'])
    await eventually(() => expect(stuck.got.at(-1)).toEqual(['live']))
    const offsets = stuck.publications.map(({ offset }) => offset!)
    expect(offsets.at(-1)).toBe(COUNT + 1)
    const before = offsets.findIndex((offset, index) => offsets[index + 1]! > offset + 1)
    expect(before).toBeGreaterThanOrEqual(0)
    const { epoch } = await stuck.subscription.history({})
    const missed = await stuck.subscription.history({ limit: 10, since: { offset: offsets[before]!, epoch } })
    expect(missed.publications.map(({ data }) => (data as [number])[0])).toEqual(
      upTo(offsets[before]! + 10, offsets[before]! + 1),
    )
  })

  test('skip where nothing is kept leaves out as drop does', async () => {
    const gateway = await open()
    gateway.gatekeeper.rules.chat = { slow: 'skip' }
    const stuck = await flooded(gateway, 'chat')
    await gateway.bus.publisher.publish('chat', ['live'])
    await eventually(() => expect(stuck.got.at(-1)).toEqual(['live']))
    expect(stuck.got.length).toBeLessThan(COUNT)
    expect(stuck.codes).toEqual([])
  })

  test('close: it is sent away, and comes back with everything where the channel has history', async () => {
    const gateway = await open()
    const stuck = await flooded(gateway, 'log')
    await eventually(() => expect(numbers(stuck)).toEqual(upTo(COUNT)), 15_000)
    // Why is the last that it could read: where it does not do so in time, there is just an end.
    expect([3_008, 1]).toContain(stuck.codes[0])
    expect(stuck.client.state).toBe('connected')
  })

  test("a server's subscription that skips is given what was left out by a new connection", async () => {
    const gateway = await open()
    const { gatekeeper, bus } = gateway
    gatekeeper.channels = ['log-of-server']
    gatekeeper.rules['log-of-server'] = { slow: 'skip' }
    const stuck = await read(gateway, 'other')
    const got: number[] = []
    stuck.client.on(
      'publication',
      ({ channel, data }) => channel === 'log-of-server' && got.push((data as [number])[0]),
    )
    stuck.stop()
    // Others subscribe by themselves.
    gatekeeper.channels = []
    await flood(gateway, 'log-of-server')
    gatekeeper.channels = ['log-of-server']
    stuck.goOn()
    await eventually(() => expect(got).toEqual(upTo(COUNT)), 15_000)
    await bus.publisher.publish('log-of-server', [COUNT + 1])
    await eventually(() => expect(got).toEqual(upTo(COUNT + 1)))
  })
})
