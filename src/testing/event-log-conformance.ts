import { appendCases } from './event-log-append.ts'
import type { EventLogCase } from './event-log-case.ts'
import { dedupeCases } from './event-log-dedupe.ts'
import { eventLogLifecycleCases } from './event-log-lifecycle.ts'
import { liveCases } from './event-log-live.ts'
import { readingCases } from './event-log-reading.ts'
import { registryCases } from './event-log-registry.ts'

/**
 * What every EventLog backend must do while its server is well. Run each case by itself, one after another, with a
 * namespace of its own, and give it at least 20 seconds:
 *
 * ```ts
 * for (const { name, run } of eventLogConformance) {
 *   const namespace = randomUUID()
 *   test(name, () => run({ namespace, create: async () => ({ eventLog: new MyEventLog(namespace, …), pubSub, close }) }))
 * }
 * ```
 */
export const eventLogConformance: readonly EventLogCase[] = [
  ...appendCases,
  ...liveCases,
  ...readingCases,
  ...dedupeCases,
  ...registryCases,
  ...eventLogLifecycleCases,
]
