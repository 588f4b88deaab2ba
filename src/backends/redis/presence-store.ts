import { presenceKeys } from '../../core/keys.ts'
import type { PresenceMember, PresenceStats, PresenceStore } from '../../core/presence.ts'
import { randomName } from '../../core/random-name.ts'
import { PRESENCE } from './lua.generated.ts'
import { PresenceCalls, type PresenceCallsOptions } from './presence-calls.ts'
import { Script } from './script.ts'

/** Members in one renewal: a moment's work for the server. */
const RENEW_AT_ONCE = 500

const script = new Script(PRESENCE)

/**
 * {@link PresenceStore} on a Redis ≥ 7.0: three keys for each channel, all in the channel's partition, and one script.
 * Each run first removes whose lease is over, a bounded number; where there are more it does nothing else and is run
 * again, so that what it then says is exact, and no run holds up the server.
 */
export class RedisPresenceStore implements PresenceStore {
  readonly #options: PresenceCallsOptions
  readonly #calls: PresenceCalls

  constructor(options: PresenceCallsOptions) {
    this.#options = options
    this.#calls = new PresenceCalls(options, script)
  }

  async join(channel: string, member: PresenceMember, leaseMs: number): Promise<{ firstOfUser: boolean }> {
    const args = ['join', String(leaseMs), member.clientId, encodeMember(member)]
    return { firstOfUser: await this.#answered(channel, args) }
  }

  async renew(channel: string, members: readonly PresenceMember[], leaseMs: number): Promise<void> {
    for (let start = 0; start < members.length; start += RENEW_AT_ONCE) {
      const some = members.slice(start, start + RENEW_AT_ONCE)
      const args = some.flatMap((member) => [member.clientId, encodeMember(member)])
      await this.#run(channel, ['renew', String(leaseMs), ...args])
    }
  }

  async leave(channel: string, clientId: string): Promise<{ lastOfUser: boolean }> {
    return { lastOfUser: await this.#answered(channel, ['leave', clientId]) }
  }

  async list(channel: string): Promise<readonly PresenceMember[]> {
    const rows = (await this.#run(channel, ['list'])) as Buffer[]
    const members: PresenceMember[] = []
    for (let i = 0; i < rows.length; i += 2) members.push(decodeMember(String(rows[i]), rows[i + 1]!))
    return members
  }

  async stats(channel: string): Promise<PresenceStats> {
    const [clients, users] = (await this.#run(channel, ['stats'])) as [number, number]
    return { clients: Number(clients), users: Number(users) }
  }

  close(deadlineMs?: number): Promise<void> {
    return this.#calls.close(deadlineMs)
  }

  /** Whether the answer is yes: the same however often the call must be made. */
  async #answered(channel: string, args: readonly string[]): Promise<boolean> {
    const keepMs = String(this.#options.commandTimeoutMs * 2)
    const reply = await this.#run(channel, [...args, keepMs], randomName())
    return Number(reply) === 1
  }

  async #run(channel: string, args: readonly string[], callId?: string): Promise<unknown> {
    const { members, leases, users, answers } = presenceKeys(this.#options.namespace, channel, this.#options.partitions)
    const keys = [members, leases, users, ...(callId === undefined ? [] : [answers + callId])]
    let reply: unknown
    do reply = await this.#calls.run(keys, args)
    while (reply === null)
    return reply
  }
}

function encodeMember({ userId, info = '' }: PresenceMember): string {
  return `${Buffer.byteLength(userId)}:${userId}${info}`
}

function decodeMember(clientId: string, bytes: Buffer): PresenceMember {
  const start = bytes.indexOf(':') + 1
  const end = start + Number(bytes.toString('latin1', 0, start - 1))
  return {
    clientId,
    userId: bytes.toString('utf8', start, end),
    info: end < bytes.length ? bytes.toString('utf8', end) : undefined,
  }
}
