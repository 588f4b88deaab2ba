import { toByteString } from '../core/byte-string.ts'
import type { EventLog } from '../core/event-log.ts'
import { compileGlob } from '../core/glob.ts'
import type { LogId } from '../core/log-id.ts'

/** Every log that may hold entries of channels that match the pattern. */
export async function logsMatching(eventLog: EventLog, pattern: string): Promise<LogId[]> {
  const glob = compileGlob(pattern)
  const partitions = Array.from({ length: eventLog.partitions }, (_, partition) => eventLog.logs(partition))
  const all = (await Promise.all(partitions)).flat()
  return all.filter(({ kind, name }) => kind === 'shared' || glob.matches(toByteString(name)))
}
