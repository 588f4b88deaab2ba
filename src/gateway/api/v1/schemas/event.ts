import { type JsonSchema, object } from '../json-schema.ts'
import { DEDUPE_KEY, DEDUPE_WINDOW_MS, RECEIVERS } from './common.ts'

export const EventInput: JsonSchema = object(
  {
    data: { description: 'Anything. Default: null.' },
    append: {
      type: 'boolean',
      default: false,
      description: 'Keep it, or fail with `NO_HISTORY`. Without it, it is kept where its type has history.',
    },
    dedupeKey: DEDUPE_KEY,
    dedupeWindowMs: DEDUPE_WINDOW_MS,
  },
  ['data', 'append', 'dedupeKey', 'dedupeWindowMs'],
)

export const EventReceipt: JsonSchema = object(
  {
    receivers: RECEIVERS,
    position: { type: 'string', description: 'Where it is in its log; only of an event that was appended.' },
    duplicate: { type: 'boolean', description: 'It was there already: `position` is that of the first time.' },
    reached: {
      type: 'integer',
      minimum: 0,
      description: 'Replicas that confirmed it, where the policy asks for some.',
    },
  },
  ['position', 'duplicate', 'reached'],
)
