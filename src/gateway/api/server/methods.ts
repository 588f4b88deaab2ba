import { assertUserId } from '../../../core/user-id.ts'
import { CLIENT_ERRORS, DISCONNECTS } from '../../../protocol/codes.ts'
import { channelHistory } from '../../channel-history.ts'
import { ClientFailure } from '../../contract.ts'
import type { GatewayNode } from '../../gateway-node.ts'
import type { WithoutHistory } from '../without-history.ts'
import { badRequest, type Fields } from './fields.ts'
import { channelOf, isInternal, publish, readPublishing } from './publish.ts'

export interface MethodContext {
  readonly node: GatewayNode
  readonly without: WithoutHistory
  /** Does one of the things that a broadcast or a batch is made of: what fails is told, and ends nothing else. */
  readonly attempt: (act: () => Promise<object>) => Promise<object>
}

type Method = (context: MethodContext, fields: Fields) => Promise<object>

/** Bytes of a reason that a WebSocket's end can carry. */
const MAX_REASON_BYTES = 123

/** Centrifugo's server API, by the names of its methods. Source: its public definition (api.proto), version 6. */
export const METHODS: Readonly<Record<string, Method>> = {
  publish: async ({ node, without }, fields) => {
    const channel = channelOf(fields.text('channel'), node.connection.namespace)
    const publishing = readPublishing(fields, node.limits.messageBytes)
    fields.done()
    return publish(node, without, channel, publishing)
  },

  broadcast: async ({ node, without, attempt }, fields) => {
    const channels = fields.list('channels')
    if (channels.length === 0) throw badRequest('"channels" is missing')
    const publishing = readPublishing(fields, node.limits.messageBytes)
    fields.done()
    const { namespace } = node.connection
    const one = (name: unknown) =>
      attempt(async () => ({ result: await publish(node, without, channelOf(name, namespace), publishing) }))
    return { responses: await Promise.all(channels.map(one)) }
  },

  history: async ({ node }, fields) => {
    const channel = channelOf(fields.text('channel'), node.connection.namespace)
    const [limit, reverse, position] = [fields.whole('limit'), fields.flag('reverse'), fields.object('since')]
    const since = position && { offset: position.whole('offset'), epoch: position.text('epoch') }
    fields.done()
    return channelHistory(node.connection, channel, { limit, reverse, since })
  },

  presence: async ({ node }, fields) => ({ presence: await node.presence.list(withPresence(node, fields)) }),

  presence_stats: async ({ node }, fields) => {
    const { clients, users } = await node.presence.stats(withPresence(node, fields))
    return { num_clients: clients, num_users: users }
  },

  channels: async ({ node }, fields) => {
    const pattern = fields.text('pattern')
    fields.done()
    return { channels: await activeChannels(node, pattern === '' ? '*' : pattern) }
  },

  info: async ({ node }, fields) => {
    fields.done()
    const nodes = await node.connection.nodes.list()
    return {
      nodes: nodes.map(({ id, name, version, startedAtMs, clients, users, channels }) => ({
        uid: id,
        name,
        version,
        num_clients: clients,
        num_users: users,
        num_channels: channels,
        uptime: Math.max(0, Math.floor((Date.now() - startedAtMs) / 1_000)),
      })),
    }
  },

  subscribe: (context, fields) => onChannel(context, fields, 'subscribe'),

  unsubscribe: (context, fields) => onChannel(context, fields, 'unsubscribe'),

  disconnect: async ({ node }, fields) => {
    const userId = userOf(fields)
    const disconnect = fields.object('disconnect')
    fields.done()
    const code = disconnect?.whole('code') || DISCONNECTS.forceNoReconnect.code
    const reason = disconnect?.text('reason') || DISCONNECTS.forceNoReconnect.reason
    // Of old it also said whether to come back, which the code says.
    disconnect?.any('reconnect')
    disconnect?.done()
    if (code < 3_000 || code > 4_999) throw badRequest('"code" must be from 3000 to 4999')
    if (Buffer.byteLength(reason) > MAX_REASON_BYTES) throw badRequest('"reason" is too long')
    await node.control.send({ kind: 'disconnect', userId, code, reason })
    return {}
  },

  refresh: async ({ node }, fields) => {
    const userId = userOf(fields)
    const [expired, expireAt] = [fields.flag('expired'), fields.whole('expire_at')]
    fields.done()
    if (!expired && expireAt <= 0) throw badRequest('"expire_at" is missing')
    if (expired) await node.control.send({ kind: 'disconnect', userId, ...DISCONNECTS.expired })
    else await node.control.send({ kind: 'refresh', userId, expiresAtMs: expireAt * 1_000 })
    return {}
  },
}

async function onChannel(
  { node }: MethodContext,
  fields: Fields,
  kind: 'subscribe' | 'unsubscribe',
): Promise<Record<string, never>> {
  const userId = userOf(fields)
  const channel = channelOf(fields.text('channel'), node.connection.namespace)
  fields.done()
  await node.control.send({ kind, userId, channel })
  return {}
}

function userOf(fields: Fields): string {
  const user = fields.needed('user')
  assertUserId(user)
  return user
}

function withPresence(node: GatewayNode, fields: Fields): string {
  const channel = channelOf(fields.text('channel'), node.connection.namespace)
  fields.done()
  if (node.gatekeeper.rule(channel)?.presence !== true) throw new ClientFailure(CLIENT_ERRORS.notAvailable)
  return channel
}

/**
 * Clients are known where there is presence. On other channels it is the subscribers that Redis knows: one for each node
 * whose clients listen, and one for each other program.
 */
async function activeChannels(
  { connection: { pubSub, namespace }, gatekeeper, presence }: GatewayNode,
  pattern: string,
): Promise<Record<string, { readonly num_clients: number }>> {
  const active = await pubSub.activeChannels(pattern)
  const names = active.filter((name) => !isInternal(name, namespace))
  const counts = await pubSub.subscriberCounts(names)
  const channels = names.map(async (name, index) => {
    const isKnown = gatekeeper.rule(name)?.presence === true
    return [name, { num_clients: isKnown ? (await presence.stats(name)).clients : counts[index]! }] as const
  })
  return Object.fromEntries(await Promise.all(channels))
}
