import { afterEach, expect, test } from 'vitest'
import { RedisPubSub } from '../../src/backends/redis/pub-sub.ts'
import type { Gap } from '../../src/core/gap.ts'
import { LoggedPubSub } from '../../src/log/logged-pub-sub.ts'
import { openEventLog } from '../support/event-log.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const ending: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

function open(port: number) {
  const eventLog = openEventLog(port, 10_000)
  const pubSub = new RedisPubSub({
    client: { host: '127.0.0.1', port },
    commandTimeoutMs: 10_000,
    queue: { maxCount: 10_000, maxBytes: 10_000_000 },
    patternLimit: 16,
  })
  const bus = new LoggedPubSub(pubSub, eventLog, { namespace: 'tidings', policyMs: 50, lookMs: 100 })
  ending.push(() => Promise.all([bus.close(), eventLog.close()]))
  return { bus, eventLog }
}

test('subscribers whose connections break again and again miss nothing of what is kept', async () => {
  const server = await RedisServer.start()
  ending.push(() => server.stop())
  const way = await TcpProxy.to(server.port)
  ending.push(() => way.close())
  const sender = open(server.port)
  const history = { maxCount: 100_000 }
  await sender.eventLog.replacePolicies(0, { 'order.*': { history }, 'audit.*': { history, log: 'audit' } })
  const reader = open(way.port)
  const got: string[] = []
  const gaps: Gap[] = []
  const take = (who: string) => (message: { channel: string; text: string }) =>
    got.push(`${who} ${message.channel} ${message.text}`)
  const onGap = (gap: Gap) => gaps.push(gap)
  await reader.bus.subscribe('pattern', '*', take('all'), { onGap })
  await reader.bus.subscribe('channel', 'order.1', take('one'), { onGap })
  await reader.bus.subscribe('channel', 'audit.1', take('audit'), { onGap })

  const expected: string[] = []
  for (let round = 0; round < 20; round += 1) {
    if (round % 5 === 4) way.reset()
    for (const channel of ['order.1', `order.born.${round}`, 'audit.1', 'audit.2']) {
      await sender.bus.publish(channel, `${round}`)
      expected.push(`all ${channel} ${round}`)
      if (channel === 'order.1') expected.push(`one ${channel} ${round}`)
      if (channel === 'audit.1') expected.push(`audit ${channel} ${round}`)
    }
  }
  await eventually(() => expect(got.toSorted()).toEqual(expected.toSorted()), 15_000)
  const ordered = (lines: readonly string[], start: string) => lines.filter((line) => line.startsWith(start))
  for (const start of ['all order.1 ', 'one ', 'all audit', 'audit ']) {
    expect(ordered(got, start)).toEqual(ordered(expected, start))
  }
  expect(gaps).toEqual([])
})
