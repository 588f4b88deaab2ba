import { assertChannel } from '../../../core/channel-name.ts'
import { TidingsError } from '../../../core/errors.ts'
import { toJson } from '../../../messaging/payload.ts'
import { CLIENT_ERRORS } from '../../../protocol/codes.ts'
import { ClientFailure } from '../../contract.ts'
import type { GatewayNode } from '../../gateway-node.ts'
import { toStream } from '../../stream-position.ts'
import type { WithoutHistory } from '../without-history.ts'
import { badRequest, type Fields } from './fields.ts'

/** Milliseconds for which an idempotency key is remembered: as Centrifugo does. */
const IDEMPOTENCY_MS = 300_000
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** What is to be published, on whatever channel. */
export interface Publishing {
  readonly payload: string | Buffer
  readonly skipHistory: boolean
  readonly idempotencyKey: string
}

export function readPublishing(fields: Fields, maxBytes: number): Publishing {
  const base64 = fields.text('b64data')
  if (base64 === '' && !fields.has('data')) throw badRequest('"data" is missing')
  if (base64 !== '' && (!BASE64.test(base64) || base64.length % 4 !== 0)) throw badRequest('"b64data" is no base64')
  const data = fields.any('data')
  const payload = base64 === '' ? toJson(data) : Buffer.from(base64, 'base64')
  if (Buffer.byteLength(payload) > maxBytes) throw new ClientFailure(CLIENT_ERRORS.limitExceeded)
  const idempotencyKey = fields.text('idempotency_key')
  if (idempotencyKey.length > 1_024) throw badRequest('"idempotency_key" is too long')
  const skipHistory = fields.flag('skip_history')
  // Only saves bytes on the way: there is nothing to obey.
  fields.any('delta')
  return { payload, skipHistory, idempotencyKey }
}

/** Where the message is; nothing on a channel without history. */
export async function publish(
  { connection: { pubSub } }: Pick<GatewayNode, 'connection'>,
  without: WithoutHistory,
  channel: string,
  { payload, skipHistory, idempotencyKey }: Publishing,
): Promise<{ readonly offset?: number; readonly epoch?: string }> {
  if (!without.has(channel)) {
    try {
      if (skipHistory) {
        await pubSub.logOf(channel)
        throw badRequest('"skip_history" is not possible on a channel with history: nobody would get it')
      }
      // Channels may share a log, in which keys are remembered.
      const dedupe =
        idempotencyKey === '' ? undefined : { key: `api:${channel}:${idempotencyKey}`, windowMs: IDEMPOTENCY_MS }
      const { position } = await pubSub.append(channel, payload, { dedupe })
      return toStream(position)
    } catch (error) {
      if (!(error instanceof TidingsError) || error.code !== 'NO_HISTORY') throw error
      without.add(channel)
    }
  }
  await pubSub.publish(channel, payload)
  return {}
}

/** Any channel but those by which programs talk among themselves. @throws ClientFailure */
export function channelOf(name: unknown, namespace: string): string {
  if (typeof name !== 'string' || name === '') throw badRequest('"channel" is missing')
  assertChannel(name)
  if (isInternal(name, namespace)) throw new ClientFailure(CLIENT_ERRORS.permissionDenied)
  return name
}

export function isInternal(channel: string, namespace: string): boolean {
  return channel.startsWith(`${namespace}:`)
}
