import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts'
import { MemoryInboxStore } from '../../src/backends/memory/inbox-store.ts'
import {
  MemoryNodeRegistry,
  MemoryPresenceStore,
  MemoryRevocations,
} from '../../src/backends/memory/presence-stores.ts'
import { connect } from '../../src/connection/connect.ts'
import { Connection } from '../../src/connection/connection.ts'
import { controlChannel, nodeChannel } from '../../src/core/keys.ts'
import { silentLogger } from '../../src/core/logger.ts'
import type { Listener, SubscriptionHandle, SubscriptionKind } from '../../src/core/pub-sub.ts'
import { Control, type ControlCommand } from '../../src/gateway/control.ts'
import { LoggedPubSub } from '../../src/log/logged-pub-sub.ts'
import { eventually } from '../support/eventually.ts'
import { TroubledPubSub } from '../support/fake-event-log.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

/** A hub that some node may be cut off from: what is published meanwhile does not reach it. */
class CutPubSub extends TroubledPubSub {
  isCut = false

  override subscribe(kind: SubscriptionKind, name: string, listener: Listener): Promise<SubscriptionHandle> {
    return super.subscribe(kind, name, (message) => {
      if (!this.isCut) listener(message)
    })
  }
}

interface Node {
  readonly control: Control
  readonly connection: Connection
  readonly heard: ControlCommand[]
  readonly reported: unknown[]
  missed: number
  cut(): Promise<void>
  restore(): Promise<void>
}

type Opened = Pick<Node, 'connection' | 'cut' | 'restore'>

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

function inMemory(hub: string): Opened {
  const names = { namespace: 'tidings', partitions: 128 }
  const plain = new CutPubSub(hub)
  const eventLog = new MemoryEventLog(hub, names)
  const connection = new Connection({
    pubSub: new LoggedPubSub(plain, eventLog, names),
    eventLog,
    inboxStore: new MemoryInboxStore(hub, names),
    presence: new MemoryPresenceStore(hub, names),
    nodes: new MemoryNodeRegistry(hub, names),
    revocations: new MemoryRevocations(hub, names),
    foreignLists: undefined,
    namespace: 'tidings',
    logger: silentLogger,
    hasLogger: false,
  })
  return {
    connection,
    cut: async () => {
      plain.isCut = true
    },
    restore: async () => {
      plain.isCut = false
      plain.interrupt()
    },
  }
}

async function onRedis(server: RedisServer, namespace: string, commandTimeoutMs = 5_000): Promise<Opened> {
  const proxy = await TcpProxy.to(server.port)
  ending.push(() => proxy.close())
  const connection = await connect(proxy.url, { namespace, commandTimeoutMs })
  return { connection, cut: () => proxy.down(), restore: () => proxy.up() }
}

async function started(id: string, { connection, cut, restore }: Opened): Promise<Node> {
  ending.push(() => connection.close())
  const reported: unknown[] = []
  const control = new Control({ connection, nodeId: id, report: (error) => reported.push(error) })
  ending.push(() => control.close())
  const node: Node = { control, connection, heard: [], reported, missed: 0, cut, restore }
  control.on((command) => node.heard.push(command))
  control.onMissed(() => {
    node.missed += 1
  })
  await control.start()
  return node
}

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

const backends = {
  'in memory': (place: string): Opened | Promise<Opened> => inMemory(place),
  'on Redis': (place: string): Opened | Promise<Opened> => onRedis(server, place),
}

