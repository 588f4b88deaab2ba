import { TidingsError } from '../core/errors.ts'
import { type LogId, logText } from '../core/log-id.ts'
import type { PolicyTable } from '../core/policy-match.ts'
import type { SubscriptionKind } from '../core/pub-sub.ts'

/** What a subscription is made of. */
export interface Plan {
  /** Equal for equal plans. */
  readonly text: string
  readonly plain: boolean
  /** The log of a channel. */
  readonly log?: LogId
  /** The shared logs behind a pattern that logs may be behind. */
  readonly shared?: readonly string[]
}

export const PLAIN: Plan = { text: 'plain', plain: true }

/** The log that a channel writes to; undefined where its policy keeps none. */
export function logOf(table: PolicyTable, channel: string): LogId | undefined {
  const found = table.find(channel)
  return found?.policy.history ? found.log : undefined
}

/** What a subscription is made of by these policies. */
export function planOf(table: PolicyTable, { kind, name }: { kind: SubscriptionKind; name: string }): Plan {
  if (kind === 'channel') {
    const log = logOf(table, name)
    return log === undefined ? PLAIN : { text: logText(log), plain: false, log }
  }
  if (!table.mayLog(name)) return PLAIN
  const plain = !table.coversLogged(name)
  const shared = table.sharedLogs(name)
  return { text: JSON.stringify([plain, shared]), plain, shared }
}

export function noHistory(channel: string): TidingsError {
  return new TidingsError('NO_HISTORY', `The policy of "${channel}" keeps no history.`, {
    context: { channel },
    hint: 'Give it a policy with "history", or do without: tidings policy apply takes channels, bus.policies.apply event types, without their prefix.',
  })
}

/** Reading several logs from one position cannot be. */
export function onePosition(): TidingsError {
  return new TidingsError('INVALID_OPTION', 'A position belongs to one log, and this reads several.', {
    hint: 'Give a Date, or read one event type.',
  })
}
