import type { RedisOptions } from 'ioredis'
import { TidingsError } from '../../core/errors.ts'
import { ListenerTable, type Place, type Row } from '../../core/listener-table.ts'
import type { Listener, PubSub, PubSubGuarantees, SubscriptionHandle, SubscriptionKind } from '../../core/pub-sub.ts'
import type { ConnectionStatus, StatusListener } from '../../core/status.ts'
import { RedisEventLog } from './event-log.ts'
import { RedisForeignLists } from './foreign-lists.ts'
import { RedisInboxStore } from './inbox-store.ts'
import { Link } from './link.ts'
import { PatternRoutes } from './pattern-routes.ts'
import { RedisNodeRegistry, RedisRevocations } from './presence-nodes.ts'
import { RedisPresenceStore } from './presence-store.ts'
import { PublishQueue } from './publish-queue.ts'
import type { QueueLimits } from './queue-limits.ts'
import { isPermission } from './redis-error.ts'
import { ServerSubscriptions } from './server-subscriptions.ts'

/** Channels in one PUBSUB NUMSUB. */
const NUMSUB_CHANNELS = 512
const CLOSE_DEADLINE_MS = 3_000

export interface RedisPubSubOptions {
  /** How to reach the server, for ioredis. */
  readonly client: RedisOptions
  readonly commandTimeoutMs: number
  readonly queue: QueueLimits
  /** Patterns that are subscribed one by one; see {@link PatternRoutes}. */
  readonly patternLimit: number
}

/** Where a deployment keeps what is its own. */
export interface StoreNames {
  readonly namespace: string
  readonly partitions: number
}

export interface RedisPresence {
  readonly presence: RedisPresenceStore
  readonly nodes: RedisNodeRegistry
  readonly revocations: RedisRevocations
}

/**
 * {@link PubSub} on a Redis: one connection for commands and one for subscriptions, each made when first needed.
 * Spans processes; other programs can publish and subscribe to the same channels.
 */
export class RedisPubSub implements PubSub {
  readonly guarantees: PubSubGuarantees = { spansProcesses: true, foreignClients: true }
  readonly #listeners = new ListenerTable()
  readonly #statusListeners = new Set<StatusListener>()
  readonly #routes: PatternRoutes<Row>
  readonly #commands: Link
  readonly #subscriber: Link
  readonly #queue: PublishQueue
  readonly #options: RedisPubSubOptions
  /** What was opened on the connection for commands, and is closed before it. */
  readonly #stores: { close(deadlineMs: number): Promise<void> }[] = []
  readonly #subscriptions: ServerSubscriptions
  /** Links that have broken and are not back. */
  readonly #down = new Set<Link>()
  #connected: boolean | undefined
  /** By place, the name that it uses in Redis. */
  readonly #held = new Map<Place, string>()
  #interruptedAt: number | undefined
  #closing: Promise<void> | undefined

