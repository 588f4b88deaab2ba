import { randomUUID } from 'node:crypto'
import type { Connection } from '../connection/connection.ts'
import type { NodeInfo } from '../core/presence.ts'
import { settledWithin } from '../core/settled-within.ts'
import type { EventBus } from '../messaging/event-bus.ts'
import type { NotificationService } from '../notifications/notification-service.ts'
import { CLIENT_ERRORS, DISCONNECTS } from '../protocol/codes.ts'
import { applyCommand, issuedAt } from './apply-command.ts'
import { ChannelHub } from './channel-hub.ts'
import { ClientSession } from './client-session.ts'
import {
  ClientFailure,
  type ClientRequest,
  type Gatekeeper,
  type GatewayLimits,
  type GatewayUser,
  type Transport,
} from './contract.ts'
import { Control, type ControlCommand } from './control.ts'
import { inboxRpc, type RpcMethod } from './inbox-rpc.ts'
import { NodePresence } from './node-presence.ts'
import { ReadyProbe } from './ready-probe.ts'
import { SecondWheel } from './second-wheel.ts'
import { UserInboxes } from './user-inboxes.ts'

const ANNOUNCE_MS = 10_000
const DRAIN_MS = 5_000
/** Over how long clients come again where commands for them were lost: a revocation is obeyed within five seconds. */
const LOOK_ANEW_MS = 3_000
const NO_HEADERS = {}

export interface GatewayNodeOptions {
  readonly connection: Connection
  readonly bus: EventBus
  readonly notifications: NotificationService | undefined
  readonly gatekeeper: Gatekeeper
  readonly limits: GatewayLimits
  readonly rpc: Readonly<Record<string, RpcMethod>>
  readonly name: string
  readonly version: string
  /** Takes trouble that belongs to no call. */
  readonly report: (error: unknown) => void
}

/** One process that carries events and notifications to clients. Its clients may come and go on any other node. */
export class GatewayNode {
  readonly id: string = randomUUID()
  readonly connection: Connection
  readonly bus: EventBus
  readonly notifications: NotificationService | undefined
  readonly gatekeeper: Gatekeeper
  readonly limits: GatewayLimits
  readonly hub: ChannelHub
  readonly presence: NodePresence
  readonly inboxes: UserInboxes | undefined
  readonly control: Control
  readonly wheel: SecondWheel = new SecondWheel()
  readonly probe: ReadyProbe
  readonly report: (error: unknown) => void
  readonly #name: string
  readonly #version: string
  readonly #startedAtMs: number = Date.now()
  readonly #rpc: ReadonlyMap<string, RpcMethod>
  readonly #sessions = new Set<ClientSession>()
  readonly #bySecret = new Map<string, ClientSession>()
  readonly #byUser = new Map<string, Set<ClientSession>>()
  readonly #byIp = new Map<string, number>()
  readonly #ending: () => void
  #announcing: NodeJS.Timeout | undefined
  #draining = false
  #closing: Promise<void> | undefined

