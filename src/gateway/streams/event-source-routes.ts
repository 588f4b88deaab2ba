import { CLIENT_ERRORS } from '../../protocol/codes.ts'
import type { Position } from '../../protocol/position.ts'
import { type ResumeState, ResumeTokens } from '../auth/resume-tokens.ts'
import { SignedTickets } from '../auth/signed-tickets.ts'
import { ClientFailure, type GatewayUser } from '../contract.ts'
import type { GatewayNode } from '../gateway-node.ts'
import { HttpFailure } from '../http/problem.ts'
import type { HttpContext, HttpRoute } from '../http/route.ts'
import { readChannels } from './channel-list.ts'
import { claimBy } from './claim-ticket.ts'
import { crossOrigin } from './cross-origin.ts'
import { type EventSourceEntry, EventSourceSession } from './event-source-session.ts'
import type { BoundedUser } from './event-source-stream.ts'
import { assertWelcome, onGone, readObject, streamResponse, toClientRequest } from './stream-request.ts'

export interface EventSourceOptions {
  /** Signs tickets and ids: at least 32 bytes, the same on all nodes. */
  readonly secret: string
  /** Milliseconds between signs of life on a quiet stream, to the second. Default 15,000. */
  readonly heartbeatMs?: number | undefined
  /** Milliseconds after which a browser comes back, on average; for each stream another time. Default 2,000. */
  readonly retryMs?: number | undefined
}

const CONTENT_TYPE = 'text/event-stream; charset=utf-8'
/** For a user whom nothing else ends. */
const UNBOUNDED_MS = 3_600_000
/** Ids come back in a header, and proxies take 8 KB of one. */
const MAX_ID_CHARS = 7_500
const LONGEST_POSITION: Position = { epoch: 'z'.repeat(12), gen: 1e9, seq: 1e12 }

/**
 * Channels for a plain EventSource, without any library. It can send no header and uses its URL again and again: a
 * ticket opens the stream once, and the id of the last event resumes it, exactly, for as long as the user's token lives;
 * after that together with a new ticket of that user.
 */
export function eventSourceRoutes(node: GatewayNode, options: EventSourceOptions): readonly HttpRoute[] {
  const { secret, heartbeatMs = 15_000, retryMs = 2_000 } = options
  const tickets = new SignedTickets({ secret, claim: claimBy(node.connection) })
  const resumeTokens = new ResumeTokens(secret)

  const issue = async (context: HttpContext): Promise<Response> => {
    const request = toClientRequest(context, 'http')
    assertWelcome(node, request)
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    const user = bounded(await node.gatekeeper.connect(bearer, request))
    await node.assertNotRevoked(user)
    const body = await readObject(context.request, node.limits.frameBytes)
    const channels = readChannels(body.channels, node.limits.channelLength)
    for (const channel of channels) {
      if (await node.gatekeeper.allows('subscribe', channel, user)) continue
      throw new HttpFailure(403, 'Forbidden', `You may not subscribe to ${channel}.`, 'PERMISSION_DENIED')
    }
    const positions = new Map(channels.map((channel) => [channel, LONGEST_POSITION]))
    if (resumeTokens.issue({ user, positions }).length > MAX_ID_CHARS) {
      const detail = 'These channels and the claims of the token are too long for the id of an event.'
      throw new HttpFailure(413, 'Content Too Large', detail, 'TOO_LONG')
    }
    const ticket = tickets.issue(user, channels)
    return Response.json({ ticket, url: `/sse?ticket=${ticket}` }, { status: 201, headers: NOT_KEPT })
  }

  const open = async (context: HttpContext): Promise<Response> => {
    const request = toClientRequest(context, 'eventsource')
    assertWelcome(node, request)
    if (context.request.method === 'HEAD') return streamResponse(null, CONTENT_TYPE)
    const entry = await readEntry(context, tickets, resumeTokens)
    // It may have gone, or others come, while the ticket was looked at.
    assertWelcome(node, request)
    const session = new EventSourceSession(node, request, entry, resumeTokens, { heartbeatMs, retryMs })
    onGone(context.request, () => session.stream.body.gone())
    try {
      await session.open()
    } catch (error) {
      const isLimit = error instanceof ClientFailure && error.error.code === CLIENT_ERRORS.tooManyRequests.code
      if (!isLimit) throw error
      throw new HttpFailure(429, 'Too Many Requests', 'This user has too many connections.', 'REFUSED')
    }
    return streamResponse(session.stream.body.stream, CONTENT_TYPE)
  }

  return crossOrigin(node, [
    { method: 'POST', path: '/v1/sse-tickets', handle: issue },
    { method: 'GET', path: '/sse', handle: open },
  ])
}

const NOT_KEPT = { 'cache-control': 'no-store' }

/** Who comes, and for what. @throws ClientFailure, HttpFailure */
async function readEntry(
  { request, url }: HttpContext,
  tickets: SignedTickets,
  resumeTokens: ResumeTokens,
): Promise<EventSourceEntry> {
  const query = url.searchParams
  const ticket = query.get('ticket') ?? ''
  const header = request.headers.get('last-event-id') || undefined
  const id = header ?? (query.get('lastEventId') || undefined)
  const resumed = id === undefined ? undefined : resumeTokens.readExpired(id)
  const isOver = resumed !== undefined && resumed.user.expiresAtMs <= Date.now()
  // A browser that comes back shows the ticket that it has used; a page that opens a new stream may have a new one.
  const redeemed = header === undefined || isOver ? await redeem(tickets, ticket, resumed) : undefined
  if (redeemed === undefined) {
    // Only a ticket can tell who it is now.
    if (isOver) throw new ClientFailure(CLIENT_ERRORS.tokenExpired)
    return { ...resumed!, resumes: true }
  }
  const { user, channels } = redeemed
  const positions = new Map(channels.map((channel) => [channel, resumed?.positions.get(channel)]))
  return { user, positions: narrowed(positions, query.get('channels')), resumes: false }
}

/**
 * What a ticket opens; undefined where it opens nothing, but something is to be resumed that may need none.
 * @throws ClientFailure where what is to be resumed is another user's, too
 */
async function redeem(
  tickets: SignedTickets,
  ticket: string,
  resumed: ResumeState | undefined,
): Promise<{ readonly user: BoundedUser; readonly channels: readonly string[] } | undefined> {
  try {
    const { user, data } = await tickets.redeem(ticket)
    if (resumed === undefined || resumed.user.userId === user.userId) {
      return { user: user as BoundedUser, channels: data as readonly string[] }
    }
  } catch (error) {
    if (!(error instanceof ClientFailure) || resumed === undefined) throw error
    return undefined
  }
  throw new ClientFailure(CLIENT_ERRORS.permissionDenied)
}

/** Those that the URL names, where it names any. */
function narrowed<Value>(all: ReadonlyMap<string, Value>, names: string | null): ReadonlyMap<string, Value> {
  if (names === null || names === '') return all
  const wanted = names.split(',')
  if (!wanted.every((name) => all.has(name))) throw new ClientFailure(CLIENT_ERRORS.permissionDenied)
  return new Map([...all].filter(([name]) => wanted.includes(name)))
}

/** What is carried of a user: with an end, and with the time from which a revocation counts. */
function bounded({ userId, claims, info, expiresAtMs }: GatewayUser): BoundedUser {
  const now = Date.now()
  return {
    userId,
    claims: typeof claims.iat === 'number' ? claims : { ...claims, iat: now / 1_000 },
    expiresAtMs: expiresAtMs ?? now + UNBOUNDED_MS,
    info,
  }
}
