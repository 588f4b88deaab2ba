/**
 * Milliseconds to wait before attempt `attempt` (from 1): exponential with full jitter, so that a thousand
 * clients that lost the same server do not return together.
 * Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function fullJitter(attempt: number, baseMs: number, capMs: number, random: () => number = Math.random): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, 30))
  return Math.floor(random() * ceiling)
}
