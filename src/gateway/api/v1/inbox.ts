import type { ListOptions } from '../../../notifications/list-options.ts'
import type { NotificationService } from '../../../notifications/notification-service.ts'
import type { Call, Endpoint } from './endpoint.ts'
import type { JsonSchema } from './json-schema.ts'
import { known } from './notifications.ts'
import { ID, Outcome } from './schemas/common.ts'
import * as schemas from './schemas/inbox.ts'
import { TOPIC, TYPE } from './schemas/notification.ts'

const ANSWER = {
  counts: { total: 3, unread: 1, unseen: 0, byType: { info: 0, warning: 0, error: 0, success: 1 } },
  state: '7-1@k3j9x2m4p8q1.3.0-0@.1795000000000',
}

const NOTIFICATION = {
  id: 'n3-1@k3j9x2m4p8q1',
  userId: 'u-1',
  broadcast: false,
  type: 'success',
  title: 'Order confirmed',
  message: 'Your order ORD-123 is on its way.',
  timestamp: '2026-11-24T09:00:00.000Z',
  data: null,
  actions: [],
  count: 1,
  read: false,
  seen: true,
  archived: false,
  stored: true,
}

const VIEW: JsonSchema = {
  type: 'string',
  enum: ['inbox', 'unread', 'archived', 'snoozed', 'all'],
  default: 'inbox',
  description: '`inbox`: neither archived nor snoozed; `unread`: of these the unread.',
}

const common = { tag: 'Inbox', by: 'user' } as const
const answer = { schema: schemas.InboxAnswer, example: ANSWER }

/** What users do with their own inbox. */
export function inboxEndpoints(notifications: NotificationService): readonly Endpoint[] {
  return [
    {
      ...common,
      method: 'GET',
      path: '/v1/inbox',
      id: 'listInbox',
      summary: 'A page of notifications, newest first',
      query: {
        view: VIEW,
        type: TYPE,
        topic: TOPIC,
        limit: { type: 'integer', minimum: 1, maximum: 1000, default: 20 },
        before: { type: 'string', description: 'The `next` of the page before.' },
      },
      answer: {
        schema: schemas.InboxPage,
        example: { notifications: [NOTIFICATION], next: '3.1', ...ANSWER },
      },
      handle: ({ userId, query }) => notifications.list(userId, query as ListOptions),
    },
    {
      ...common,
      method: 'GET',
      path: '/v1/inbox/counts',
      id: 'countInbox',
      summary: 'How many there are',
      answer,
      handle: ({ userId }) => notifications.counts(userId),
    },
    {
      ...common,
      method: 'GET',
      path: '/v1/inbox/sync',
      id: 'syncInbox',
      summary: 'What has changed since an earlier answer',
      query: { state: schemas.STATE },
      required: ['state'],
      answer: {
        schema: schemas.InboxSync,
        example: { reset: false, changed: [NOTIFICATION], removed: ['n2-1@k3j9x2m4p8q1'], ...ANSWER },
      },
      handle: ({ userId, query }) => notifications.sync(userId, query.state as string),
    },
    some('read', 'readNotifications', 'Mark as read', (userId, ids) => notifications.markAsRead(userId, ids)),
    some('unread', 'unreadNotifications', 'Mark as unread', (userId, ids) => notifications.markAsUnread(userId, ids)),
    some('archive', 'archiveNotifications', 'Read, and take out of the inbox', (userId, ids) =>
      notifications.archive(userId, ids),
    ),
    some('delete', 'deleteNotifications', 'Remove', (userId, ids) => notifications.delete(userId, ids)),
    all('read-all', 'readAll', 'Mark everything as read', (userId, upTo) =>
      notifications.markAllAsRead(userId, { upTo }),
    ),
    all('seen', 'markAsSeen', 'Mark everything as seen', (userId, upTo) => notifications.markAsSeen(userId, { upTo })),
    one('snooze', 'snoozeNotification', 'Take out of the inbox until then', schemas.Snooze, {
      example: { until: '2026-11-25T08:00:00Z' },
      act: (userId, id, { until }) => notifications.snooze(userId, id, new Date(until as string)),
    }),
    one('act', 'actOnNotification', 'Take one of its actions', schemas.Act, {
      example: { action: 'Approve' },
      act: (userId, id, { action }) => notifications.act(userId, id, action as string),
    }),
  ]
}

function some(
  name: string,
  id: string,
  summary: string,
  act: (userId: string, ids: readonly string[]) => Promise<readonly string[]>,
): Endpoint {
  return {
    ...common,
    method: 'POST',
    path: `/v1/inbox/${name}`,
    id,
    summary,
    body: { schema: schemas.NotificationIds, example: { ids: [NOTIFICATION.id] } },
    answer: { schema: schemas.Outcomes, example: { outcomes: ['changed'] } },
    handle: async ({ userId, body }) => ({ outcomes: await act(userId, body.ids as string[]) }),
  }
}

function all(
  name: string,
  id: string,
  summary: string,
  act: (userId: string, upTo: string | undefined) => Promise<unknown>,
): Endpoint {
  return {
    ...common,
    method: 'POST',
    path: `/v1/inbox/${name}`,
    id,
    summary: `${summary}, up to what was seen`,
    body: { schema: schemas.UpTo, example: { upTo: ANSWER.state } },
    answer,
    handle: ({ userId, body }) => act(userId, body.upTo as string | undefined),
  }
}

function one(
  name: string,
  id: string,
  summary: string,
  schema: JsonSchema,
  {
    example,
    act,
  }: {
    readonly example: object
    readonly act: (userId: string, id: string, body: Call['body']) => ReturnType<NotificationService['act']>
  },
): Endpoint {
  return {
    ...common,
    method: 'POST',
    path: `/v1/inbox/:id/${name}`,
    id,
    summary,
    params: { id: ID },
    body: { schema, example },
    answer: { schema: Outcome, example: { outcome: 'changed' } },
    problems: { 404: '`UNKNOWN_NOTIFICATION`: there is none of this id.' },
    handle: async ({ userId, params, body }) => known(await act(userId, params.id!, body)),
  }
}
