import { nodesKey, revokedKey } from '../../core/keys.ts'
import type { NodeInfo, NodeRegistry } from '../../core/presence.ts'
import type { Revocations } from '../../core/revocations.ts'
import { NODES, REVOCATIONS } from './lua.generated.ts'
import { PresenceCalls, type PresenceCallsOptions } from './presence-calls.ts'
import { Script } from './script.ts'

const nodes = new Script(NODES)
const revocations = new Script(REVOCATIONS)

/** {@link NodeRegistry} on a Redis ≥ 7.0: one key for all nodes. */
export class RedisNodeRegistry implements NodeRegistry {
  readonly #calls: PresenceCalls
  readonly #keys: readonly string[]

  constructor(options: PresenceCallsOptions) {
    this.#calls = new PresenceCalls(options, nodes)
    this.#keys = [nodesKey(options.namespace, options.partitions)]
  }

  async announce(node: NodeInfo, leaseMs: number): Promise<void> {
    await this.#run('announce', String(leaseMs), node.id, JSON.stringify(node))
  }

  async leave(nodeId: string): Promise<void> {
    await this.#run('leave', nodeId)
  }

  async list(): Promise<readonly NodeInfo[]> {
    const texts = (await this.#run('list')) as Buffer[]
    const found = texts.map((text) => JSON.parse(String(text)) as NodeInfo)
    return found.sort((one, other) => one.startedAtMs - other.startedAtMs)
  }

  close(deadlineMs?: number): Promise<void> {
    return this.#calls.close(deadlineMs)
  }

  #run(...args: string[]): Promise<unknown> {
    return this.#calls.run(this.#keys, args)
  }
}

/** {@link Revocations} on a Redis ≥ 7.0: a key for each user with a mark. */
export class RedisRevocations implements Revocations {
  readonly #options: PresenceCallsOptions
  readonly #calls: PresenceCalls

  constructor(options: PresenceCallsOptions) {
    this.#options = options
    this.#calls = new PresenceCalls(options, revocations)
  }

  async revoke(userId: string, beforeMs: number, keepMs: number): Promise<void> {
    await this.#run(userId, String(beforeMs), String(keepMs))
  }

  async revokedBefore(userId: string): Promise<number | undefined> {
    const reply = await this.#run(userId)
    return reply === null ? undefined : Number(reply)
  }

  close(deadlineMs?: number): Promise<void> {
    return this.#calls.close(deadlineMs)
  }

  #run(userId: string, ...args: string[]): Promise<unknown> {
    const { namespace, partitions } = this.#options
    return this.#calls.run([revokedKey(namespace, userId, partitions)], args)
  }
}
