import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { joinHub } from '../../src/backends/memory/hub.ts'
import { ListenerTable } from '../../src/core/listener-table.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient, listenTo, openGateway, upTo } from '../support/gateway.ts'

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** A gateway on memory whose log can be continued in a new generation, and a client that has had 1 and 2. */
async function open(policy: object, recoverCount = 1_000) {
  const name = randomUUID()
  const member = new ListenerTable()
  const hub = joinHub(name, member)
  ending.push(() => hub.leave(member))
  const opened = await openGateway({ connection: { redis: `memory:${name}` }, limits: { recoverCount } })
  ending.push(opened.close)
  const { bus, url, gateway } = opened
  await bus.policies.apply({ 'log*': { history: { maxCount: 1_000 }, ...policy } })
  const client = connectClient(url, { token: 'user:ada' })
  ending.push(() => client.disconnect())
  const { subscription, got } = listenTo(client, 'log')
  const recovered: boolean[] = []
  subscription.on('subscribed', (context) => recovered.push(context.recovered))
  await subscription.ready()
  const append = async (n: number) => void (await bus.publisher.append('log', n))
  const newGeneration = () => hub.logs('tidings').failOver(hub.logs('tidings').snapshot())
  for (const n of upTo(2)) await append(n)
  await eventually(() => expect(got).toEqual(upTo(2)))
  const back = async () => {
    client.connect()
    await subscription.ready()
  }
  /** Nobody listens, and the node has forgotten the channel. */
  const leave = async () => {
    client.disconnect()
    await eventually(() => expect(gateway.node.hub.size).toBe(0))
  }
  return { bus, client, leave, got, recovered, append, newGeneration, back }
}

describe.each([
  { log: 'a log of its own', policy: {}, recoverCount: 1_000 },
  { log: 'a log of its own, given in parts', policy: {}, recoverCount: 2 },
  { log: 'a shared log', policy: { log: 'all' }, recoverCount: 1_000 },
  { log: 'a shared log, given in parts', policy: { log: 'all' }, recoverCount: 2 },
])('on $log', ({ policy, recoverCount }) => {
  test('who has recovered beyond a new generation recovers again, in either', async () => {
    const { client, got, recovered, append, newGeneration, back } = await open(policy, recoverCount)
    client.disconnect()
    await append(3)
    newGeneration()
    for (const n of [4, 5]) await append(n)
    await back()
    await eventually(() => expect(got).toEqual(upTo(5)))
    await append(6)
    await eventually(() => expect(got).toEqual(upTo(6)))
    client.disconnect()
    await append(7)
    newGeneration()
    await append(8)
    newGeneration()
    for (const n of [9, 10, 11]) await append(n)
    await back()
    await eventually(() => expect(got).toEqual(upTo(11)))
    client.disconnect()
    await append(12)
    await back()
    await eventually(() => expect(got).toEqual(upTo(12)))
    expect(recovered).toEqual([false, true, true, true])
  })

  test('a generation that is opened by what others append is told with what comes next', async () => {
    const { bus, leave, got, recovered, append, newGeneration, back } = await open(policy, recoverCount)
    await leave()
    await append(3)
    newGeneration()
    await bus.publisher.append('log-of-others', 'other')
    await back()
    await eventually(() => expect(got).toEqual(upTo(3)))
    await append(4)
    await eventually(() => expect(got).toEqual(upTo(4)))
    await leave()
    await append(5)
    await back()
    await eventually(() => expect(got).toEqual(upTo(5)))
    expect(recovered.slice(1)).not.toContain(false)
  })
})
