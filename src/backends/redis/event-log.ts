import type { RedisOptions } from 'ioredis'
import { TidingsError } from '../../core/errors.ts'
import type {
  Appended,
  Changes,
  EventLog,
  EventLogGuarantees,
  LogMessage,
  LogPage,
  ReadQuery,
} from '../../core/event-log.ts'
import { deploymentKey, logKeys, partitionKeys } from '../../core/keys.ts'
import { type LogId, parseLogText } from '../../core/log-id.ts'
import { firstChangeAfter, type StoredPolicies } from '../../core/policy.ts'
import { settledWithin } from '../../core/settled-within.ts'
import { AppendQueue } from './append-queue.ts'
import { Link, type LinkOwner } from './link.ts'
import { decodeChanges, decodeDeployment, decodePage, FORMAT } from './log-reply.ts'
import { CHANGES, POLICIES, READ, SEEK } from './lua.generated.ts'
import type { QueueLimits } from './queue-limits.ts'
import { errorReply } from './redis-error.ts'
import { Script } from './script.ts'

/** Bytes of payload in one page, beyond its first entry. */
const PAGE_BYTES = 1_048_576
const CLOSE_DEADLINE_MS = 3_000

const SCRIPTS = {
  read: new Script(READ),
  seek: new Script(SEEK),
  changes: new Script(CHANGES),
  policies: new Script(POLICIES),
}

export interface RedisEventLogOptions {
  /** How to reach the server, for ioredis. */
  readonly client: RedisOptions
  readonly commandTimeoutMs: number
  readonly queue: QueueLimits
  readonly namespace: string
  readonly partitions: number
  /** A connection to share; whoever made it closes it, after this. Default: one of its own. */
  readonly link?: Link | undefined
}

/**
 * {@link EventLog} on a Redis ≥ 7.0: a stream and a hash for each log, and one script for each step. Appends that wait
 * for replicas have a connection of their own, so that nothing else waits behind them.
 */
