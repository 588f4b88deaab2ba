/**
 * Why entries cannot be had:
 * - `lost`: the log that the position belongs to is gone (FLUSHALL, eviction, a restart without persistence), and
 *   another one has begun;
 * - `diverged`: Redis went back behind the position (a failover or a crash lost what it had not passed on or saved):
 *   some entries that were seen no longer exist, and others may have taken their numbers;
 * - `trimmed`: retention, or somebody else, has removed the next entries.
 */
export type GapReason = 'lost' | 'diverged' | 'trimmed'

/** A hole in what a reader of a log gets, which nothing can fill. Reading goes on behind it. */
export interface Gap {
  /** The channel, or the name of the log that several channels share. */
  readonly log: string
  readonly reason: GapReason
  /** The position of the last entry that the reader has had, or was to go on from. */
  readonly from: string
  /** The position of the entry before the next one that the reader gets: `0-…` where that is the first of a log. */
  readonly to: string
}

export type GapListener = (gap: Gap) => void

/** How a reader that was to go on from a position did: with the next entry, or, as that cannot be had, elsewhere. */
export type Resumed = { readonly kind: 'recovered' } | ({ readonly kind: 'reset' } & Omit<Gap, 'log'>)
