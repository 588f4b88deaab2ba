/** What users test with. */
export type { ConformanceCase } from './conformance-case.ts'
export type { EventLogCase, EventLogClient, EventLogHarness } from './event-log-case.ts'
export { eventLogConformance } from './event-log-conformance.ts'
export type { InboxStoreCase, InboxStoreClient, InboxStoreHarness } from './inbox-store-case.ts'
export { inboxStoreConformance } from './inbox-store-conformance.ts'
export type { PubSubCase, PubSubHarness } from './pub-sub-case.ts'
export { pubSubConformance } from './pub-sub-conformance.ts'
