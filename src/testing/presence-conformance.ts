import type { PresenceCase } from './presence-case.ts'
import { leaseCases } from './presence-leases.ts'
import { memberCases } from './presence-members.ts'
import { nodeCases } from './presence-nodes.ts'

/**
 * What every backend of PresenceStore, NodeRegistry and Revocations must do while its server is well. Run each case by
 * itself, with a namespace of its own, and give it at least 20 seconds; see `eventLogConformance`.
 */
export const presenceConformance: readonly PresenceCase[] = [...memberCases, ...leaseCases, ...nodeCases]