  constructor(options: RedisPubSubOptions) {
    this.#options = options
    const { client, commandTimeoutMs } = options
    this.#routes = new PatternRoutes(options.patternLimit)
    this.#commands = new Link(options, {
      ready: () => {
        this.#up(this.#commands)
        this.#queue.resume()
      },
      down: (error, final) => {
        this.#broken(this.#commands, error)
        if (final) this.#queue.fail(error)
      },
    })
    this.#queue = new PublishQueue(this.#commands, options.queue, commandTimeoutMs)
    this.#subscriber = new Link(
      { client: { ...client, ...subscriberName(client) }, commandTimeoutMs },
      {
        ready: (epoch) => {
          this.#up(this.#subscriber)
          void this.#subscriptions.renew(epoch)
        },
        down: (error, final) => {
          this.#interruptedAt ??= performance.now()
          this.#broken(this.#subscriber, error)
          if (final) this.#subscriptions.fail(error)
        },
        message: (channel, payload) => this.#listeners.dispatchChannel(channel.toString('latin1'), payload),
        patternMessage: (pattern, channel, payload) => this.#patternMessage(pattern, channel, payload),
      },
    )
    this.#subscriptions = new ServerSubscriptions(
      this.#subscriber,
      {
        begun: () => {
          this.#interruptedAt = undefined
        },
        renewed: (channels, patterns) => {
          const downMs = performance.now() - (this.#interruptedAt ?? performance.now())
          this.#interruptedAt = undefined
          this.#report({ kind: 'interruption', downMs: Math.round(downMs), channels, patterns })
        },
        refused: (_kind, _name, error) => this.#report({ kind: 'error', error }),
      },
      commandTimeoutMs,
    )
  }

  /** The logs of the same server, on the connection for commands. They are closed with this. */
  openEventLog(names: StoreNames): RedisEventLog {
    return this.#keep(new RedisEventLog({ ...this.#options, ...names, link: this.#commands }))
  }

  /** The inboxes on the same server, on the connection for commands. They are closed with this. */
  openInboxStore(names: StoreNames): RedisInboxStore {
    return this.#keep(new RedisInboxStore({ ...this.#options, ...names, link: this.#commands }))
  }

  /** Who is there, which nodes, and what is revoked; as {@link openEventLog}. */
  openPresence(names: StoreNames): RedisPresence {
    const options = { ...this.#options, ...names, link: this.#commands }
    return {
      presence: this.#keep(new RedisPresenceStore(options)),
      nodes: this.#keep(new RedisNodeRegistry(options)),
      revocations: this.#keep(new RedisRevocations(options)),
    }
  }

  /** What other programs keep on the same server, on the connection for commands. */
  foreignLists(): RedisForeignLists {
    return new RedisForeignLists(this.#commands)
  }

  async connect(): Promise<void> {
    if (this.#closing) throw closed()
    await this.#commands.whenWritable()
  }

  publish(channel: string, payload: string | Uint8Array): Promise<number> {
    return this.#queue.push(channel, payload)
  }

  /** Without a frame of its own while it waits: a hundred thousand may do so at once. */
  subscribe(kind: SubscriptionKind, name: string, listener: Listener): Promise<SubscriptionHandle> {
    if (this.#closing) return Promise.reject(closed())
    const place = this.#listeners.add(kind, name, listener)
    const acquired = kind === 'channel' ? this.#hold(place, name) : this.#acquirePattern(place)
    return acquired.then(
      () => {
        if (this.#closing) throw closed()
        return { release: () => this.#remove(place) }
      },
      (error: unknown) => {
        this.#remove(place)
        throw error
      },
    )
  }

  async activeChannels(pattern: string): Promise<string[]> {
    const names = (await this.#ask('pubsub', ['CHANNELS', pattern])) as Buffer[]
    return names.map(String)
  }

  async subscriberCounts(channels: readonly string[]): Promise<number[]> {
    const slices: string[][] = []
    for (let i = 0; i < channels.length; i += NUMSUB_CHANNELS) slices.push(channels.slice(i, i + NUMSUB_CHANNELS))
    const replies = await Promise.all(slices.map((slice) => this.#ask('pubsub', ['NUMSUB', ...slice])))
    return replies.flatMap((reply) => (reply as unknown[]).filter((_, index) => index % 2 === 1).map(Number))
  }

  async patternCount(): Promise<number> {
    return Number(await this.#ask('pubsub', ['NUMPAT']))
  }

  onStatus(listener: StatusListener): () => void {
    const own: StatusListener = (status) => listener(status)
    this.#statusListeners.add(own)
    return () => this.#statusListeners.delete(own)
  }

  close(deadlineMs: number = CLOSE_DEADLINE_MS): Promise<void> {
    this.#closing ??= this.#close(deadlineMs)
    return this.#closing
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#listeners.clear()
    this.#subscriptions.close(closed())
    this.#subscriber.close()
    await Promise.all([this.#queue, ...this.#stores].map((each) => each.close(deadlineMs)))
    this.#commands.close()
    this.#report({ kind: 'closed' })
    this.#statusListeners.clear()
  }

  #keep<T extends { close(deadlineMs: number): Promise<void> }>(store: T): T {
    this.#stores.push(store)
    return store
  }

  async #acquirePattern(place: Place): Promise<void> {
    const { kind, name } = place
    const serverPattern = place.first ? this.#routes.add(name, place.row) : this.#routes.get(name)
    try {
      await this.#hold(place, serverPattern)
    } catch (error) {
      // An ACL permits a pattern letter by letter: the shared one may be refused where its own is not.
      if (serverPattern === name || !isPermission(error)) throw error
      this.#subscriptions.release(kind, serverPattern)
      if (this.#routes.get(name) !== name) {
        this.#routes.delete(name)
        this.#routes.add(name, place.row, true)
      }
      await this.#hold(place, name)
    }
  }

  #hold(place: Place, serverName: string): Promise<void> {
    this.#held.set(place, serverName)
    return this.#subscriptions.acquire(place.kind, serverName)
  }

  #remove(place: Place): void {
    const serverName = this.#held.get(place)
    if (serverName === undefined) return
    this.#held.delete(place)
    const last = this.#listeners.remove(place)
    if (last && place.kind === 'pattern') this.#routes.delete(place.name)
    this.#subscriptions.release(place.kind, serverName)
  }

  #patternMessage(pattern: string, channel: Buffer, payload: Buffer): void {
    const name = channel.toString('latin1')
    this.#listeners.dispatchRows(this.#routes.match(pattern, name), name, payload)
  }

  async #ask(name: string, args: string[]): Promise<unknown> {
    await this.connect()
    return this.#commands.write(name, args)
  }

  #up(link: Link): void {
    this.#down.delete(link)
    if (this.#connected === true || this.#down.size > 0) return
    this.#connected = true
    this.#report({ kind: 'connected' })
  }

  #broken(link: Link, error: TidingsError): void {
    this.#down.add(link)
    if (this.#connected === false) return
    this.#connected = false
    this.#report({ kind: 'disconnected', error })
  }

  #report(status: ConnectionStatus): void {
    for (const listener of [...this.#statusListeners]) listener(status)
  }
}

/** The second connection of a named client is told apart in CLIENT LIST. */
function subscriberName({ connectionName }: RedisOptions): RedisOptions {
  return connectionName ? { connectionName: `${connectionName}:subscriber` } : {}
}

function closed(): TidingsError {
  return new TidingsError('CLOSED', 'This connection has been closed.')
}
