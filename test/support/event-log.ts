import { RedisEventLog } from '../../src/backends/redis/event-log.ts'
import type { LogEntry } from '../../src/core/event-log.ts'
import { logKeys } from '../../src/core/keys.ts'
import type { LogId } from '../../src/core/log-id.ts'

/** Partitions of the tests' deployments, the default. */
const PARTITIONS = 128

export function openEventLog(port: number, commandTimeoutMs = 5_000, username?: string): RedisEventLog {
  return new RedisEventLog({
    client: { host: '127.0.0.1', port, ...(username === undefined ? {} : { username, password: 'secret' }) },
    commandTimeoutMs,
    queue: { maxCount: 100_000, maxBytes: 67_108_864 },
    namespace: 'tidings',
    partitions: PARTITIONS,
  })
}

export function channelLog(name: string): LogId {
  return { kind: 'channel', name }
}

/** Where a log is in Redis, for making trouble. */
export function keysOf(log: LogId): { stream: string; head: string } {
  return logKeys('tidings', log, PARTITIONS)
}

/** Every retained entry, page by page. */
export async function readAll(eventLog: RedisEventLog, log: LogId): Promise<LogEntry[]> {
  const all: LogEntry[] = []
  for (let fromSeq = 1; ; fromSeq = all.at(-1)!.seq + 1) {
    const { entries } = await eventLog.read(log, { fromSeq, limit: 1_000 })
    if (entries.length === 0) return all
    all.push(...entries)
  }
}

export async function texts(eventLog: RedisEventLog, log: LogId): Promise<string[]> {
  return (await readAll(eventLog, log)).map(({ payload }) => String(payload))
}
