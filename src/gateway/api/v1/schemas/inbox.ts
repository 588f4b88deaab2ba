import { type JsonSchema, object } from '../json-schema.ts'
import { ID, OUTCOME, TIME } from './common.ts'
import { Notification, TOPIC, TYPE } from './notification.ts'

const count = (description?: string): JsonSchema => ({
  type: 'integer',
  minimum: 0,
  ...(description !== undefined && { description }),
})

export const STATE: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 200,
  description: 'What an answer is up to. Opaque.',
}

const InboxCounts: JsonSchema = object(
  {
    total: count(),
    unread: count(),
    unseen: count('Unread, and not yet seen.'),
    byType: object({ info: count(), warning: count(), error: count(), success: count() }, [], 'Unread, by type.'),
  },
  [],
  'Archived and snoozed ones are in no count.',
)

const ANSWER = {
  counts: InboxCounts,
  state: STATE,
  nextChangeAt: { ...TIME, description: 'When something wakes or expires by itself next.' },
} as const satisfies Record<string, JsonSchema>

export const InboxAnswer: JsonSchema = object(ANSWER, ['nextChangeAt'])

export const InboxPage: JsonSchema = object(
  {
    notifications: { type: 'array', items: Notification, description: 'Newest first.' },
    next: { type: 'string', description: 'The `before` of the next page; not there at the end.' },
    ...ANSWER,
  },
  ['next', 'nextChangeAt'],
)

export const InboxSync: JsonSchema = {
  description: 'What has changed; or, with `reset`, that only the whole list will do.',
  oneOf: [
    object(
      {
        reset: { const: false },
        changed: { type: 'array', items: Notification, description: 'Newest first; archived and snoozed ones too.' },
        removed: { type: 'array', items: ID },
        ...ANSWER,
      },
      ['nextChangeAt'],
    ),
    object({ reset: { const: true }, ...ANSWER }, ['nextChangeAt']),
  ],
}

export const NotificationIds: JsonSchema = object({ ids: { type: 'array', items: ID, maxItems: 1000 } })

export const Outcomes: JsonSchema = object({
  outcomes: { type: 'array', items: OUTCOME, description: 'In the order of the ids.' },
})

export const UpTo: JsonSchema = object(
  { upTo: { ...STATE, description: 'The `state` of an answer: what came later stays as it is. Default: now.' } },
  ['upTo'],
)

export const Snooze: JsonSchema = object({ until: { ...TIME, description: 'In the future.' } })

export const Act: JsonSchema = object({
  action: { type: 'string', minLength: 1, maxLength: 200, description: 'The key of one of its actions.' },
})

const MUTED = {
  mutedTypes: { type: 'array', items: TYPE, maxItems: 4 },
  mutedTopics: { type: 'array', items: TOPIC, maxItems: 1000 },
} as const satisfies Record<string, JsonSchema>

export const MutedInput: JsonSchema = object(MUTED, [], 'What there was before is replaced.')

export const Preferences: JsonSchema = object({
  ...MUTED,
  topics: { type: 'array', items: { type: 'string' }, description: 'Followed.' },
})
