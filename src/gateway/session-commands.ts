import type {
  Command,
  ConnectRequest,
  ConnectResult,
  Reply,
  SubscribeRequest,
  SubscribeResult,
} from '../protocol/client-protocol.ts'
import { CLIENT_ERRORS } from '../protocol/codes.ts'
import { channelHistory } from './channel-history.ts'
import type { ClientSession } from './client-session.ts'
import type { Call } from './command-runner.ts'
import { type ChannelAction, type ChannelRule, ClientFailure, DEFAULT_RULE } from './contract.ts'
import { secondsTo } from './session-channels.ts'

/** What a reply has beside its id; undefined where no reply is wanted. */
type Result = Omit<Reply, 'id'> | undefined
type Handler = (session: ClientSession, command: Command, call: Call) => Promise<Result>

const PROTOCOL_VERSION = 'tidings'

/** A client asks for a new token when that of a subscription ends; it is given a moment for that. */
const EXPIRY_GRACE_MS = 5_000

/** Names that a client may give: no patterns, nothing that is a part of a key. */
const CHANNEL = /^[A-Za-z0-9_.:@-]+$/

/** What a client can ask for. */
export type MethodName =
  | 'connect'
  | 'subscribe'
  | 'unsubscribe'
  | 'publish'
  | 'history'
  | 'presence'
  | 'presence_stats'
  | 'rpc'
  | 'send'
  | 'ping'
  | 'refresh'
  | 'sub_refresh'

export const METHODS: Readonly<Record<MethodName, Handler>> = {
  connect: (session, { connect }) => onConnect(session, object(connect) as ConnectRequest),

  subscribe: async (session, { subscribe }, call) => {
    const request = object(subscribe) as unknown as SubscribeRequest
    const channel = channelOf(session, request.channel)
    const { rule, expiresAtMs, chanInfo } = await admit(session, channel, request.token)
    if (call.over) return undefined
    call.abandon = () => session.channels.unsubscribe(channel)
    const options = { server: false, rule, expiresAtMs: withGrace(expiresAtMs), chanInfo }
    const result = await session.channels.subscribe(request, options)
    return { subscribe: { ...result, ...expiry(expiresAtMs, true) } }
  },

  unsubscribe: async (session, { unsubscribe }) => {
    session.channels.unsubscribe(channelOf(session, object(unsubscribe).channel))
    return { unsubscribe: {} }
  },

  publish: async (session, { publish }) => {
    const { channel: name, data } = object(publish)
    const channel = channelOf(session, name)
    await assertMay(session, 'publish', channel)
    const json = JSON.stringify(data)
    if (json === undefined) throw new ClientFailure(CLIENT_ERRORS.badRequest)
    if (Buffer.byteLength(json) > session.node.limits.messageBytes) throw new ClientFailure(CLIENT_ERRORS.limitExceeded)
    await session.node.connection.pubSub.publish(channel, json)
    return { publish: {} }
  },

  history: async (session, { history }) => {
    const request = object(history) as NonNullable<Command['history']>
    const channel = channelOf(session, request.channel)
    await assertMay(session, 'history', channel)
    return { history: await channelHistory(session.node.connection, channel, request) }
  },

  presence: async (session, { presence }) => {
    const channel = await presenceChannel(session, object(presence).channel)
    return { presence: { presence: await session.node.presence.list(channel) } }
  },

  presence_stats: async (session, { presence_stats }) => {
    const channel = await presenceChannel(session, object(presence_stats).channel)
    const { clients, users } = await session.node.presence.stats(channel)
    return { presence_stats: { num_clients: clients, num_users: users } }
  },

  rpc: async (session, { rpc }) => {
    const { method, data } = object(rpc)
    if (typeof method !== 'string') throw new ClientFailure(CLIENT_ERRORS.badRequest)
    const handler = session.node.rpc(method)
    if (handler === undefined) throw new ClientFailure(CLIENT_ERRORS.methodNotFound)
    const result = await handler(data ?? {}, { user: session.user!, clientId: session.id })
    return { rpc: { data: result === undefined ? null : result } }
  },

  /** Nobody listens to what a client sends without asking for anything. */
  send: async () => undefined,

  ping: async () => undefined,

  refresh: async (session, { refresh }) => {
    const { token } = object(refresh)
    if (typeof token !== 'string') throw new ClientFailure(CLIENT_ERRORS.badRequest)
    const user = await session.node.gatekeeper.connect(token, session.request)
    if (user.userId !== session.user!.userId) throw new ClientFailure(CLIENT_ERRORS.unauthorized)
    await session.node.assertNotRevoked(user)
    session.identify(user)
    return { refresh: { client: session.id, version: PROTOCOL_VERSION, ...expiry(user.expiresAtMs) } }
  },

  sub_refresh: async (session, { sub_refresh }) => {
    const { channel: name, token } = object(sub_refresh)
    const channel = channelOf(session, name)
    if (typeof token !== 'string') throw new ClientFailure(CLIENT_ERRORS.badRequest)
    const { expiresAtMs } = await session.node.gatekeeper.subscription(token, channel, session.user!, session.id)
    session.channels.refresh(channel, withGrace(expiresAtMs))
    return { sub_refresh: expiry(expiresAtMs) }
  },
}

