import type { Connection } from '../connection/connection.ts'
import { TidingsError } from '../core/errors.ts'
import { positionIn } from '../log/fork.ts'
import { readHistory } from '../log/history.ts'
import type { Publication, StreamPosition } from '../protocol/client-protocol.ts'
import { CLIENT_ERRORS } from '../protocol/codes.ts'
import { ClientFailure } from './contract.ts'
import { kept, keptJson } from './publication.ts'
import { fromStream, toStream } from './stream-position.ts'

const MAX_HISTORY = 1_000

export interface HistoryRequest {
  /** 0 (default): none, only where the log is; below: as many as may be. At most 1,000. */
  readonly limit?: number | undefined
  readonly since?: StreamPosition | undefined
  readonly reverse?: boolean | undefined
}

export interface HistoryAnswer extends StreamPosition {
  readonly publications: readonly Publication[]
}

/**
 * What is kept of a channel, as clients and servers see it.
 * @throws ClientFailure `badRequest`, `notAvailable`, `unrecoverablePosition`
 */
export async function channelHistory(
  { pubSub, eventLog }: Pick<Connection, 'pubSub' | 'eventLog'>,
  channel: string,
  { limit = 0, since, reverse = false }: HistoryRequest,
): Promise<HistoryAnswer> {
  // Clients write what they like.
  if (!Number.isSafeInteger(limit) || since === null || typeof reverse !== 'boolean') throw fail('badRequest')
  const log = await pubSub.logOf(channel).catch((error: unknown) => {
    throw error instanceof TidingsError && error.code === 'NO_HISTORY' ? fail('notAvailable') : error
  })
  const { head } = await eventLog.read(log, { limit: 1 })
  const place = head === undefined ? { offset: 0, epoch: '' } : toStream(positionIn(head, head.seq))
  const from = since === undefined ? undefined : fromStream(since)
  if (since !== undefined && from === undefined) throw fail('unrecoverablePosition')
  if (limit === 0 || head === undefined) return { publications: [], ...place }
  const most = limit < 0 ? MAX_HISTORY : Math.min(limit, MAX_HISTORY)
  // Backwards it begins before the position, which itself is read and left out.
  const isBefore = reverse && from !== undefined
  const query = {
    ...(isBefore ? { until: from } : { since: from }),
    limit: isBefore ? most + 1 : most,
    reverse,
    accepts: (name: string) => name === channel,
    onGap: () => {
      throw fail('unrecoverablePosition')
    },
  }
  const publications: Publication[] = []
  for await (const { payload, position } of readHistory(eventLog, [log], query)) {
    if ((isBefore && position.seq >= from.seq) || publications.length === most) continue
    publications.push(JSON.parse(keptJson(kept(channel, payload, position), place.epoch)) as Publication)
  }
  return { publications, ...place }
}

function fail(error: keyof typeof CLIENT_ERRORS): ClientFailure {
  return new ClientFailure(CLIENT_ERRORS[error])
}
