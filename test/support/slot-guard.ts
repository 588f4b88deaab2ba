import type { Redis } from 'ioredis'
import { slotOf } from '../../src/core/partitions.ts'
import type { RedisServer } from './redis-server.ts'

/** Watches what a server is asked, for scripts whose keys would be in different slots of a Cluster. */
export class SlotGuard {
  readonly #monitor: Redis
  readonly #offences: string[] = []
  #scripts = 0

  private constructor(monitor: Redis) {
    this.#monitor = monitor
    monitor.on('monitor', (_time: string, args: string[]) => this.#look(args))
  }

  static async on(server: RedisServer): Promise<SlotGuard> {
    return new SlotGuard(await server.admin.monitor())
  }

  /** @throws where a script named keys of two slots, or where there was no script to look at */
  end(): void {
    this.#monitor.disconnect()
    if (this.#offences.length > 0) throw new Error(`keys of different slots:\n${this.#offences.join('\n')}`)
    if (this.#scripts === 0) throw new Error('no script was seen')
  }

  #look([command = '', , count, ...rest]: string[]): void {
    if (!/^eval(sha)?$/i.test(command)) return
    const keys = rest.slice(0, Number(count))
    this.#scripts += 1
    if (new Set(keys.map(slotOf)).size > 1) this.#offences.push(keys.join(' '))
  }
}
