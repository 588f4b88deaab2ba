import { randomBytes } from 'node:crypto'
import { TidingsError } from '../core/errors.ts'
import { assertUserId } from '../core/user-id.ts'
import type { EventBus } from '../messaging/event-bus.ts'
import type { BroadcastInput, NotificationInput } from '../notifications/notification.ts'
import type { NotificationService } from '../notifications/notification-service.ts'
import { CLIENT_ERRORS } from '../protocol/codes.ts'
import { type JwtGatekeeperOptions, jwtGatekeeper } from './auth/jwt-gatekeeper.ts'
import { mintToken } from './auth/mint-token.ts'
import { ClientFailure, type Gatekeeper } from './contract.ts'
import { HttpFailure } from './http/problem.ts'
import type { HttpRoute } from './http/route.ts'
import type { RpcMethod } from './inbox-rpc.ts'

const TOKEN_MS = 3_600_000
const NOT_HERE = 'Tokens are given to pages of this machine alone: open it as 127.0.0.1 or localhost.'

/** What a gateway for trying things out has beside: whoever asks is given a token, and may send anything. */
export interface DevParts {
  readonly gatekeeper: Gatekeeper
  readonly rpc: Readonly<Record<string, RpcMethod>>
  readonly routes: readonly HttpRoute[]
}

/** Only for a gateway that nobody but this machine reaches. */
export function devParts(bus: EventBus, notifications: NotificationService, origins: readonly string[]): DevParts {
  const hosts = new Set(origins.map((origin) => new URL(origin).hostname))
  const secret = randomBytes(32).toString('hex')
  const options: JwtGatekeeperOptions = {
    keys: [{ alg: 'HS256', secret }],
    origins,
    channels: {
      '*': {
        subscribe: 'authenticated',
        publish: 'authenticated',
        history: 'authenticated',
        presence: 'authenticated',
        joinLeave: true,
      },
    },
  }
  const token: HttpRoute = {
    method: 'GET',
    path: '/dev/token',
    handle: async ({ url }) => {
      // A page of another name that leads to this machine sends no origin here: its name is in the request's host alone.
      if (!hosts.has(url.hostname)) throw new HttpFailure(403, 'Forbidden', NOT_HERE, 'ORIGIN_NOT_ALLOWED')
      const userId = url.searchParams.get('user') ?? ''
      assertUserId(userId)
      const minted = await mintToken({ secret, userId, expiresAt: new Date(Date.now() + TOKEN_MS) })
      return Response.json({ token: minted, userId }, { headers: { 'cache-control': 'no-store' } })
    },
  }
  return { gatekeeper: jwtGatekeeper(options), rpc: devRpc(bus, notifications), routes: [token] }
}

function devRpc(bus: EventBus, notifications: NotificationService): Readonly<Record<string, RpcMethod>> {
  return {
    'dev.append': told((sent) => {
      const { type, data } = sent as { readonly type: string; readonly data: unknown }
      return bus.append(type, data)
    }),
    'dev.notify': told((sent) => {
      const { userId, ...notification } = sent as NotificationInput & { readonly userId: string }
      return notifications.sendToUser(userId, notification)
    }),
    'dev.broadcast': told((sent) => notifications.broadcast(sent as BroadcastInput)),
  }
}

/** Here the caller is the developer, and is told what is wrong. */
function told(act: (sent: unknown) => Promise<unknown>): RpcMethod {
  return async (sent) => {
    try {
      return await act(sent)
    } catch (error) {
      if (!(error instanceof TidingsError)) throw error
      throw new ClientFailure({ code: CLIENT_ERRORS.badRequest.code, message: error.message }, { cause: error })
    }
  }
}
