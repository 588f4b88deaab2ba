import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { eventually } from './eventually.ts'

export interface RedisServerOptions {
  /** Lines of redis.conf as pairs, such as `{ appendonly: 'yes' }`. */
  readonly config?: Readonly<Record<string, string>>
  /** Environment of the process, beside this one's. */
  readonly env?: Readonly<Record<string, string>>
  /** What a client must present before it may ask anything. */
  readonly password?: string
}

export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** A real redis-server of one test's own: its own port on loopback, its own directory, gone after `stop()`. */
export class RedisServer {
  readonly port: number
  readonly #dir: string
  readonly #options: RedisServerOptions
  #process: ChildProcess | undefined
  #admin: Redis | undefined
  readonly #killNow = (): void => void this.#process?.kill('SIGKILL')

  private constructor(port: number, dir: string, options: RedisServerOptions) {
    this.port = port
    this.#dir = dir
    this.#options = options
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), await mkdtemp(join(tmpdir(), 'tidings-redis-')), options)
    // A test run that dies must not leave servers behind.
    process.once('exit', server.#killNow)
    try {
      await server.restart()
    } catch (error) {
      await server.stop()
      throw error
    }
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get dir(): string {
    return this.#dir
  }

  get pid(): number {
    const pid = this.#process?.pid
    if (pid === undefined) throw new Error('redis-server is not running')
    return pid
  }

  /** A plain client for looking at the server from outside and for making trouble. */
  get admin(): Redis {
    if (this.#admin === undefined) {
      this.#admin = new Redis({
        port: this.port,
        host: '127.0.0.1',
        retryStrategy: () => 50,
        ...(this.#options.password === undefined ? {} : { password: this.#options.password }),
      })
      this.#admin.on('error', () => {})
    }
    return this.#admin
  }

  /** Starts the process again on the same port and directory, after `kill()` or `stop()`. */
  async restart(): Promise<void> {
    const { config = {}, password } = this.#options
    const settings: Record<string, string> = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.#dir,
      save: '',
      appendonly: 'no',
      ...(password === undefined ? {} : { requirepass: password }),
      ...config,
    }
    const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value])
    this.#process = spawn(process.env.REDIS_SERVER ?? 'redis-server', args, {
      stdio: 'ignore',
      env: { ...process.env, ...this.#options.env },
    })
    await eventually(async () => {
      if (this.#process?.exitCode !== null) throw new Error('redis-server ended at once')
      await answersPing(this.port)
    })
  }

  /** kill -9: no farewell, no saving. */
  async kill(): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await gone
  }

  /** SIGSTOP: sockets stay open, nothing answers. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  /** Number of connected clients, without the admin's own. */
  async clients(): Promise<string[]> {
    const list = String(await this.admin.client('LIST'))
    const own = await this.admin.client('ID')
    return list.split('\n').filter((line) => line !== '' && !line.startsWith(`id=${own} `))
  }

  async stop(): Promise<void> {
    this.#admin?.disconnect()
    await this.kill()
    process.off('exit', this.#killNow)
    await rm(this.#dir, { recursive: true, force: true })
  }

  /** Fails unless every client has gone within five seconds, then stops: call it when a test file ends. */
  async stopWithoutLeaks(): Promise<void> {
    try {
      await eventually(async () => {
        const clients = await this.clients()
        if (clients.length > 0) throw new Error(`clients left behind:\n${clients.join('\n')}`)
      })
    } finally {
      await this.stop()
    }
  }
}

/** Any answer will do, an error included: a server that wants a password is up too. */
async function answersPing(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    socket.write('PING\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    if (answer.toString().includes('LOADING')) throw new Error('still loading')
  } finally {
    socket.destroy()
  }
}
