import { randomUUID } from 'node:crypto'
import type { Appended, EventLog, LogEntry, LogMessage } from '../core/event-log.ts'
import { liveChannel } from '../core/keys.ts'
import { decodeFrame, type LiveFrame } from '../core/live-frame.ts'
import type { LogId } from '../core/log-id.ts'
import type { Message } from '../core/message.ts'
import type { PubSub } from '../core/pub-sub.ts'
import type { ConformanceCase } from './conformance-case.ts'

/** One client: its logs, and the PubSub that gets what they publish. */
export interface EventLogClient {
  readonly eventLog: EventLog
  readonly pubSub: PubSub
  /** Closes both. */
  close(): Promise<void>
}

/** What a backend brings to the suite. */
export interface EventLogHarness {
  /** A new client of one server or hub, on this namespace. The case that asked for it closes it. */
  create(): Promise<EventLogClient>
  /** The namespace of the clients' logs. Each run of a case needs one that has never been used. */
  readonly namespace: string
}

interface CaseTools {
  /** A new client, closed when the case has ended. */
  client(): Promise<EventLogClient>
  /** A name that no other case uses, ending with the given text. */
  name(ending: string): string
  /** The log of the channel of that name. */
  log(ending: string): LogId
  /** The log's live channel. */
  live(eventLog: EventLog, log: LogId): string
}

export type EventLogCase = ConformanceCase<EventLogHarness>

export function eventLogCase(name: string, test: (tools: CaseTools) => Promise<void>): EventLogCase {
  return {
    name,
    async run(harness) {
      const opened: EventLogClient[] = []
      const mark = randomUUID()
      const client = async () => {
        const created = await harness.create()
        opened.push(created)
        return created
      }
      const nameOf = (ending: string) => `${mark}:${ending}`
      const log = (ending: string): LogId => ({ kind: 'channel', name: nameOf(ending) })
      const live = (eventLog: EventLog, of: LogId) => liveChannel(harness.namespace, of, eventLog.partitions)
      try {
        await test({ client, name: nameOf, log, live })
      } finally {
        await Promise.all(opened.map((each) => each.close()))
      }
    },
  }
}

/** Appends to a channel's own log, or to a shared log from the channel given. */
export function append(
  eventLog: EventLog,
  log: LogId,
  payload: LogMessage['payload'],
  more: Partial<LogMessage> = {},
): Promise<Appended> {
  return eventLog.append(log, { channel: log.name, payload, retention: { maxCount: 10_000 }, ...more })
}

/** Every retained entry, page by page. */
export async function readAll(eventLog: EventLog, log: LogId, limit: number = 1_000): Promise<LogEntry[]> {
  const all: LogEntry[] = []
  for (;;) {
    const last = all.at(-1)
    const { entries } = await eventLog.read(log, { fromSeq: last && last.seq + 1, limit })
    if (entries.length === 0) return all
    all.push(...entries)
  }
}

export function textsOf(entries: readonly LogEntry[]): string[] {
  return entries.map(({ payload }) => payload.toString())
}

export function seqsOf(items: readonly { readonly seq: number }[]): number[] {
  return items.map(({ seq }) => seq)
}

/** The whole numbers from one to another, both included. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

/** The frames that came on the live channel of a log; it throws at what is none. */
export function framesOf(messages: readonly Message[], log: LogId): LiveFrame[] {
  return messages.map(({ bytes }) => {
    const frame = decodeFrame(bytes, log.name)
    if (frame === undefined) throw new Error(`No frame: ${JSON.stringify(bytes.toString('latin1'))}`)
    return frame
  })
}
