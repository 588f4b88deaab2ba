import type { PubSubCase } from './pub-sub-case.ts'
import { countCases } from './pub-sub-counts.ts'
import { deliveryCases } from './pub-sub-delivery.ts'
import { lifecycleCases } from './pub-sub-lifecycle.ts'
import { payloadCases } from './pub-sub-payloads.ts'

/**
 * What every PubSub backend must do while its server is well. Run each case by itself, one after another, and give
 * it at least 20 seconds:
 *
 * ```ts
 * for (const { name, run } of pubSubConformance) test(name, () => run({ create: async () => new MyPubSub(…) }))
 * ```
 */
export const pubSubConformance: readonly PubSubCase[] = [
  ...deliveryCases,
  ...payloadCases,
  ...countCases,
  ...lifecycleCases,
]
