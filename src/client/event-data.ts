import { ClientError } from './client-error.ts'
import type { Event } from './server-types.ts'

const ZONED = /(?:Z|[+-]\d\d(?::?\d\d)?)$/

/** The event in a publication. @throws ClientError `INVALID_EVENT` */
export function readEvent(value: unknown, channel: string, position: string | undefined): Event {
  const { type, timestamp, data = null } = (value ?? {}) as Partial<Event>
  if (typeof type !== 'string' || type === '' || typeof timestamp !== 'string') throw noEvent(channel)
  // Without a zone it is UTC, as on the server.
  const time = ZONED.test(timestamp) ? timestamp : `${timestamp}Z`
  if (Number.isNaN(Date.parse(time))) throw noEvent(channel)
  return position === undefined ? { type, timestamp: time, data } : { type, timestamp: time, data, position }
}

function noEvent(channel: string): ClientError {
  return new ClientError('INVALID_EVENT', `A message on "${channel}" is not an event.`, { channel })
}
