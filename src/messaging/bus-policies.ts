import { TidingsError } from '../core/errors.ts'
import type { EventLog } from '../core/event-log.ts'
import { escapeGlob } from '../core/glob.ts'
import type { Policies, Policy } from '../core/policy.ts'
import { policyDifferences } from '../core/policy-diff.ts'
import { readPolicies } from '../core/policy-match.ts'
import { changePolicies } from '../log/change-policies.ts'

/** What the channels of this bus promise, by patterns over its event types. Kept in Redis, for all processes. */
export class BusPolicies {
  readonly #eventLog: EventLog
  readonly #prefix: string
  readonly #applied: () => Promise<unknown>

  /** @param applied called when they were changed here */
  constructor(eventLog: EventLog, channelPrefix: string, applied: () => Promise<unknown>) {
    this.#eventLog = eventLog
    this.#prefix = escapeGlob(channelPrefix)
    this.#applied = applied
  }

  /** The policies of this bus's event types, as Redis has them. */
  async get(): Promise<Policies> {
    const { policies } = await this.#eventLog.policies()
    const own = Object.entries(policies).filter(([pattern]) => pattern.startsWith(this.#prefix))
    return Object.fromEntries(own.map(([pattern, policy]) => [pattern.slice(this.#prefix.length), policy]))
  }

  /** @throws TidingsError `POLICY_MISMATCH` where Redis holds others than these, with each difference */
  async assertHeld(declared: Policies): Promise<void> {
    const differences = policyDifferences(declared, await this.get())
    if (differences.length === 0) return
    throw new TidingsError('POLICY_MISMATCH', `Redis holds other policies: ${differences.join(' ')}`, {
      hint: 'Apply these with bus.policies.apply(), or declare those.',
      context: { differences },
    })
  }

  /**
   * Sets the policies of these patterns, and takes away those that are `null`; others stay as they are. Resolves when
   * Redis has them. Other processes follow within about a second.
   * @throws TidingsError `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_PATTERN`: nothing was changed
   */
  async apply(changes: Readonly<Record<string, Policy | null>>): Promise<void> {
    const gone = Object.keys(changes).filter((pattern) => changes[pattern] === null)
    const set = readPolicies(Object.fromEntries(Object.entries(changes).filter(([, policy]) => policy !== null)))
    await changePolicies(this.#eventLog, (policies) => {
      const next = new Map(Object.entries(policies))
      for (const pattern of gone) next.delete(this.#prefix + pattern)
      for (const [pattern, policy] of Object.entries(set)) next.set(this.#prefix + pattern, policy)
      return Object.fromEntries(next)
    })
    await this.#applied()
  }
}
