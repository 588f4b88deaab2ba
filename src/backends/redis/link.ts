import { Command, Redis, type RedisOptions } from 'ioredis'
import { fullJitter } from '../../core/backoff.ts'
import { Deadlines, type Due } from '../../core/deadlines.ts'
import { TidingsError } from '../../core/errors.ts'
import { Heartbeat } from './heartbeat.ts'
import { fromReply, isPassing, replyText, withoutCommand } from './redis-error.ts'

/** Milliseconds of silence after a PING, or within a handshake, after which a connection is given up. */
const SILENCE_MS = 5_000
/** Reconnecting waits up to 50 ms at first and never more than 2 s: a healed Redis is back in use within 5 s. */
const RECONNECT_BASE_MS = 50
const RECONNECT_CAP_MS = 2_000
/** Milliseconds for which a new connection is not given up for another one. */
const LEAST_LIFE_MS = 1_000
/** Calls that may wait for a connection at once. */
const MAX_WAITERS = 10_000

export interface LinkOptions {
  readonly client: RedisOptions
  readonly commandTimeoutMs: number
}

/** Who uses a link is told of each change of state once. */
export interface LinkOwner {
  /** Commands can be sent; `epoch` counts the connections of this link, from 1. */
  ready(epoch: number): void
  /** The connection broke, or the first attempt failed. Attempts go on, unless `final`. */
  down(error: TidingsError, final: boolean): void
  /** A message of a subscribed channel. */
  message?(channel: Buffer, payload: Buffer): void
  /** A message that matched a subscribed pattern. */
  patternMessage?(pattern: string, channel: Buffer, payload: Buffer): void
}

interface InFlight extends Due {
  readonly name: string
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: TidingsError) => void
}

interface Waiter extends Due {
  readonly resolve: () => void
  readonly reject: (error: TidingsError) => void
}

/**
 * One supervised connection to Redis. It connects when first needed, finds dead connections by a heartbeat,
 * and reconnects by itself for ever. It has no queue: `write` sends now or refuses. It never sends a command
 * twice: what was sent and not answered when the connection broke is rejected with `CONNECTION_LOST`.
 *
 * ioredis is used for the protocol, the handshake, TLS and Sentinel; its own queue, resending and resubscribing
 * are off, because a command that they hold can be doubled or hang for good.
 */
export class Link {
  readonly #options: LinkOptions
  readonly #owners: LinkOwner[]
  readonly #inFlight: Deadlines<InFlight>
  readonly #waiters: Deadlines<Waiter>
  readonly #heartbeat: Heartbeat
  #client: Redis | undefined
  #state: 'idle' | 'connecting' | 'ready' | 'closed' = 'idle'
  #readySince = 0
  /** What holds back what is written, until the end of this turn. */
  #gathering: Redis['stream'] | undefined
  #epoch = 0
  #reportedDown = false
  #lastError: Error | undefined

