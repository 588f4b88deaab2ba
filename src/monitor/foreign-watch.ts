import type { Connection } from '../connection/connection.ts'
import { assertChannel } from '../core/channel-name.ts'
import { TidingsError } from '../core/errors.ts'
import { ForeignChannel } from './foreign-channel.ts'

/** Messages on a channel with history that are in no log, and so reached no handler. */
export interface ForeignMessages {
  readonly channel: string
  /** How many came since the last report. */
  readonly count: number
}

export interface ForeignWatchOptions {
  /** Called when foreign messages have been counted, within two seconds of their coming. */
  readonly onForeign?: ((messages: ForeignMessages) => void) | undefined
}

/** Counts foreign messages until it is closed; then the counts stay as they are. */
export interface ForeignWatch {
  /** Foreign messages of each channel since the watch began, in the order asked. They never fall. */
  counts(): Map<string, number>
  /** Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** @throws TidingsError `INVALID_CHANNEL`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `NO_HISTORY`, and what subscribing throws */
export async function watchForeign(
  connection: Connection,
  channels: readonly string[],
  options: ForeignWatchOptions = {},
): Promise<ForeignWatch> {
  assertOptions(channels, options)
  const counts = new Map<string, number>()
  const watched = [...new Set(channels)].map((channel) => {
    counts.set(channel, 0)
    return new ForeignChannel(connection, channel, (count) => {
      counts.set(channel, counts.get(channel)! + count)
      try {
        options.onForeign?.({ channel, count })
      } catch (error) {
        connection.logger.error({ err: error }, 'onForeign failed.')
      }
    })
  })
  const close = async () => {
    for (const each of watched) each.close()
  }
  const started = await Promise.allSettled(watched.map((each) => each.start()))
  const failed = started.find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') {
    await close()
    throw failed.reason
  }
  return { counts: () => new Map(counts), close, [Symbol.asyncDispose]: close }
}

function assertOptions(channels: readonly string[], { onForeign, ...rest }: ForeignWatchOptions): void {
  if (!Array.isArray(channels)) {
    throw new TidingsError('INVALID_OPTION', 'watchForeign takes an array of channels.')
  }
  for (const channel of channels) assertChannel(channel)
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) {
    throw new TidingsError('UNKNOWN_OPTION', `watchForeign has no option "${unknown}".`, {
      hint: 'It takes onForeign.',
    })
  }
  if (onForeign !== undefined && typeof onForeign !== 'function') {
    throw new TidingsError('INVALID_OPTION', 'The option "onForeign" must be a function.')
  }
}
