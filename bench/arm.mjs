/**
 * One arm of one round in a process of its own, so that no other arm's compiled code or garbage is in its way.
 * Told by messages: the job first, then `go` once the runner has read its own clocks; answers `ready`, then the
 * result.
 */
import { clients } from './clients/clients.mjs'
import { inbox } from './workloads/inbox.mjs'
import { log } from './workloads/log.mjs'
import { publish } from './workloads/publish.mjs'
import { receive } from './workloads/receive.mjs'

/** @type {Record<string, (client: any, job: any, tell: (message: any) => void, go: () => Promise<void>) => Promise<void>>} */
const workloads = { inbox, log, publish, receive }

/** @param {any} message */
const tell = (message) => process.send?.(message)

/** @returns {Promise<void>} */
const go = () => new Promise((resolve) => process.once('message', () => resolve()))

// The runner has died.
const abandoned = () => process.exit(1)
process.once('disconnect', abandoned)

process.once('message', async (/** @type {any} */ job) => {
  const open = clients[job.client]
  if (!open) throw new Error(`There is no client ${job.client}.`)
  const client = await open()
  const workload = workloads[job.workload]
  if (!workload) throw new Error(`There is no workload ${job.workload}.`)
  await workload(client, job, tell, go)
  process.off('disconnect', abandoned)
  process.disconnect?.()
})

process.on('unhandledRejection', (error) => {
  tell({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.exit(1)
})
