import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'
import type { RedisServer } from './redis-server.ts'

const PEER = fileURLToPath(new URL('./peers/python_notifications.py', import.meta.url))

/** What a list of the peer has. */
export interface PeerNotification {
  readonly id: string
  readonly user_id: string
  readonly type: string
  readonly title: string
  readonly message: string
  readonly timestamp: string
  readonly read: boolean
  readonly data: unknown
}

/** What the peer says of what it has published. */
export interface PeerSent {
  readonly id: string
  readonly receivers: number
}

/** A Python program with a notification service of its own, on redis-py. */
export class PythonNotifications {
  readonly heard: { readonly channel: string; readonly data: PeerNotification }[] = []
  readonly #process: ChildProcess
  readonly #results: ((result: unknown) => void)[] = []

  private constructor(process: ChildProcess) {
    this.#process = process
    createInterface({ input: process.stdout! }).on('line', (line) => {
      const said = JSON.parse(line)
      if ('heard' in said) this.heard.push({ channel: said.heard, data: said.data })
      else this.#results.shift()?.(said.result)
    })
  }

  /** Resolves when it is subscribed for the user and for broadcasts. */
  static async start(server: RedisServer, userId: string): Promise<PythonNotifications> {
    const channels = [`notifications:user:${userId}`, 'notifications:broadcast']
    const before = (await server.admin.pubsub('NUMSUB', ...channels)) as (string | number)[]
    const peer = new PythonNotifications(
      spawn('/usr/bin/python3', ['-W', 'ignore', PEER, String(server.port), userId], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    )
    await eventually(async () => {
      const now = (await server.admin.pubsub('NUMSUB', ...channels)) as (string | number)[]
      for (const index of [1, 3]) if (Number(now[index]) <= Number(before[index])) throw new Error('not subscribed')
    }, 10_000)
    return peer
  }

  async sendToUser(
    userId: string,
    type: string,
    title: string,
    message: string,
    data: unknown = null,
  ): Promise<PeerSent> {
    return (await this.#call('send_to_user', userId, type, title, message, data)) as PeerSent
  }

  async broadcast(type: string, title: string, message: string, data: unknown = null): Promise<PeerSent> {
    return (await this.#call('broadcast', type, title, message, data)) as PeerSent
  }

  async list(userId: string): Promise<PeerNotification[]> {
    return (await this.#call('get_user_notifications', userId, 1_000)) as PeerNotification[]
  }

  async markAsRead(userId: string, id: string): Promise<boolean> {
    return (await this.#call('mark_as_read', userId, id)) as boolean
  }

  async end(): Promise<void> {
    this.#process.stdin!.end()
    if (this.#process.exitCode === null) await once(this.#process, 'exit')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }

  #call(...call: unknown[]): Promise<unknown> {
    return new Promise((resolve) => {
      this.#results.push(resolve)
      this.#process.stdin!.write(`${JSON.stringify(call)}\n`)
    })
  }
}
