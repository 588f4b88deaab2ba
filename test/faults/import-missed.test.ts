import { afterEach, expect, test } from 'vitest'
import { connect, type InboxSync, NotificationService } from '../../src/index.ts'
import { importArticleLists } from '../../src/notifications/article-import.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const ending: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

test('what was imported while a reader was away is a change for it, and nothing new', { timeout: 60_000 }, async () => {
  const server = await RedisServer.start()
  ending.push(() => server.stopWithoutLeaks())
  const way = await TcpProxy.to(server.port)
  ending.push(() => way.close())
  const connection = await connect(server.url)
  ending.push(() => connection.close())
  const sender = new NotificationService({ redis: connection })
  ending.push(() => sender.close())
  const reader = new NotificationService({ host: '127.0.0.1', port: way.port, commandTimeoutMs: 20_000 })
  ending.push(() => reader.close())
  const got: string[] = []
  const changes: InboxSync[] = []
  await reader.subscribeUser('u', ({ title }) => got.push(title), { onChange: (change) => changes.push(change) })
  await way.down()
  const old = ['old 1', 'old 2'].map((id) => {
    const timestamp = '2026-11-20T10:00:00.123456'
    return JSON.stringify({ id, type: 'info', title: id, message: '', timestamp, read: false, data: null })
  })
  await server.admin.lpush('user:u:notifications', ...old)
  expect(await importArticleLists(connection, {})).toMatchObject({ imported: 2 })
  const { notifications } = await sender.list('u')
  await sender.edit('u', notifications[1]!.id, { type: 'info', title: 'edited', message: '' })
  await sender.sendToUser('u', { type: 'info', title: 'new', message: '' })
  await way.up()
  await eventually(() => expect(got).toContain('new'), 20_000)
  const change = await eventually(() => {
    const last = changes.at(-1)
    expect(last?.counts.total).toBe(3)
    return last!
  }, 20_000)
  expect(change).toMatchObject({ changed: [{ title: 'new' }, { title: 'old 2' }, { title: 'edited' }] })
  await sender.sendToUser('u', { type: 'info', title: 'last', message: '' })
  await eventually(() => expect(got).toContain('last'), 20_000)
  expect(got).toEqual(['new', 'last'])
})