describe.each(Object.entries(backends))('control of nodes %s', (_name, open) => {
  async function two(): Promise<[Node, Node]> {
    const place = randomUUID()
    return [await started('one', await open(place)), await started('two', await open(place))]
  }

  test('all nodes obey every command once and in order, the one that gave it too', async () => {
    const [one, two_] = await two()
    const commands = [
      { kind: 'disconnect', userId: 'ada', code: 3503, reason: 'bye' },
      { kind: 'disconnect', userId: 'ü "x"' },
      { kind: 'subscribe', userId: 'ada', channel: 'news' },
      { kind: 'unsubscribe', userId: 'ada', channel: 'news' },
      { kind: 'refresh', userId: 'ada', expiresAtMs: 1_900_000_000_000 },
      { kind: 'revoke', userId: 'ada', beforeMs: 1_800_000_000_000 },
    ] as const
    for (const [n, command] of commands.entries()) await (n % 2 ? one : two_).control.send(command)
    for (const { heard } of [one, two_]) await eventually(() => expect(heard).toEqual(commands))
    expect([one.missed, two_.missed]).toEqual([0, 0])
  })

  test('a node that was cut off obeys within five seconds of being back, and has missed nothing', async () => {
    const [one, two_] = await two()
    await one.control.send({ kind: 'disconnect', userId: 'first' })
    await eventually(() => expect(two_.heard).toHaveLength(1))
    await two_.cut()
    await one.control.send({ kind: 'revoke', userId: 'ada', beforeMs: 5_000 })
    await one.control.send({ kind: 'disconnect', userId: 'bob' })
    await eventually(() => expect(one.heard).toHaveLength(3))
    expect(two_.heard).toHaveLength(1)
    await two_.restore()
    await eventually(() => expect(two_.heard).toHaveLength(3), 5_000)
    expect(two_.heard.map(({ kind }) => kind)).toEqual(['disconnect', 'revoke', 'disconnect'])
    expect(two_.missed).toBe(0)
  })

  test('who connects later, on a node that was not there, is still revoked', async () => {
    const place = randomUUID()
    const one = await started('one', await open(place))
    expect(await one.control.isRevoked('ada', 4_000)).toBe(false)
    await one.control.send({ kind: 'revoke', userId: 'ada', beforeMs: 5_000 })
    const two_ = await started('two', await open(place))
    expect(await two_.control.isRevoked('ada', 4_000)).toBe(true)
    expect(await two_.control.isRevoked('ada', 5_000)).toBe(true)
    expect(await two_.control.isRevoked('ada', 5_001)).toBe(false)
    expect(await two_.control.isRevoked('ada', undefined)).toBe(true)
    expect(await two_.control.isRevoked('bob', undefined)).toBe(false)
    expect(two_.heard).toEqual([])
  })

  test('the mark is there when the command comes', async () => {
    const [one, two_] = await two()
    const answers: Promise<boolean>[] = []
    two_.control.on(() => answers.push(two_.control.isRevoked('ada', 1)))
    await one.control.send({ kind: 'revoke', userId: 'ada', beforeMs: 5_000 })
    await eventually(() => expect(answers).toHaveLength(1))
    expect(await answers[0]).toBe(true)
  })

  test('emulated commands go to their node alone; nobody is told where there is none', async () => {
    const [one, two_] = await two()
    const message = { kind: 'emulation', session: 's', data: '{"id":1}\n{"id":2}' }
    expect(await one.control.emulate('two', 's', message.data)).toBe(true)
    expect(await one.control.emulate('three', 's', message.data)).toBe(false)
    await eventually(() => expect(two_.heard).toEqual([message]))
    expect(one.heard).toEqual([])
    expect(await one.control.emulate('one', 's', message.data)).toBe(true)
    expect(one.heard).toEqual([message])
  })

  test('what is no command, or of a version to come, is passed over', async () => {
    const [one, two_] = await two()
    const { eventLog, pubSub, namespace } = one.connection
    const bad = [
      'x',
      'null',
      '[]',
      '{"kind":"future","userId":"ada"}',
      '{"kind":"disconnect"}',
      '{"kind":"revoke","userId":"ada","beforeMs":"1"}',
      '{"kind":"subscribe","userId":"ada"}',
      '{"kind":"refresh","userId":"ada"}',
      '{"kind":"emulation","session":1,"data":"x"}',
    ]
    const log = { kind: 'shared', name: 'gateway:control' } as const
    for (const payload of bad) {
      await eventLog.append(log, { channel: controlChannel(namespace), payload, retention: { maxCount: 10_000 } })
      await pubSub.plain.publish(nodeChannel(namespace, 'two'), payload)
    }
    await one.control.send({ kind: 'disconnect', userId: 'ada', reason: 'last' })
    await eventually(() => expect(two_.heard).toEqual([{ kind: 'disconnect', userId: 'ada', reason: 'last' }]))
    expect(two_.reported).toEqual([])
  })

  test('a listener that throws is reported, and keeps no other from hearing', async () => {
    const [one] = await two()
    const failure = new Error('broken')
    const heard: string[] = []
    one.control.on(() => {
      throw failure
    })
    const end = one.control.on(({ kind }) => heard.push(kind))
    await one.control.send({ kind: 'disconnect', userId: 'ada' })
    await eventually(() => expect([heard, one.reported]).toEqual([['disconnect'], [failure]]))
    end()
    await one.control.send({ kind: 'disconnect', userId: 'ada' })
    await eventually(() => expect(one.heard).toHaveLength(2))
    expect(heard).toHaveLength(1)
  })

  test('after its end a node obeys no more', async () => {
    const [one, two_] = await two()
    await two_.control.close()
    await two_.control.close()
    await one.control.send({ kind: 'disconnect', userId: 'ada' })
    await eventually(() => expect(one.heard).toHaveLength(1))
    // Redis keeps a subscription that was given up for a moment.
    await eventually(async () => expect(await one.control.emulate('two', 's', 'x')).toBe(false))
    expect(two_.heard).toEqual([])
  })
})

test('a node for which commands were lost is told so', async () => {
  const own = await RedisServer.start()
  ending.push(() => own.stopWithoutLeaks())
  const [one, two_] = [
    await started('one', await onRedis(own, 'tidings')),
    await started('two', await onRedis(own, 'tidings')),
  ]
  await one.control.send({ kind: 'disconnect', userId: 'ada' })
  await eventually(() => expect(two_.heard).toHaveLength(1))
  await two_.cut()
  await own.admin.flushall()
  await one.control.send({ kind: 'disconnect', userId: 'bob' })
  await two_.restore()
  await eventually(() => expect(two_.heard).toHaveLength(2))
  expect(two_.missed).toBe(1)
})

test('a start that fails leaves nothing, and may be repeated', async () => {
  const { connection, cut, restore } = await onRedis(server, randomUUID(), 500)
  ending.push(() => connection.close())
  const heard: ControlCommand[] = []
  const control = new Control({ connection, nodeId: 'one', report: () => {} })
  control.on((command) => heard.push(command))
  await cut()
  await expect(control.start()).rejects.toMatchObject({ code: 'NOT_CONNECTED' })
  await restore()
  // It is reconnected to when the next attempt is due.
  await eventually(() => control.start(), 10_000)
  await control.send({ kind: 'disconnect', userId: 'ada' })
  await eventually(() => expect(heard).toHaveLength(1))
  await control.close()
})
