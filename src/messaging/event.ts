import { TidingsError } from '../core/errors.ts'
import { readTimestamp } from '../core/timestamp.ts'
import { toJson } from './payload.ts'

/** What happened, when, and its particulars. On the wire it is the JSON of exactly these first three, in this order. */
export interface Event<Type extends string = string, Data = unknown> {
  readonly type: Type
  /** When the event was made, by its maker's clock: ISO 8601 with a zone. */
  readonly timestamp: string
  readonly data: Data
  /** Where a received event is in its log: to resume right after it. Only events of channels with history have one. */
  readonly position?: string
}

/** Distinct event types whose JSON is kept; beyond it the cache starts anew. */
const MAX_CACHED_TYPES = 1024
const heads = new Map<string, string>()

function headOf(type: string): string {
  let head = heads.get(type)
  if (head === undefined) {
    if (heads.size >= MAX_CACHED_TYPES) heads.clear()
    head = `{"type":${JSON.stringify(type)},"timestamp":"`
    heads.set(type, head)
  }
  return head
}

let nowMs = Number.NaN
let nowText = ''

function timestampNow(): string {
  const ms = Date.now()
  if (ms !== nowMs) {
    nowMs = ms
    nowText = new Date(ms).toISOString()
  }
  return nowText
}

/**
 * The JSON of an event of now. `undefined` data is sent as `null`.
 * @param extra further members for after `data`, as JSON without braces, such as `"id":"1"`
 * @throws TidingsError `INVALID_MESSAGE` for data that JSON cannot carry.
 */
export function encodeEvent(type: string, data: unknown, extra = ''): string {
  const json = toJson(data === undefined ? null : data)
  return `${headOf(type)}${timestampNow()}","data":${json}${extra === '' ? '' : `,${extra}`}}`
}

function noEvent(channel: string, why: string): TidingsError {
  return new TidingsError('INVALID_EVENT', `A message on "${channel}" is not an event: ${why}.`, {
    context: { channel },
    hint: 'An event is a JSON object with a "type", an ISO "timestamp" and "data".',
  })
}

/**
 * The event in a received message, of which only `type`, `timestamp` and `data` are taken; `data` that is not
 * there is `null`.
 * @param value the message, parsed where it was JSON
 * @throws TidingsError `INVALID_EVENT` where there is no event in it.
 */
export function decodeEvent(value: unknown, channel: string, position?: string): Event {
  if (typeof value !== 'object' || value === null) throw noEvent(channel, 'it is no JSON object')
  const { type, timestamp, data = null } = value as { type?: unknown; timestamp?: unknown; data?: unknown }
  if (typeof type !== 'string' || type === '') throw noEvent(channel, 'it has no type')
  const time = typeof timestamp === 'string' ? readTimestamp(timestamp) : undefined
  if (time === undefined) throw noEvent(channel, 'it has no ISO timestamp')
  return position === undefined ? { type, timestamp: time, data } : { type, timestamp: time, data, position }
}