  constructor(options: GatewayNodeOptions) {
    const { connection, bus, notifications, gatekeeper, limits, rpc, name, version, report } = options
    this.connection = connection
    this.bus = bus
    this.notifications = notifications
    this.gatekeeper = gatekeeper
    this.limits = limits
    this.report = report
    this.#name = name
    this.#version = version
    const { pubSub, eventLog, namespace } = connection
    const { recoverCount, queueBytes } = limits
    this.hub = new ChannelHub({ pubSub, eventLog, recoverCount, recoverBytes: queueBytes / 4 })
    this.#ending = pubSub.plain.onStatus(({ kind }) => {
      if (kind === 'interruption') void this.hub.interrupted()
    })
    this.presence = new NodePresence({
      store: connection.presence,
      pubSub: pubSub.plain,
      hub: this.hub,
      joinChannel: (channel) => `${namespace}:joins:${channel}`,
      report,
    })
    this.inboxes = notifications && new UserInboxes(notifications)
    this.#rpc = new Map(Object.entries({ ...(notifications && inboxRpc(notifications)), ...rpc }))
    this.control = new Control({ connection, nodeId: this.id, report })
    this.control.on((command) => this.#obey(command))
    this.control.onMissed(() => this.#lookAnew())
    this.probe = new ReadyProbe(pubSub.plain, `${namespace}:probe:${this.id}`)
  }

  /** Makes itself known to the other nodes, and hears what they are told. */
  async start(): Promise<void> {
    await this.control.start()
    await this.#announce()
    this.#announcing = setInterval(() => void this.#announce().catch(this.report), ANNOUNCE_MS).unref()
  }

  get draining(): boolean {
    return this.#draining
  }

  get clients(): number {
    return this.#sessions.size
  }

  get info(): NodeInfo {
    return {
      id: this.id,
      name: this.#name,
      version: this.#version,
      startedAtMs: this.#startedAtMs,
      clients: this.#sessions.size,
      users: this.#byUser.size,
      channels: this.hub.size,
    }
  }

  /** Why a request to connect is to be refused; undefined where it is not. */
  refusal(
    request: Pick<ClientRequest, 'ip' | 'headers'>,
  ): { readonly status: number; readonly reason: string } | undefined {
    if (this.#draining) return { status: 503, reason: 'shutting down' }
    if (!this.gatekeeper.allowsOrigin(request.headers.origin)) return { status: 403, reason: 'origin not allowed' }
    if ((this.#byIp.get(request.ip) ?? 0) >= this.limits.connectionsPerIp) {
      return { status: 429, reason: 'too many connections' }
    }
    return undefined
  }

  /** A client has connected. */
  open(request: ClientRequest, transport: Transport): ClientSession {
    const session = new ClientSession(this, this.gatekeeper.byTokenAlone ? withoutHeaders(request) : request, transport)
    this.#sessions.add(session)
    if (session.secret !== undefined) this.#bySecret.set(session.secret, session)
    this.#byIp.set(request.ip, (this.#byIp.get(request.ip) ?? 0) + 1)
    return session
  }

  /** The session of a connection whose commands come in other requests. */
  bySecret(secret: string): ClientSession | undefined {
    return this.#bySecret.get(secret)
  }

  /** Counts a client as a user's. @throws ClientFailure where there are too many, or it has gone meanwhile */
  admitUser(session: ClientSession, { userId }: GatewayUser): void {
    if (session.closed) throw new ClientFailure(CLIENT_ERRORS.notAvailable)
    if (userId === '') return
    const sessions = this.#byUser.get(userId) ?? new Set()
    if (sessions.size >= this.limits.connectionsPerUser) throw new ClientFailure(CLIENT_ERRORS.tooManyRequests)
    sessions.add(session)
    this.#byUser.set(userId, sessions)
  }

  /** @throws ClientFailure */
  async assertNotRevoked({ userId, claims }: GatewayUser): Promise<void> {
    if (userId === '') return
    if (await this.control.isRevoked(userId, issuedAt(claims))) throw new ClientFailure(CLIENT_ERRORS.unauthorized)
  }

  forget(session: ClientSession): void {
    this.#sessions.delete(session)
    if (session.secret !== undefined) this.#bySecret.delete(session.secret)
    const { ip } = session.request
    const left = (this.#byIp.get(ip) ?? 1) - 1
    if (left > 0) this.#byIp.set(ip, left)
    else this.#byIp.delete(ip)
    const userId = session.user?.userId ?? ''
    const sessions = this.#byUser.get(userId)
    if (sessions?.delete(session) && sessions.size === 0) this.#byUser.delete(userId)
  }

  rpc(method: string): RpcMethod | undefined {
    return this.#rpc.get(method)
  }

  /**
   * Takes no more clients, tells those that are here to connect elsewhere, at times spread over the drain, and ends.
   * Idempotent.
   */
  close(drainMs: number = DRAIN_MS): Promise<void> {
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  async #close(drainMs: number): Promise<void> {
    this.#draining = true
    clearInterval(this.#announcing)
    await Promise.all(
      [...this.#sessions].map(async (session) => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * drainMs))
        session.close(DISCONNECTS.shutdown)
      }),
    )
    this.#ending()
    this.presence.close()
    this.probe.close()
    this.hub.close()
    this.wheel.close()
    await settledWithin([this.control.close(), this.connection.nodes.leave(this.id)])
  }

  async #announce(): Promise<void> {
    await this.connection.nodes.announce(this.info, ANNOUNCE_MS * 3)
  }

  /**
   * Commands were lost. They may have concerned any user, and only revocations are written down elsewhere, so those who
   * are users are asked to come again, and are looked at anew; not all at the same moment. Who is nobody stays.
   */
  #lookAnew(): void {
    for (const sessions of this.#byUser.values()) {
      for (const session of sessions) {
        setTimeout(() => session.close(DISCONNECTS.forceReconnect), Math.random() * LOOK_ANEW_MS).unref()
      }
    }
  }

  #obey(command: ControlCommand): void {
    if (command.kind === 'emulation') {
      this.bySecret(command.session)?.receive(command.data)
      return
    }
    const sessions = [...(this.#byUser.get(command.userId) ?? [])]
    for (const session of sessions) applyCommand(session, command)
  }
}

function withoutHeaders({ ip, transport }: ClientRequest): ClientRequest {
  return { headers: NO_HEADERS, ip, transport }
}
