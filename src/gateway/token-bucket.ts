/** What sums of fractions may be off by. */
const INEXACT_MS = 0.001

/** A bucket that nothing was taken from. */
export const FULL = 0

/**
 * Takes one from a bucket that is filled with so many a second and holds `burst`; undefined where that is one too many.
 * A bucket is the time at which it would be full again: there is one for each client.
 */
export function take(bucket: number, perSecond: number, burst: number = perSecond * 2): number | undefined {
  const now = performance.now()
  const fullAt = Math.max(bucket, now) + 1_000 / perSecond
  return fullAt - now > (burst * 1_000) / perSecond + INEXACT_MS ? undefined : fullAt
}
