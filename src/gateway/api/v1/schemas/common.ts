import { type JsonSchema, object } from '../json-schema.ts'

export const ID: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 200,
  description: 'Of a notification. Opaque.',
}

export const TIME: JsonSchema = { type: 'string', format: 'date-time' }

export const DEDUPE_KEY: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 1024,
  description: 'What was sent with the same key, within the window, is not sent again. In place of `Idempotency-Key`.',
}

export const DEDUPE_WINDOW_MS: JsonSchema = {
  type: 'integer',
  minimum: 1,
  default: 120_000,
  description: 'Milliseconds for which the key is remembered.',
}

export const RECEIVERS: JsonSchema = {
  type: 'integer',
  minimum: 0,
  description: 'Subscribers that got it live, as far as Redis can count. No acknowledgment.',
}

export const OUTCOME: JsonSchema = {
  type: 'string',
  enum: ['changed', 'already', 'unknown'],
  description: '`already`: it was so before. `unknown`: there is no such notification.',
}

export const Problem: JsonSchema = {
  type: 'object',
  description: 'What went wrong: RFC 9457.',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string' },
    code: { type: 'string', description: 'Stable, to branch on.' },
    issues: {
      type: 'array',
      description: 'What is wrong with a request, or with the data of an event.',
      items: { type: 'object', properties: { message: { type: 'string' } } },
    },
  },
  required: ['type', 'title', 'status', 'detail', 'code'],
}

export const Outcome: JsonSchema = object({ outcome: OUTCOME })
