import type { InboxVersion } from '../../core/inbox.ts'
import type {
  BroadcastPlace,
  CommandResult,
  InboxCommand,
  InboxDelta,
  InboxLimits,
  InboxPage,
  InboxQuery,
  InboxStore,
  NotificationMessage,
  SendOutcome,
} from '../../core/inbox-store.ts'
import { followersKey, inboxLimitsKey, inboxPrefix, partitionKeys } from '../../core/keys.ts'
import { partitionOf } from '../../core/partitions.ts'
import { randomName } from '../../core/random-name.ts'
import { encodeUserId } from '../../core/user-id.ts'
import { atText, commandArgs, sendArgs } from './inbox-args.ts'
import { InboxCalls } from './inbox-calls.ts'
import { decodeList, decodeOutcomes, decodeSend, decodeState, decodeSync } from './inbox-reply.ts'
import type { Link } from './link.ts'
import { INBOX } from './lua.generated.ts'
import type { QueueLimits } from './queue-limits.ts'
import { Script } from './script.ts'

const LIMITS = ['maxCount', 'maxBroadcasts'] as const
/** Followers in one page. */
const FOLLOWERS_PAGE = 1_000
const CLOSE_DEADLINE_MS = 3_000

const script = new Script(INBOX)

export interface RedisInboxStoreOptions {
  /** Whoever made it closes it, after this. */
  readonly link: Link
  readonly commandTimeoutMs: number
  /** Of calls on their way, and of their notifications. */
  readonly queue: QueueLimits
  readonly namespace: string
  readonly partitions: number
}

/**
 * {@link InboxStore} on a Redis ≥ 7.0: some small keys for each user, all in the user's partition, and one script that
 * is run once for each call. A change whose answer was lost is made again and may then say `already` for what it did
 * itself; a notification says the same both times.
 */
export class RedisInboxStore implements InboxStore {
  readonly #options: RedisInboxStoreOptions
  readonly #calls: InboxCalls

  constructor(options: RedisInboxStoreOptions) {
    this.#options = options
    const { link, commandTimeoutMs, queue: limits } = options
    this.#calls = new InboxCalls({ link, commandTimeoutMs, limits })
  }

  async send(userId: string, channel: string, message: NotificationMessage, at: BroadcastPlace): Promise<SendOutcome> {
    const { namespace, partitions } = this.#options
    const name = encodeUserId(userId)
    const { marks, markExpiry } = partitionKeys(namespace, partitionOf(`inbox:${name}`, partitions), partitions)
    const keys = [this.#key(userId), marks, markExpiry]
    const before = ['send', randomName(), atText(at)]
    const args = sendArgs(userId, channel, message)
    const bytes = Buffer.byteLength(message.body)
    const reply = await this.#run(bytes, keys, (again) => [...before, again ? '1' : '0', ...args])
    return decodeSend(reply)
  }

  async change(userId: string, command: InboxCommand, at: BroadcastPlace): Promise<CommandResult> {
    const reply = await this.#step(userId, command.kind, at, commandArgs(command))
    const [state, outcomes] = reply as [unknown, unknown]
    return { outcomes: decodeOutcomes(outcomes), state: decodeState(state) }
  }

  async list(
    userId: string,
    { view, limit, before, joins = true }: InboxQuery,
    at: BroadcastPlace,
  ): Promise<InboxPage> {
    const args = [view, String(limit), before === undefined ? '' : String(before), joins ? '' : 'peek']
    return decodeList(await this.#step(userId, 'list', at, args))
  }

  async sync(userId: string, { epoch, gen, rev }: InboxVersion, at: BroadcastPlace): Promise<InboxDelta> {
    return decodeSync(await this.#step(userId, 'sync', at, [epoch, String(gen), String(rev)]))
  }

  async erase(userId: string): Promise<boolean> {
    const nowhere = { epoch: '', seq: 0, gen: 0, firstSeq: 1 }
    return Number(await this.#step(userId, 'erase', nowhere, [])) === 1
  }

  async limits(declared: Partial<InboxLimits>, replace = false): Promise<Partial<InboxLimits>> {
    const key = inboxLimitsKey(this.#options.namespace)
    const values = LIMITS.flatMap((name) => (declared[name] === undefined ? [] : [[name, String(declared[name])]]))
    await Promise.all(values.map((pair) => this.#write(replace ? 'hset' : 'hsetnx', [key, ...pair])))
    const found = (await this.#write('hmget', [key, ...LIMITS])) as (Buffer | null)[]
    const limits = LIMITS.flatMap((name, index) => (found[index] ? [[name, Number(found[index])]] : []))
    return Object.fromEntries(limits)
  }

  async topics(userId: string): Promise<string[]> {
    return this.#ask('zrange', [`${this.#prefix(userId)}tp`, '0', '-1'])
  }

  async addFollower(topic: string, userId: string): Promise<void> {
    await this.#write('zadd', [this.#followers(topic), '0', userId])
  }

  async removeFollower(topic: string, userId: string): Promise<void> {
    await this.#write('zrem', [this.#followers(topic), userId])
  }

  /** The cursor is the last one of a page. */
  async followers(topic: string, cursor?: string): Promise<{ userIds: readonly string[]; next: string | undefined }> {
    const from = cursor === undefined ? '-' : `(${cursor}`
    const args = [this.#followers(topic), from, '+', 'LIMIT', '0', String(FOLLOWERS_PAGE + 1)]
    const found = await this.#ask('zrangebylex', args)
    const userIds = found.slice(0, FOLLOWERS_PAGE)
    return { userIds, next: found.length > FOLLOWERS_PAGE ? userIds.at(-1) : undefined }
  }

  /** Lets what was accepted be answered within `deadlineMs`. Idempotent, never rejects. */
  close(deadlineMs: number = CLOSE_DEADLINE_MS): Promise<void> {
    return this.#calls.close(deadlineMs)
  }

  #step(userId: string, operation: string, at: BroadcastPlace, args: readonly string[]): Promise<unknown> {
    const all = [operation, randomName(), atText(at), ...args]
    return this.#run(0, [this.#key(userId)], () => all)
  }

  #run(bytes: number, keys: readonly string[], args: (again: boolean) => readonly string[]): Promise<unknown> {
    return this.#calls.run(bytes, (again) => script.run(this.#options.link, keys, args(again)))
  }

  async #ask(command: string, args: string[]): Promise<string[]> {
    return ((await this.#write(command, args)) as Buffer[]).map(String)
  }

  #write(command: string, args: string[]): Promise<unknown> {
    return this.#calls.run(0, () => this.#options.link.write(command, args))
  }

  #prefix(userId: string): string {
    const { namespace, partitions } = this.#options
    return inboxPrefix(namespace, encodeUserId(userId), partitions)
  }

  #key(userId: string): string {
    return `${this.#prefix(userId)}m`
  }

  #followers(topic: string): string {
    return followersKey(this.#options.namespace, topic, this.#options.partitions)
  }
}
