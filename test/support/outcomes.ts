import { TidingsError } from '../../src/index.ts'

export interface Outcomes {
  /** Promises that have not settled. */
  pending: number
  resolved: number
  /** Rejections by code. */
  rejected: Record<string, number>
  /** The longest that a promise took to settle, in milliseconds. */
  longestMs: number
}

/** Counts how promises end, so that a test can say that every one of them did, how, and how soon. */
export class OutcomeLedger {
  readonly outcomes: Outcomes = { pending: 0, resolved: 0, rejected: {}, longestMs: 0 }

  watch<T>(promise: Promise<T>): Promise<T | undefined> {
    const { outcomes } = this
    const since = performance.now()
    outcomes.pending += 1
    const settled = () => {
      outcomes.pending -= 1
      outcomes.longestMs = Math.max(outcomes.longestMs, performance.now() - since)
    }
    return promise.then(
      (value) => {
        settled()
        outcomes.resolved += 1
        return value
      },
      (error: unknown) => {
        settled()
        const code = error instanceof TidingsError ? error.code : `not a TidingsError: ${error}`
        outcomes.rejected[code] = (outcomes.rejected[code] ?? 0) + 1
        return undefined
      },
    )
  }
}
