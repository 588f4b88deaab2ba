import { TidingsError } from '../core/errors.ts'
import type { NotificationService } from '../notifications/notification-service.ts'
import { CLIENT_ERRORS } from '../protocol/codes.ts'
import { ClientFailure, type GatewayUser } from './contract.ts'

export interface RpcContext {
  readonly user: GatewayUser
  readonly clientId: string
}

/** What a client calls by name. Its result is sent as JSON. */
export type RpcMethod = (data: unknown, context: RpcContext) => unknown

type Data = Readonly<Record<string, unknown>>

/** What users do with their own inbox: `inbox.list`, `inbox.read` and so on. The user is always who is connected. */
export function inboxRpc(notifications: NotificationService): Readonly<Record<string, RpcMethod>> {
  const method =
    (act: (userId: string, data: Data) => unknown): RpcMethod =>
    async (data, { user: { userId } }) => {
      if (userId === '') throw new ClientFailure(CLIENT_ERRORS.permissionDenied)
      if (typeof data !== 'object' || data === null || Array.isArray(data)) throw badRequest('an object')
      try {
        return await act(userId, data as Data)
      } catch (error) {
        throw error instanceof TidingsError && isCallers(error) ? badRequest(error.message) : error
      }
    }
  const ids = (act: (userId: string, ids: readonly string[]) => Promise<unknown>) =>
    method(async (userId, { ids: list }) => ({ outcomes: await act(userId, list as string[]) }))
  const upTo = (data: Data) => ({ upTo: data.upTo as string | undefined })
  return {
    'inbox.list': method((userId, data) => notifications.list(userId, data)),
    'inbox.counts': method((userId) => notifications.counts(userId)),
    'inbox.sync': method((userId, { state }) => notifications.sync(userId, state as string)),
    'inbox.read': ids((userId, list) => notifications.markAsRead(userId, list)),
    'inbox.unread': ids((userId, list) => notifications.markAsUnread(userId, list)),
    'inbox.archive': ids((userId, list) => notifications.archive(userId, list)),
    'inbox.delete': ids((userId, list) => notifications.delete(userId, list)),
    'inbox.read-all': method((userId, data) => notifications.markAllAsRead(userId, upTo(data))),
    'inbox.seen': method((userId, data) => notifications.markAsSeen(userId, upTo(data))),
    'inbox.snooze': method(async (userId, { id, until }) => ({
      outcome: await notifications.snooze(userId, id as string, dateOf(until)),
    })),
    'inbox.act': method(async (userId, { id, action }) => ({
      outcome: await notifications.act(userId, id as string, action as string),
    })),
    'inbox.preferences': method((userId) => notifications.preferences(userId)),
    'inbox.mute': method((userId, data) => notifications.mute(userId, data)),
    'inbox.follow': method((userId, { topic }) => notifications.follow(userId, topic as string)),
    'inbox.unfollow': method((userId, { topic }) => notifications.unfollow(userId, topic as string)),
  }
}

/** Not all that JSON can hold has a form as a date. */
function dateOf(value: unknown): Date {
  return new Date(typeof value === 'string' || typeof value === 'number' ? value : Number.NaN)
}

function isCallers({ code }: TidingsError): boolean {
  return code === 'INVALID_OPTION' || code === 'INVALID_NOTIFICATION' || code === 'UNKNOWN_OPTION'
}

function badRequest(message: string): ClientFailure {
  return new ClientFailure({ code: CLIENT_ERRORS.badRequest.code, message: `bad request: ${message}` })
}