  constructor(options: LinkOptions, owner: LinkOwner) {
    this.#options = options
    this.#owners = [owner]
    this.#inFlight = new Deadlines(options.commandTimeoutMs, (command) => command.reject(timeout(command.name)))
    this.#waiters = new Deadlines(options.commandTimeoutMs, (waiter) => waiter.reject(this.notConnected()))
    this.#heartbeat = new Heartbeat(
      {
        bytesRead: () => this.#client?.stream?.bytesRead ?? 0,
        ping: () => void this.#client?.ping().catch(() => {}),
        dead: (silentMs) => this.#drop(`Redis has been silent for ${Math.round(silentMs)} ms`),
      },
      SILENCE_MS,
    )
  }

  /** Tells somebody else of the link's changes, too. Messages go to the first owner alone. */
  join(owner: LinkOwner): void {
    this.#owners.push(owner)
  }

  get epoch(): number {
    return this.#epoch
  }

  get started(): boolean {
    return this.#state === 'connecting' || this.#state === 'ready'
  }

  /** True if a command written now goes out now. */
  get writable(): boolean {
    return this.#state === 'ready' && this.#client?.status === 'ready' && this.#client.stream.writable
  }

  /** Why the link is not connected, as far as is known. */
  notConnected(): TidingsError {
    return new TidingsError('NOT_CONNECTED', `Redis at ${this.#address()} is not connected; nothing was sent.`, {
      ...(this.#lastError === undefined ? {} : { cause: this.#lastError }),
      hint: 'Check that Redis runs there and can be reached; the connection is retried meanwhile.',
    })
  }

  /** Begins to connect, unless it already has. */
  start(): void {
    if (this.#state !== 'idle') return
    this.#state = 'connecting'
    this.#reportedDown = false
    const client = this.#open()
    this.#client = client
    client.connect().catch(() => {})
  }

  /**
   * Sends one command now. `deadline` is a time of `performance.now()`.
   * Rejects with `NOT_CONNECTED` if it was not sent, with `CONNECTION_LOST` or `TIMEOUT` if nobody knows
   * whether it ran, or with what Redis answered.
   */
  write(
    name: string,
    args: (string | Buffer)[],
    deadline: number = performance.now() + this.#options.commandTimeoutMs,
  ): Promise<unknown> {
    if (!this.writable) return Promise.reject(this.notConnected())
    return this.send(new Command(name, args), deadline)
  }

  /** As {@link write}, with a command that the caller has made. */
  send(sent: Command, deadline: number): Promise<unknown> {
    const client = this.#client
    if (client === undefined || !this.writable) return Promise.reject(this.notConnected())
    const { name } = sent
    return new Promise((resolve, reject) => {
      this.#gather(client)
      const command: InFlight = { name, deadline, resolve, reject }
      this.#inFlight.add(command)
      const answered = client.sendCommand(sent) as Promise<unknown>
      answered.then(
        (reply) => this.#inFlight.delete(command) && resolve(reply),
        (error: unknown) => {
          if (!this.#inFlight.delete(command)) return
          const reply = replyText(error)
          reject(reply === undefined ? lost(name, withoutCommand(error)) : fromReply(reply))
        },
      )
    })
  }

  /** What is written in this turn goes out in one packet at its end: each write of its own would be a call of the system. */
  #gather({ stream }: Redis): void {
    if (stream === this.#gathering) return
    this.#gathering = stream
    stream.cork()
    process.nextTick(() => {
      if (this.#gathering === stream) this.#gathering = undefined
      stream.uncork()
    })
  }

  /** Connects if need be; resolves when commands can be sent, rejects when that cannot be or takes too long. */
  whenWritable(): Promise<void> {
    if (this.writable) return Promise.resolve()
    this.start()
    if (this.#waiters.size >= MAX_WAITERS) {
      return Promise.reject(
        new TidingsError('QUEUE_FULL', `${MAX_WAITERS} calls already wait for Redis at ${this.#address()}.`, {
          hint: 'Wait for earlier calls.',
        }),
      )
    }
    return new Promise((resolve, reject) => {
      this.#waiters.add({ deadline: performance.now() + this.#options.commandTimeoutMs, resolve, reject })
    })
  }

  /** Gives the present connection up and makes a new one, unless it is itself still new. */
  reset(reason: string): void {
    if (this.#state === 'ready' && performance.now() - this.#readySince >= LEAST_LIFE_MS) this.#drop(reason)
  }

  /** Closes for good and at once. What is in flight is rejected with `CONNECTION_LOST`. */
  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#abandonClient()
    this.#rejectInFlight(new Error('the connection was closed'))
    this.#rejectWaiters(new TidingsError('CLOSED', 'This connection has been closed.'))
  }

  #open(): Redis {
    const { client: options } = this.#options
    const wait =
      options.retryStrategy ?? ((attempt: number) => fullJitter(attempt, RECONNECT_BASE_MS, RECONNECT_CAP_MS))
    const settings: RedisOptions = {
      host: '127.0.0.1',
      connectTimeout: SILENCE_MS,
      ...options,
      // Asked after every close. A full second's wait between looks at a server that is loading keeps bytes
      // flowing, which the handshake's own deadline counts.
      retryStrategy: (attempt: number) => wait(attempt),
      maxLoadingRetryTime: 1_000,
      // Sockets are destroyed here. The client's own timer for that would go on after them and hold the process.
      disconnectTimeout: 1,
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      enableAutoPipelining: false,
      maxRetriesPerRequest: null,
    }
    const client = new Redis(settings as RedisOptions & { replyMapping?: 'legacy' })
    const mine = (act: () => void) => () => {
      if (client === this.#client) act()
    }
    client.on(
      'connect',
      mine(() => this.#watchHandshake(client)),
    )
    client.on(
      'ready',
      mine(() => this.#ready()),
    )
    client.on(
      'close',
      mine(() => this.#closed()),
    )
    client.on(
      'end',
      mine(() => this.#ended()),
    )
    client.on('error', (error: Error) => client === this.#client && this.#failed(error))
    const owner = this.#owners[0]!
    if (owner.message) client.on('messageBuffer', (channel, payload) => owner.message?.(channel, payload))
    if (owner.patternMessage) {
      client.on('pmessageBuffer', (pattern, channel, payload) => owner.patternMessage?.(pattern, channel, payload))
    }
    return client
  }

  /** The client's own connect deadline ends with TCP's handshake; a stopped server accepts and then says nothing. */
  #watchHandshake(client: Redis): void {
    const { stream } = client
    let seen = stream.bytesRead
    const timer = setInterval(() => {
      if (client.status !== 'connect' || client.stream !== stream) return clearInterval(timer)
      if (stream.bytesRead === seen) stream.destroy(new Error('Redis accepted the connection but does not answer'))
      seen = stream.bytesRead
    }, SILENCE_MS)
    timer.unref()
    stream.once('close', () => clearInterval(timer))
  }

  #ready(): void {
    if (this.#state !== 'connecting') return
    this.#state = 'ready'
    this.#readySince = performance.now()
    this.#reportedDown = false
    this.#lastError = undefined
    this.#epoch += 1
    this.#heartbeat.start()
    for (const waiter of this.#waiters.drain()) waiter.resolve()
    for (const owner of this.#owners) owner.ready(this.#epoch)
  }

  #failed(error: Error): void {
    const reply = replyText(error)
    this.#lastError = withoutCommand(error)
    // A refused first handshake is a mistake in the settings, and trying again for ever would hide it. After a
    // good one it is news from the server: go on, and report it.
    if (reply === undefined || isPassing(reply) || this.#epoch > 0 || this.#state !== 'connecting') return
    this.#giveUp(fromReply(reply))
  }

  #closed(): void {
    if (this.#state === 'closed' || this.#state === 'idle') return
    const wasReady = this.#state === 'ready'
    this.#state = 'connecting'
    this.#heartbeat.stop()
    if (wasReady) this.#rejectInFlight(this.#lastError)
    if (this.#reportedDown) return
    this.#reportedDown = true
    this.#tellDown(wasReady ? broken(this.#address(), this.#lastError) : this.notConnected(), false)
  }

  /** The retry strategy that was given has had enough, or no server could be found at all. */
  #ended(): void {
    if (this.#state !== 'connecting') return
    this.#giveUp(this.notConnected())
  }

  #giveUp(error: TidingsError): void {
    this.#abandonClient()
    this.#state = 'idle'
    this.#rejectWaiters(error)
    this.#tellDown(error, true)
  }

  #tellDown(error: TidingsError, final: boolean): void {
    for (const owner of this.#owners) owner.down(error, final)
  }

  #drop(reason: string): void {
    this.#lastError = new Error(reason)
    // Waiting for the peer to agree to the end would take as long as the silence did.
    this.#client?.stream?.destroy()
  }

  #abandonClient(): void {
    const client = this.#client
    this.#client = undefined
    this.#heartbeat.stop()
    if (client === undefined) return
    client.disconnect()
    client.stream?.destroy()
  }

  #rejectInFlight(cause: Error | undefined): void {
    for (const command of this.#inFlight.drain()) command.reject(lost(command.name, cause))
  }

  #rejectWaiters(error: TidingsError): void {
    for (const waiter of this.#waiters.drain()) waiter.reject(error)
  }

  #address(): string {
    const { path, host = '127.0.0.1', port = 6379, sentinels, name } = this.#options.client
    if (sentinels) return `sentinel:${name}`
    return path ?? `${host}:${port}`
  }
}

function lost(name: string, cause: Error | undefined): TidingsError {
  return new TidingsError('CONNECTION_LOST', `The connection broke before Redis answered ${name.toUpperCase()}.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'It may or may not have been carried out; it is not sent again.',
  })
}

function timeout(name: string): TidingsError {
  return new TidingsError('TIMEOUT', `Redis did not answer ${name.toUpperCase()} in time.`, {
    hint: 'It may or may not have been carried out. commandTimeoutMs sets how long to wait.',
  })
}

function broken(address: string, cause: Error | undefined): TidingsError {
  return new TidingsError('NOT_CONNECTED', `The connection to Redis at ${address} broke.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'It is being made again.',
  })
}
