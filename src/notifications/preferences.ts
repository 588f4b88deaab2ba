import { type Muted, NOTIFICATION_TYPES } from '../core/inbox.ts'
import { assertTopic, invalid } from './notification-body.ts'
import { assertOptions } from './notification-options.ts'

const MAX_MUTED_TOPICS = 1_000

/** What a user does not want, and follows. */
export interface Preferences {
  readonly mutedTypes: Muted['types']
  readonly mutedTopics: Muted['topics']
  readonly topics: readonly string[]
}

/** What a user does not want. Both default to none. */
export interface MutedInput {
  readonly types?: Muted['types'] | undefined
  readonly topics?: Muted['topics'] | undefined
}

/** @throws TidingsError `INVALID_OPTION`, `INVALID_NOTIFICATION` */
export function readMuted(muted: MutedInput): Muted {
  assertOptions('mute', muted)
  const { types = [], topics = [] } = muted
  if (!Array.isArray(types) || !Array.isArray(topics)) throw invalid('muted types and topics', 'must be lists')
  for (const type of types) if (!NOTIFICATION_TYPES.includes(type)) throw invalid('type', 'is unknown')
  for (const topic of topics) assertTopic(topic)
  if (topics.length > MAX_MUTED_TOPICS) throw invalid('muted topics', 'must be at most 1,000')
  return { types: [...new Set(types)], topics: [...new Set(topics)] }
}
