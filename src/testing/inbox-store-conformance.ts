import { broadcastCases } from './inbox-store-broadcasts.ts'
import type { InboxStoreCase } from './inbox-store-case.ts'
import { groupCases } from './inbox-store-groups.ts'
import { importingCases } from './inbox-store-importing.ts'
import { listingCases } from './inbox-store-listing.ts'
import { markingCases } from './inbox-store-marking.ts'
import { sendingCases } from './inbox-store-sending.ts'
import { settingCases } from './inbox-store-settings.ts'
import { sharingCases } from './inbox-store-sharing.ts'
import { stateCases } from './inbox-store-states.ts'
import { syncCases } from './inbox-store-sync.ts'
import { timingCases } from './inbox-store-timing.ts'

/**
 * What every InboxStore backend must do while its server is well. Run each case by itself, one after another, with a
 * namespace of its own, and give it at least 20 seconds; see `eventLogConformance`.
 */
export const inboxStoreConformance: readonly InboxStoreCase[] = [
  ...sendingCases,
  ...groupCases,
  ...importingCases,
  ...stateCases,
  ...broadcastCases,
  ...markingCases,
  ...timingCases,
  ...listingCases,
  ...syncCases,
  ...settingCases,
  ...sharingCases,
]
