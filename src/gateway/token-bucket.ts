/** Milliseconds after which an empty bucket is full again. */
const FILLS_IN_MS = 2_000
/** What sums of fractions may be off by. */
const INEXACT_MS = 0.001

/** A bucket that nothing was taken from. */
export const FULL = 0

/**
 * Takes one from a bucket that holds so many a second on average, and twice as many at once; undefined where that is one
 * too many. A bucket is the time at which it would be full again: there is one for each client.
 */
export function take(bucket: number, perSecond: number): number | undefined {
  const now = performance.now()
  const fullAt = Math.max(bucket, now) + 1_000 / perSecond
  return fullAt - now > FILLS_IN_MS + INEXACT_MS ? undefined : fullAt
}
