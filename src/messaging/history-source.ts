import type { Connection } from '../connection/connection.ts'
import { toByteString } from '../core/byte-string.ts'
import type { TidingsError } from '../core/errors.ts'
import { compileGlob } from '../core/glob.ts'
import { logsMatching } from '../log/logs-matching.ts'
import type { EventPlace } from './event-catalog.ts'
import type { HistorySource } from './event-history.ts'

/** What the sources of one bus share. */
export interface SourceParts {
  readonly connection: Connection
  /** Waited for before anything is read. */
  ready(): Promise<void>
  invalid(error: TidingsError): void
}

/** The kept events of one type. */
export function historyOfType({ connection, ready, invalid }: SourceParts, place: EventPlace): HistorySource {
  const { eventLog, pubSub } = connection
  return {
    eventLog,
    invalid,
    logs: async () => {
      await ready()
      return [await pubSub.logOf(place.channel)]
    },
    accepts: (channel) => channel === place.channel,
    placeOf: () => place,
  }
}

/** The kept events of all channels that match a pattern. */
export function historyOfPattern(
  { connection, ready, invalid }: SourceParts,
  pattern: string,
  placeOf: HistorySource['placeOf'],
): HistorySource {
  const { eventLog } = connection
  const glob = compileGlob(pattern)
  return {
    eventLog,
    invalid,
    logs: async () => {
      await ready()
      return logsMatching(eventLog, pattern)
    },
    accepts: (channel) => glob.matches(toByteString(channel)),
    placeOf,
  }
}
