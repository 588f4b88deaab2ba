import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Publisher, Subscriber } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { nextEvent } from '../support/next-event.ts'
import { freePort, RedisServer } from '../support/redis-server.ts'

test('Sentinel: when the master is killed, messages flow through the promoted replica', {
  timeout: 60_000,
}, async () => {
  const master = await RedisServer.start({ config: { 'repl-diskless-sync-delay': '0' } })
  const replica = await RedisServer.start({ config: { replicaof: `127.0.0.1 ${master.port}` } })
  const dir = await mkdtemp(join(tmpdir(), 'tidings-sentinel-'))
  const port = await freePort()
  await writeFile(
    join(dir, 'sentinel.conf'),
    `port ${port}\nbind 127.0.0.1\ndir ${dir}\nsentinel monitor main 127.0.0.1 ${master.port} 1\n` +
      'sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n',
  )
  const sentinel = spawn(process.env.REDIS_SERVER ?? 'redis-server', [join(dir, 'sentinel.conf'), '--sentinel'], {
    stdio: 'ignore',
  })
  try {
    await eventually(
      async () => expect(await replica.admin.info('replication')).toContain('master_link_status:up'),
      20_000,
    )
    const redis = { sentinels: [{ host: '127.0.0.1', port }], name: 'main' }
    await using subscriber = new Subscriber({ redis, commandTimeoutMs: 10_000 })
    await using publisher = new Publisher({ redis, commandTimeoutMs: 10_000 })
    subscriber.on('error', () => {})
    const received: unknown[] = []
    await subscriber.subscribe('failover', (_channel, message) => received.push(message))
    expect(await publisher.publish('failover', 'before')).toBe(1)

    const interrupted = nextEvent(subscriber, 'interruption')
    await master.kill()
    await interrupted
    await eventually(async () => expect(await publisher.publish('failover', 'after')).toBe(1), 20_000)
    await eventually(() => expect(received).toContain('after'))
    expect(await replica.admin.info('replication')).toContain('role:master')
  } finally {
    sentinel.kill('SIGKILL')
    if (sentinel.exitCode === null && sentinel.signalCode === null) await once(sentinel, 'exit')
    await Promise.all([master.stop(), replica.stop(), rm(dir, { recursive: true, force: true })])
  }
})
