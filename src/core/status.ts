import type { TidingsError } from './errors.ts'
import type { Gap } from './gap.ts'

/**
 * What a connection reports about itself: one report for each change of state, however often the state is
 * met on the way (a hundred failed attempts to reconnect are one `disconnected`).
 *
 * - `connected`: Redis answers, for the first time or again.
 * - `disconnected`: the connection broke or could not be made; attempts go on by themselves.
 * - `interruption`: after a break, every subscription is back. Live messages published during the break are
 *   gone, so whatever was derived from them (a cache, a view) should be refreshed now. One for each break.
 * - `gap`: entries of a log that somebody here follows cannot be had any more. One for each gap,
 *   however many follow, and however late.
 * - `error`: something failed that belongs to no call, such as a subscription that Redis refused to renew.
 * - `closed`: closed for good.
 */
export type ConnectionStatus =
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected'; readonly error: TidingsError }
  | {
      readonly kind: 'interruption'
      /** Milliseconds from the break to the last renewed subscription. */
      readonly downMs: number
      readonly channels: number
      readonly patterns: number
    }
  | { readonly kind: 'gap'; readonly gap: Gap }
  | { readonly kind: 'error'; readonly error: TidingsError }
  | { readonly kind: 'closed' }

export type StatusListener = (status: ConnectionStatus) => void
