import { type JsonSchema, object } from '../json-schema.ts'
import { DEDUPE_KEY, DEDUPE_WINDOW_MS, ID, RECEIVERS, TIME } from './common.ts'

export const TYPE: JsonSchema = { type: 'string', enum: ['info', 'warning', 'error', 'success'] }

export const TOPIC: JsonSchema = { type: 'string', minLength: 1, maxLength: 256 }

const SAID = {
  type: TYPE,
  title: { type: 'string', minLength: 1, maxLength: 1000 },
  message: { type: 'string' },
  data: { description: 'Anything. Default: null.' },
  topic: TOPIC,
  expiresAt: { ...TIME, description: 'When it goes away by itself.' },
  actions: {
    type: 'array',
    maxItems: 10,
    items: object(
      {
        key: { type: 'string', minLength: 1, maxLength: 200, description: 'What `act` takes. Default: the label.' },
        label: { type: 'string', minLength: 1, maxLength: 200 },
        url: { type: 'string', description: 'http or https.' },
      },
      ['key', 'url'],
    ),
  },
} as const satisfies Record<string, JsonSchema>

const MAY_BE_LEFT_OUT = ['data', 'topic', 'expiresAt', 'actions'] as const

const DEDUPING = { dedupeKey: DEDUPE_KEY, dedupeWindowMs: DEDUPE_WINDOW_MS }

const SENDING = {
  groupKey: {
    type: 'string',
    minLength: 1,
    maxLength: 1024,
    description: 'It takes the place of the last one with the same key.',
  },
  ...DEDUPING,
} as const satisfies Record<string, JsonSchema>

const AUDIENCE: JsonSchema = { description: 'For whom, as the program understands it. Default: everybody.' }

export const NotificationInput: JsonSchema = object(SAID, MAY_BE_LEFT_OUT)

export const UserNotificationInput: JsonSchema = object({ ...SAID, ...SENDING }, [
  ...MAY_BE_LEFT_OUT,
  ...Object.keys(SENDING),
])

const { topic: _topic, ...SAID_OF_TOPIC } = SAID

export const TopicNotificationInput: JsonSchema = object({ ...SAID_OF_TOPIC, ...SENDING }, [
  ...MAY_BE_LEFT_OUT,
  ...Object.keys(SENDING),
])

export const BroadcastInput: JsonSchema = object({ ...SAID, audience: AUDIENCE }, [...MAY_BE_LEFT_OUT, 'audience'])

export const NewBroadcastInput: JsonSchema = object({ ...SAID, audience: AUDIENCE, ...DEDUPING }, [
  ...MAY_BE_LEFT_OUT,
  'audience',
  ...Object.keys(DEDUPING),
])

export const Sent: JsonSchema = object(
  {
    outcome: {
      type: 'string',
      enum: ['stored', 'collapsed', 'duplicate', 'muted', 'not-following'],
      description:
        '`collapsed`: the rate limit counted it in another. `duplicate`: it was there already. `muted`: its user does not want it.',
    },
    id: ID,
    receivers: RECEIVERS,
  },
  ['id'],
)

export const SentBroadcast: JsonSchema = object({
  id: { ...ID, description: 'Of the broadcast, or of the first one for a duplicate.' },
  receivers: RECEIVERS,
  duplicate: { type: 'boolean', description: 'It was there already, under its key.' },
})

export const SentToTopic: JsonSchema = object({
  sent: { type: 'integer', minimum: 0, description: 'Users.' },
  unwanted: { type: 'integer', minimum: 0, description: 'Users who have muted it, or no longer follow.' },
})

export const Notification: JsonSchema = object(
  {
    id: ID,
    userId: { type: 'string' },
    broadcast: { type: 'boolean' },
    type: TYPE,
    title: { type: 'string' },
    message: { type: 'string' },
    timestamp: { ...TIME, description: 'When it was sent.' },
    data: {},
    topic: { type: 'string' },
    actions: {
      type: 'array',
      items: object({ key: { type: 'string' }, label: { type: 'string' }, url: { type: 'string' } }, ['url']),
    },
    expiresAt: TIME,
    count: { type: 'integer', minimum: 1, description: 'How many of its group it stands for.' },
    read: { type: 'boolean' },
    seen: { type: 'boolean' },
    archived: { type: 'boolean' },
    snoozedUntil: TIME,
    acted: { type: 'string', description: 'The key of the action that was taken.' },
    stored: { type: 'boolean' },
  },
  ['userId', 'topic', 'expiresAt', 'snoozedUntil', 'acted'],
)
