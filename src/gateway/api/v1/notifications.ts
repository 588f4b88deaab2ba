import type { CommandOutcome } from '../../../core/inbox-store.ts'
import type { BroadcastInput, NotificationInput } from '../../../notifications/notification.ts'
import type { NotificationService } from '../../../notifications/notification-service.ts'
import type { SendOptions } from '../../../notifications/sender.ts'
import { HttpFailure } from '../../http/problem.ts'
import type { Endpoint } from './endpoint.ts'
import { ID, Outcome } from './schemas/common.ts'
import * as schemas from './schemas/notification.ts'

type Body = Readonly<Record<string, unknown>>

const EXAMPLE = { type: 'success', title: 'Order confirmed', message: 'Your order ORD-123 is on its way.' }
const USER = { userId: { type: 'string', description: 'As your own database calls the user.' } }
const ONE_OF_USER = { ...USER, id: ID }
const UNKNOWN = { 404: '`UNKNOWN_NOTIFICATION`: there is none of this id.' }

/** What other servers do with notifications. */
export function notificationEndpoints(notifications: NotificationService): readonly Endpoint[] {
  const common = { tag: 'Notifications', by: 'server' } as const
  const outcome = { schema: Outcome, example: { outcome: 'changed' } }
  return [
    {
      ...common,
      method: 'POST',
      path: '/v1/users/:userId/notifications',
      id: 'notifyUser',
      summary: 'Send a notification to a user',
      params: USER,
      keyed: true,
      body: { schema: schemas.UserNotificationInput, example: { ...EXAMPLE, topic: 'orders', dedupeKey: 'ORD-123' } },
      answer: {
        schema: schemas.Sent,
        example: { outcome: 'stored', id: 'n1-1@k3j9x2m4p8q1', receivers: 1 },
      },
      handle: ({ params, body, idempotencyKey }) => {
        const { said, options } = split(body, idempotencyKey)
        return notifications.sendToUser(params.userId!, said, options)
      },
    },
    {
      ...common,
      method: 'PATCH',
      path: '/v1/users/:userId/notifications/:id',
      id: 'editNotification',
      summary: 'Say something else in a notification, whose state stays',
      params: ONE_OF_USER,
      body: { schema: schemas.NotificationInput, example: EXAMPLE },
      answer: outcome,
      problems: UNKNOWN,
      handle: async ({ params, body }) => known(await notifications.edit(params.userId!, params.id!, input(body))),
    },
    {
      ...common,
      method: 'DELETE',
      path: '/v1/users/:userId/notifications/:id',
      id: 'recallNotification',
      summary: 'Take a notification back',
      params: ONE_OF_USER,
      answer: outcome,
      problems: UNKNOWN,
      handle: async ({ params }) => known(await notifications.recall(params.userId!, params.id!)),
    },
    {
      ...common,
      method: 'POST',
      path: '/v1/broadcasts',
      id: 'broadcast',
      summary: 'Send a notification to everybody, or to an audience',
      keyed: true,
      body: { schema: schemas.NewBroadcastInput, example: { ...EXAMPLE, type: 'info', audience: { plan: 'pro' } } },
      answer: { schema: schemas.SentBroadcast, example: { id: 'b_k3j9x2m4p8q1', receivers: 3, duplicate: false } },
      handle: ({ body, idempotencyKey }) => {
        const { said, options } = split(body, idempotencyKey)
        return notifications.broadcast(said as BroadcastInput, options)
      },
    },
    {
      ...common,
      method: 'PATCH',
      path: '/v1/broadcasts/:id',
      id: 'editBroadcast',
      summary: 'Say something else in a broadcast, for everybody',
      params: { id: ID },
      body: { schema: schemas.BroadcastInput, example: EXAMPLE },
      answer: outcome,
      problems: UNKNOWN,
      handle: async ({ params, body }) =>
        known(await notifications.editBroadcast(params.id!, input(body) as BroadcastInput)),
    },
    {
      ...common,
      method: 'DELETE',
      path: '/v1/broadcasts/:id',
      id: 'recallBroadcast',
      summary: 'Take a broadcast back, from everybody',
      params: { id: ID },
      answer: outcome,
      problems: UNKNOWN,
      handle: async ({ params }) => known(await notifications.recallBroadcast(params.id!)),
    },
    {
      ...common,
      method: 'POST',
      path: '/v1/topics/:topic/notifications',
      id: 'notifyTopic',
      summary: 'Send a notification to everybody who follows a topic',
      params: { topic: schemas.TOPIC },
      keyed: true,
      body: { schema: schemas.TopicNotificationInput, example: EXAMPLE },
      answer: { schema: schemas.SentToTopic, example: { sent: 40, unwanted: 2 } },
      handle: ({ params, body, idempotencyKey }) => {
        const { said, options } = split(body, idempotencyKey)
        return notifications.notifyTopic(params.topic!, said, options)
      },
    },
  ]
}

function split(body: Body, idempotencyKey: string | undefined): { said: NotificationInput; options: SendOptions } {
  const { dedupeKey = idempotencyKey, dedupeWindowMs, groupKey, ...said } = body
  const given = { dedupeKey, dedupeWindowMs, groupKey }
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as SendOptions
  return { said: input(said), options }
}

function input({ expiresAt, ...rest }: Body): NotificationInput {
  const said = rest as unknown as NotificationInput
  return expiresAt === undefined ? said : { ...said, expiresAt: new Date(expiresAt as string) }
}

/** @throws HttpFailure 404 */
export function known(outcome: CommandOutcome): { readonly outcome: CommandOutcome } {
  if (outcome !== 'unknown') return { outcome }
  throw new HttpFailure(404, 'Not Found', 'There is no notification of this id.', 'UNKNOWN_NOTIFICATION')
}