export class RedisEventLog implements EventLog {
  readonly guarantees: EventLogGuarantees = { spansProcesses: true }
  readonly partitions: number
  readonly #options: RedisEventLogOptions
  readonly #warnings = new Set<{ readonly listener: (error: TidingsError) => void }>()
  readonly #link: Link
  readonly #queue: AppendQueue
  #durable: { readonly link: Link; readonly queue: AppendQueue } | undefined
  /** Settles when the deployment has been looked at on this connection; then it is known. */
  #checked: Promise<void> | undefined
  #known = false
  /** Appends that wait for that. */
  readonly #accepted = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(options: RedisEventLogOptions) {
    this.#options = options
    this.partitions = options.partitions
    const { link, queue } = this.#open(options.link)
    this.#link = link
    this.#queue = queue
  }

  append(log: LogId, message: LogMessage): Promise<Appended> {
    if (this.#closing) return Promise.reject(closed())
    if (this.#known && this.#accepted.size === 0) return this.#push(log, message)
    this.#checked ??= this.#check()
    const { payload } = message
    const copy = { ...message, payload: typeof payload === 'string' ? payload : Buffer.from(payload) }
    const since = performance.now()
    const pushed = this.#checked.then(() => ({ appended: this.#push(log, copy, since) }))
    this.#accepted.add(pushed)
    const done = () => this.#accepted.delete(pushed)
    pushed.then(done, done)
    return pushed.then(({ appended }) => appended)
  }

  async read(log: LogId, { fromSeq, toSeq, limit, reverse }: ReadQuery): Promise<LogPage> {
    const { stream, head } = logKeys(this.#options.namespace, log, this.partitions)
    const args = [fromSeq ?? '', toSeq ?? '', limit, reverse ? 1 : '', PAGE_BYTES].map(String)
    return decodePage(await this.#run(SCRIPTS.read, [stream, head], args), log)
  }

  async seek(log: LogId, by: 'time' | 'counter', value: number): Promise<number> {
    const { stream, head } = logKeys(this.#options.namespace, log, this.partitions)
    return Number(await this.#run(SCRIPTS.seek, [stream, head], [by === 'time' ? 't' : 'c', String(value)]))
  }

  async changes(partition: number, since?: number): Promise<Changes> {
    const keys = partitionKeys(this.#options.namespace, partition, this.partitions)
    const since1 = since === undefined ? '' : String(since)
    const reply = await this.#run(SCRIPTS.changes, [keys.partition, keys.changes], [since1])
    const [history, epoch, counter, changed] = reply as [Buffer, Buffer, Buffer, Buffer[]]
    const logs = []
    for (let i = 0; i < changed.length; i += 2) {
      logs.push({ log: parseLogText(String(changed[i])), counter: Number(changed[i + 1]) })
    }
    return { history: String(history), epoch: String(epoch), counter: Number(counter), logs }
  }

  async logs(partition: number): Promise<LogId[]> {
    const { changes } = partitionKeys(this.#options.namespace, partition, this.partitions)
    const texts = (await this.#ask(() => this.#link.write('zrange', [changes, '0', '-1']))) as Buffer[]
    return texts.map((text) => parseLogText(String(text)))
  }

  async policies(): Promise<StoredPolicies> {
    const key = deploymentKey(this.#options.namespace)
    const reply = await this.#ask(() => this.#link.write('hmget', [key, 'format', 'partitions', 'version', 'policies']))
    return decodeDeployment(reply as (Buffer | null)[], this.partitions)
  }

  async replacePolicies(version: number, policies: StoredPolicies['policies']): Promise<number | undefined> {
    try {
      const reply = await this.#deployment([String(version), JSON.stringify(policies)])
      return decodeDeployment([...reply, null], this.partitions).version
    } catch (error) {
      if (error instanceof TidingsError && errorReply(error)?.startsWith('STALE')) return undefined
      throw error
    }
  }

  async policiesChangedMs(afterVersion: number): Promise<number | undefined> {
    const key = deploymentKey(this.#options.namespace)
    const [changed] = (await this.#ask(() => this.#link.write('hmget', [key, 'changed']))) as (Buffer | null)[]
    return firstChangeAfter(afterVersion, decodeChanges(changed))
  }

  onWarning(listener: (error: TidingsError) => void): () => void {
    const entry = { listener }
    this.#warnings.add(entry)
    return () => this.#warnings.delete(entry)
  }

  /** Lets what was accepted go out within `deadlineMs`, then closes. Idempotent, never rejects. */
  close(deadlineMs: number = CLOSE_DEADLINE_MS): Promise<void> {
    this.#closing ??= this.#close(deadlineMs)
    return this.#closing
  }

  async #close(deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs
    if (this.#link.started) await settledWithin(this.#accepted, deadlineMs)
    const left = Math.max(0, deadline - performance.now())
    await Promise.all([this.#queue.close(left), this.#durable?.queue.close(left)])
    if (this.#options.link === undefined) this.#link.close()
    this.#durable?.link.close()
  }

  #push(log: LogId, message: LogMessage, since?: number): Promise<Appended> {
    if (message.durability === undefined) return this.#queue.push(log, message, since)
    this.#durable ??= this.#open()
    return this.#durable.queue.push(log, message, since)
  }

  #open(shared?: Link): { link: Link; queue: AppendQueue } {
    const { client, commandTimeoutMs, namespace, queue: limits } = this.#options
    const owner: LinkOwner = {
      ready: () => queue.resume(),
      down: (error, final) => {
        this.#checked = undefined
        this.#known = false
        if (final) queue.fail(error)
      },
    }
    const link = shared ?? new Link({ client, commandTimeoutMs }, owner)
    shared?.join(owner)
    const queue: AppendQueue = new AppendQueue({
      link,
      namespace,
      partitions: this.partitions,
      limits,
      timeoutMs: commandTimeoutMs,
      foreign: (log, count) => this.#foreign(log, count),
    })
    return { link, queue }
  }

  /** Makes sure, before the first append, that the deployment is one that this program knows. */
  async #check(): Promise<void> {
    try {
      const reply = await this.#deployment([], true)
      decodeDeployment([...reply, null], this.partitions)
      this.#known = true
    } catch (error) {
      this.#checked = undefined
      // What keeps the question from being asked will keep the append from being made, and say so better.
      if (error instanceof TidingsError && error.code === 'DEPLOYMENT_MISMATCH') throw error
    }
  }

  async #deployment(args: readonly string[], mayBeClosing = false): Promise<(Buffer | null)[]> {
    const key = deploymentKey(this.#options.namespace)
    const first = [String(FORMAT), String(this.partitions)]
    // What was accepted before the end may still be asked for.
    if (!mayBeClosing) this.#assertOpen()
    await this.#link.whenWritable()
    return (await SCRIPTS.policies.run(this.#link, [key], [...first, ...args])) as (Buffer | null)[]
  }

  #run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#ask(() => script.run(this.#link, keys, args))
  }

  /** For what changes nothing: where the answer was lost it is asked again, within the command timeout. */
  async #ask(call: () => Promise<unknown>): Promise<unknown> {
    const deadline = performance.now() + this.#options.commandTimeoutMs
    for (;;) {
      this.#assertOpen()
      await this.#link.whenWritable()
      try {
        return await call()
      } catch (error) {
        const lost = error instanceof TidingsError && error.code === 'CONNECTION_LOST'
        if (!lost || performance.now() >= deadline) throw error
      }
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw closed()
  }

  #foreign({ name }: LogId, count: number): void {
    const error = new TidingsError('FOREIGN_ENTRIES', `Somebody else has written into the log "${name}".`, {
      hint: 'The entries were moved to its quarantine stream, and readers do not see them. Append through Tidings.',
      context: { log: name, count },
    })
    for (const { listener } of this.#warnings) listener(error)
  }
}

function closed(): TidingsError {
  return new TidingsError('CLOSED', 'This connection has been closed.')
}
