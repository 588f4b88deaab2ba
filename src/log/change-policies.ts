import { TidingsError } from '../core/errors.ts'
import type { EventLog } from '../core/event-log.ts'
import type { Policies } from '../core/policy.ts'

/** Others may change the policies in the same moment: then what they did is read, and this is done on top. */
const ATTEMPTS = 10

/**
 * Makes of the policies that Redis holds what `edit` makes of them, and resolves to those it was given last. Where
 * `edit` gives back what it got, nothing is written.
 * @throws TidingsError `INVALID_OPTION` where two policies share a log and would keep it differently
 */
export async function changePolicies(eventLog: EventLog, edit: (policies: Policies) => Policies): Promise<Policies> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { version, policies } = await eventLog.policies()
    const next = edit(policies)
    if (next === policies) return policies
    assertOneRetention(next)
    if ((await eventLog.replacePolicies(version, next)) !== undefined) return policies
  }
  throw new TidingsError('REDIS_ERROR', 'The policies are being changed by others all the time; nothing was changed.')
}

/** A log that several policies name is one, and can be kept in one way only. */
function assertOneRetention(policies: Policies): void {
  const kept = new Map<string, { readonly pattern: string; readonly history: string }>()
  for (const [pattern, { log, history }] of Object.entries(policies)) {
    if (log === undefined || !history) continue
    const text = JSON.stringify([history.maxCount, history.maxAgeMs])
    const other = kept.get(log)
    if (other === undefined) kept.set(log, { pattern, history: text })
    else if (other.history !== text) {
      throw new TidingsError(
        'INVALID_OPTION',
        `The policies of ${JSON.stringify(other.pattern)} and ${JSON.stringify(pattern)} share the log ` +
          `${JSON.stringify(log)}, and their "history" differs.`,
        { hint: 'Give both the same limits, or a log each.', context: { log } },
      )
    }
  }
}
