/**
 * One promise of a contract, as a test that any runner can run: it rejects with an AssertionError where the promise
 * is broken. Cases do not depend on each other, and close what they opened, also when they fail.
 */
export interface ConformanceCase<Harness> {
  /** Tells the behaviour, and is unique within its suite. */
  readonly name: string
  run(harness: Harness): Promise<void>
}
