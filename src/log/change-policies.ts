import { TidingsError } from '../core/errors.ts'
import type { EventLog } from '../core/event-log.ts'
import type { Policies } from '../core/policy.ts'

/** Others may change the policies in the same moment: then what they did is read, and this is done on top. */
const ATTEMPTS = 10

/**
 * Makes of the policies that Redis holds what `edit` makes of them, and resolves to those it was given last. Where
 * `edit` gives back what it got, nothing is written.
 */
export async function changePolicies(eventLog: EventLog, edit: (policies: Policies) => Policies): Promise<Policies> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { version, policies } = await eventLog.policies()
    const next = edit(policies)
    if (next === policies || (await eventLog.replacePolicies(version, next)) !== undefined) return policies
  }
  throw new TidingsError('REDIS_ERROR', 'The policies are being changed by others all the time; nothing was changed.')
}
