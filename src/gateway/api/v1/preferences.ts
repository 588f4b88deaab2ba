import type { NotificationService } from '../../../notifications/notification-service.ts'
import type { Preferences } from '../../../notifications/preferences.ts'
import type { Endpoint } from './endpoint.ts'
import { MutedInput, Preferences as PreferencesSchema } from './schemas/inbox.ts'
import { TOPIC } from './schemas/notification.ts'

const MUTED = { mutedTypes: ['info'], mutedTopics: ['offers'] }

/** What users want, and what not. */
export function preferenceEndpoints(notifications: NotificationService): readonly Endpoint[] {
  const common = { tag: 'Inbox', by: 'user' } as const
  const answer = { schema: PreferencesSchema, example: { ...MUTED, topics: ['orders'] } }
  return [
    {
      ...common,
      method: 'GET',
      path: '/v1/inbox/preferences',
      id: 'getPreferences',
      summary: 'What is muted, and which topics are followed',
      answer,
      handle: ({ userId }) => notifications.preferences(userId),
    },
    {
      ...common,
      method: 'PUT',
      path: '/v1/inbox/preferences',
      id: 'setPreferences',
      summary: 'Mute types and topics',
      body: { schema: MutedInput, example: MUTED },
      answer,
      handle: async ({ userId, body }) => {
        const { mutedTypes: types, mutedTopics: topics } = body as unknown as Preferences
        await notifications.mute(userId, { types, topics })
        return notifications.preferences(userId)
      },
    },
    {
      ...common,
      method: 'PUT',
      path: '/v1/inbox/topics/:topic',
      id: 'followTopic',
      summary: 'Follow a topic',
      params: { topic: TOPIC },
      handle: ({ userId, params }) => notifications.follow(userId, params.topic!),
    },
    {
      ...common,
      method: 'DELETE',
      path: '/v1/inbox/topics/:topic',
      id: 'unfollowTopic',
      summary: 'Follow a topic no longer',
      params: { topic: TOPIC },
      handle: ({ userId, params }) => notifications.unfollow(userId, params.topic!),
    },
  ]
}
