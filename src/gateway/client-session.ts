import { randomUUID } from 'node:crypto'
import type { ClientInfo, Command, Reply } from '../protocol/client-protocol.ts'
import { CLIENT_ERRORS, DISCONNECTS, type Disconnect } from '../protocol/codes.ts'
import { CommandRunner } from './command-runner.ts'
import { ClientFailure, type ClientRequest, DEFAULT_RULE, type GatewayUser, type Transport } from './contract.ts'
import { Frames } from './frames.ts'
import type { GatewayNode } from './gateway-node.ts'
import { Heartbeat } from './heartbeat.ts'
import { SessionChannels } from './session-channels.ts'
import { SlowWatch } from './slow-watch.ts'

/** A client asks for a new token when its own ends; it is given a moment for that. */
const EXPIRY_GRACE_MS = 5_000

/** One connected client, whatever its transport. */
export class ClientSession {
  readonly id: string = randomUUID()
  /** What authorises a request that belongs to this connection; undefined where it is two-way. */
  readonly secret: string | undefined
  readonly node: GatewayNode
  readonly request: ClientRequest
  readonly transport: Transport
  readonly channels: SessionChannels
  readonly connectedAtMs: number = Date.now()
  user: GatewayUser | undefined
  /** While something waits for it. */
  #slow: SlowWatch | undefined
  readonly #commands: CommandRunner
  readonly #heartbeat: Heartbeat
  // What most clients do not need is only made where it is: there may be very many of them.
  #endings: (() => void)[] | undefined
  #closed = false
  /** What comes on the server's subscriptions before the client knows that it is connected. */
  #held: Frames[] | undefined
  #cancelExpiry: (() => void) | undefined

  constructor(node: GatewayNode, request: ClientRequest, transport: Transport) {
    this.node = node
    this.request = request
    this.transport = transport
    this.secret = transport.name === 'websocket' ? undefined : randomUUID()
    this.channels = new SessionChannels(this)
    this.#commands = new CommandRunner(this)
    this.#heartbeat = new Heartbeat(this)
  }

  get closed(): boolean {
    return this.#closed
  }

  get info(): ClientInfo {
    const { userId = '', info } = this.user ?? {}
    return { user: userId, client: this.id, ...(info !== undefined && { conn_info: info }) }
  }

  /** Takes commands, one a line. */
  receive(text: string): void {
    if (this.#closed) return
    if (text.length > this.node.limits.frameBytes) {
      this.close(DISCONNECTS.badRequest)
      return
    }
    for (const line of text.split('\n')) {
      if (line === '') continue
      let command: Command
      try {
        command = JSON.parse(line) as Command
      } catch {
        this.close(DISCONNECTS.badRequest)
        return
      }
      if (typeof command !== 'object' || command === null || Array.isArray(command)) {
        this.close(DISCONNECTS.badRequest)
        return
      }
      // Without anything it is the answer to a ping.
      if (Object.keys(command).length === 0) this.#heartbeat.heard()
      else this.#commands.take(command)
      if (this.#closed) return
    }
  }

  reply(reply: Reply): void {
    this.#write(new Frames(JSON.stringify(reply)))
  }

  /** Writes, unless the client is so far behind that it is closed. */
  write(frames: Frames): void {
    if (this.#held === undefined) this.#write(frames)
    else this.#held.push(frames)
  }

  #write(frames: Frames): void {
    if (this.#closed) return
    const { transport } = this
    const { bytes } = frames
    if (transport.bufferedBytes + bytes > this.node.limits.queueBytes) {
      this.close(DISCONNECTS.slow)
      return
    }
    transport.write(frames)
    if (this.#slow !== undefined) this.#slow.wrote(bytes)
    else if (transport.bufferedBytes > 0) this.#slow = new SlowWatch(this)
  }

  /** Keeps what is written from now on, but for replies, until it is released. */
  hold(): void {
    this.#held = []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const frames of held) this.#write(frames)
  }

  /** Nothing waits for it any more. */
  keepsUp(): void {
    this.#slow = undefined
  }

  /** Whether so much more could be written without closing it. */
  hasRoom(bytes: number): boolean {
    return this.transport.bufferedBytes + bytes <= this.node.limits.queueBytes / 2
  }

  /** Something to be done when the session ends. */
  onEnd(end: () => void): void {
    if (this.#closed) end()
    else {
      this.#endings ??= []
      this.#endings.push(end)
    }
  }

  /** The user is known from now on; until it expires. Of no effect once the client has gone. */
  identify(user: GatewayUser): void {
    if (this.#closed) return
    this.user = user
    this.#cancelExpiry?.()
    this.#cancelExpiry = undefined
    if (user.expiresAtMs === undefined) return
    const left = Math.max(0, user.expiresAtMs - Date.now())
    this.#cancelExpiry = this.node.wheel.at(left + EXPIRY_GRACE_MS, () => this.close(DISCONNECTS.expired))
  }

  /** Does something once the client knows that it is connected; at once where it does. */
  whenConnected(act: () => void): void {
    this.#commands.whenConnected(act)
  }

  /** Subscribes the client to a channel by the server's own wish, and tells it. */
  subscribeByServer(channel: string): void {
    if (this.#closed || this.channels.has(channel)) return
    const rule = this.node.gatekeeper.rule(channel) ?? DEFAULT_RULE
    this.channels.subscribe({ channel }, { server: true, rule }).then(
      (subscribe) => this.write(new Frames(JSON.stringify({ push: { channel, subscribe } }))),
      (error: unknown) => {
        // It was ended while it was made, or the client has gone.
        const isOver = error instanceof ClientFailure && error.error.code === CLIENT_ERRORS.notAvailable.code
        if (!isOver) this.node.report(error)
      },
    )
  }

  /** Begins to ask now and then whether the client is still there. */
  startPings(): void {
    if (!this.#closed) this.#heartbeat.start()
  }

  /** Tells the client and closes. Idempotent. */
  close({ code, reason }: Disconnect): void {
    if (this.#closed) return
    this.transport.close(code, reason)
    this.ended()
  }

  /** The transport has gone. */
  ended(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cancelExpiry?.()
    this.#heartbeat.end()
    this.#slow?.end()
    const endings = this.#endings ?? []
    this.#endings = undefined
    for (const end of endings) end()
    this.channels.leaveAll()
    this.node.forget(this)
  }
}