/** All that a command asks for. */
export function methodsOf(command: Command): readonly MethodName[] {
  return Object.keys(command).filter((name): name is MethodName => Object.hasOwn(METHODS, name))
}

async function onConnect(session: ClientSession, request: ConnectRequest): Promise<Result> {
  const { node } = session
  if (request.token !== undefined && typeof request.token !== 'string')
    throw new ClientFailure(CLIENT_ERRORS.badRequest)
  const user = await node.gatekeeper.connect(request.token === '' ? undefined : request.token, session.request)
  // In this order, so that a revocation that comes in between finds it.
  node.admitUser(session, user)
  session.identify(user)
  await node.assertNotRevoked(user)
  const subs: Record<string, SubscribeResult> = {}
  for (const channel of new Set(user.channels)) {
    const rule = node.gatekeeper.rule(channel) ?? DEFAULT_RULE
    const wanted = Object.hasOwn(request.subs ?? {}, channel) ? request.subs![channel] : undefined
    subs[channel] = await session.channels.subscribe({ channel, ...wanted }, { server: true, rule })
  }
  const data = await node.inboxes?.enter(session, subs)
  session.startPings()
  const { pingMs } = node.limits
  const connect: ConnectResult = {
    client: session.id,
    version: PROTOCOL_VERSION,
    ...expiry(session.user!.expiresAtMs, true),
    ...(Object.keys(subs).length > 0 && { subs }),
    ...(data !== undefined && { data }),
    ping: Math.ceil(pingMs / 1_000),
    pong: true,
    // What is sent in other requests says which connection it belongs to.
    ...(session.secret !== undefined && { session: session.secret, node: node.id }),
  }
  return { connect }
}

interface Admission {
  readonly rule: ChannelRule
  readonly expiresAtMs?: number | undefined
  readonly chanInfo?: unknown
}

async function admit(session: ClientSession, channel: string, token: unknown): Promise<Admission> {
  const { gatekeeper } = session.node
  const rule = gatekeeper.rule(channel)
  if (typeof token === 'string' && token !== '') {
    const { expiresAtMs, info } = await gatekeeper.subscription(token, channel, session.user!, session.id)
    return { rule: rule ?? DEFAULT_RULE, expiresAtMs, chanInfo: info }
  }
  await assertMay(session, 'subscribe', channel)
  return { rule: rule ?? DEFAULT_RULE }
}

async function assertMay(session: ClientSession, action: ChannelAction, channel: string): Promise<void> {
  if (!(await session.node.gatekeeper.allows(action, channel, session.user!))) {
    throw new ClientFailure(CLIENT_ERRORS.permissionDenied)
  }
}

async function presenceChannel(session: ClientSession, name: unknown): Promise<string> {
  const channel = channelOf(session, name)
  await assertMay(session, 'presence', channel)
  if (session.node.gatekeeper.rule(channel)?.presence !== true) throw new ClientFailure(CLIENT_ERRORS.notAvailable)
  return channel
}

function channelOf(session: ClientSession, name: unknown): string {
  if (typeof name !== 'string' || name === '') throw new ClientFailure(CLIENT_ERRORS.badRequest)
  if (name.length > session.node.limits.channelLength || !CHANNEL.test(name)) {
    throw new ClientFailure(CLIENT_ERRORS.badRequest)
  }
  return name
}

function withGrace(expiresAtMs: number | undefined): number | undefined {
  return expiresAtMs === undefined ? undefined : expiresAtMs + EXPIRY_GRACE_MS
}

function expiry(expiresAtMs: number | undefined, onlyIf = false): { expires: boolean; ttl?: number } {
  if (expiresAtMs === undefined) return onlyIf ? ({} as { expires: boolean }) : { expires: false }
  return { expires: true, ttl: secondsTo(expiresAtMs) }
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new ClientFailure(CLIENT_ERRORS.badRequest)
}
