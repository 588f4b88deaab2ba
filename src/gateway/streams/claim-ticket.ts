import type { Connection } from '../../connection/connection.ts'
import { controlChannel } from '../../core/keys.ts'
import type { LogId } from '../../core/log-id.ts'
import type { ClaimId } from '../auth/signed-tickets.ts'

const LOG: LogId = { kind: 'shared', name: 'gateway:tickets' }
/** Nobody reads it: the log only knows, for as long as a ticket lives, that the ticket was there. */
const RETENTION = { maxCount: 1, maxAgeMs: 60_000 }

/** Takes a ticket's id for all nodes at once. */
export function claimBy({ eventLog, namespace }: Connection): ClaimId {
  const channel = `${controlChannel(namespace)}:tickets`
  return async (id, ttlMs) => {
    const dedupe = { key: id, windowMs: ttlMs }
    const { duplicate } = await eventLog.append(LOG, { channel, payload: '1', retention: RETENTION, dedupe })
    return !duplicate
  }
}
