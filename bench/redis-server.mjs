import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}

/** What must not outlive the run: each server's process, and its directory. @type {Map<import('node:child_process').ChildProcess, string>} */
const running = new Map()
process.once('exit', () => {
  for (const [child, dir] of running) {
    child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
})

/** A redis-server of our own: a free port on loopback, a temporary directory, nothing kept on disk. */
export class RedisServer {
  /** @param {number} port @param {string} dir @param {import('node:child_process').ChildProcess} child @param {Redis} admin */
  constructor(port, dir, child, admin) {
    this.port = port
    this.dir = dir
    this.child = child
    this.admin = admin
  }

  static async start() {
    const port = await freePort()
    const dir = await mkdtemp(join(tmpdir(), 'tidings-bench-'))
    const settings = {
      port: String(port),
      bind: '127.0.0.1',
      dir,
      save: '',
      appendonly: 'no',
      // A receiver that cannot keep up is what we measure: Redis must queue for it, not drop it.
      'client-output-buffer-limit': 'pubsub 0 0 0',
    }
    const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value])
    const child = spawn(process.env.REDIS_SERVER ?? 'redis-server', args, { stdio: 'ignore' })
    running.set(child, dir)
    /** @type {unknown} */
    let failure
    child.once('error', (error) => {
      failure = error
    })
    const admin = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => null })
    admin.on('error', () => {})
    for (let attempt = 0; admin.status !== 'ready'; attempt += 1) {
      if (failure)
        throw new Error('redis-server does not start. Is it on the PATH, or in REDIS_SERVER?', { cause: failure })
      if (attempt === 200) throw new Error('redis-server did not answer within 10 seconds.')
      await delay(50)
      await admin.connect().catch(() => {})
    }
    return new RedisServer(port, dir, child, admin)
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`
  }

  /** CPU microseconds that Redis has used since it started. */
  async cpuUs() {
    const info = await this.admin.info('cpu')
    const seconds = ['used_cpu_user', 'used_cpu_sys'].map((name) =>
      Number(new RegExp(`^${name}:(.+)`, 'm').exec(info)?.[1]),
    )
    return 1e6 * /** @type {number} */ (seconds[0]) + 1e6 * /** @type {number} */ (seconds[1])
  }

  /** The version that answers, such as `7.0.15`. */
  async version() {
    return String(/^redis_version:(.+?)\r?$/m.exec(await this.admin.info('server'))?.[1])
  }

  async stop() {
    this.admin.disconnect()
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = once(this.child, 'exit')
      this.child.kill('SIGKILL')
      await gone
    }
    running.delete(this.child)
    await rm(this.dir, { recursive: true, force: true })
  }
}
