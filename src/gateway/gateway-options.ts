import { hostname } from 'node:os'
import type { Connection } from '../connection/connection.ts'
import { TidingsError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { ErrorHandler } from '../messaging/bus-reports.ts'
import type { EventBus } from '../messaging/event-bus.ts'
import { Unheard } from '../messaging/unheard.ts'
import type { NotificationService } from '../notifications/notification-service.ts'
import { DEFAULT_LIMITS, type Gatekeeper, type GatewayLimits } from './contract.ts'
import { GatewayNode } from './gateway-node.ts'
import type { HttpRoute } from './http/route.ts'
import type { RpcMethod } from './inbox-rpc.ts'

export interface GatewayOptions {
  /** Whose connection is used; it stays open when the gateway closes. */
  readonly bus: EventBus
  /** With it, clients have their inbox. */
  readonly notifications?: NotificationService | undefined
  /** Who is who and who may what: made by `jwtGatekeeper()`, or your own. */
  readonly gatekeeper: Gatekeeper
  /** Methods that clients call by name, beside `inbox.*`. */
  readonly rpc?: Readonly<Record<string, RpcMethod>> | undefined
  readonly limits?: Partial<GatewayLimits> | undefined
  /** How this node is called in lists. Default: the host's name. */
  readonly name?: string | undefined
  /** Believe what a proxy says of the peer's address (`X-Forwarded-For`). Default false. */
  readonly trustProxy?: boolean | undefined
  /** More that is answered by HTTP: the API, pages. */
  readonly routes?: ((node: GatewayNode) => readonly HttpRoute[]) | undefined
  readonly logger?: Logger | undefined
  /** Takes trouble that belongs to no call. */
  readonly onError?: ErrorHandler | undefined
}

const OPTIONS: readonly (keyof GatewayOptions)[] = [
  'bus',
  'notifications',
  'gatekeeper',
  'rpc',
  'limits',
  'name',
  'trustProxy',
  'routes',
  'logger',
  'onError',
]

/** @throws TidingsError `UNKNOWN_OPTION`, `INVALID_OPTION` */
export function openNode(options: GatewayOptions): {
  readonly node: GatewayNode
  readonly routes: readonly HttpRoute[]
  readonly trustProxy: boolean
} {
  const unknown = Object.keys(options).find((name) => !(OPTIONS as readonly string[]).includes(name))
  if (unknown !== undefined) {
    throw new TidingsError('UNKNOWN_OPTION', `createGateway() has no option "${unknown}".`, {
      hint: `It knows ${OPTIONS.join(', ')}.`,
    })
  }
  const { bus, notifications, gatekeeper, rpc = {}, name = hostname(), trustProxy = false, routes, logger } = options
  if (bus === undefined || gatekeeper === undefined) {
    throw new TidingsError('INVALID_OPTION', 'createGateway() needs a "bus" and a "gatekeeper".')
  }
  const connection: Connection = bus.connection
  const unheard = new Unheard(logger, 'Give the gateway a logger or onError to hear of every failure.')
  const node = new GatewayNode({
    connection,
    bus,
    notifications,
    gatekeeper,
    limits: readLimits(options.limits ?? {}),
    rpc,
    name,
    version: 'tidings',
    report: (cause) => {
      const error =
        cause instanceof TidingsError
          ? cause
          : new TidingsError('HANDLER_FAILED', 'The gateway met an error that it did not expect.', { cause })
      if (options.onError === undefined) unheard.report(error)
      else options.onError(error)
    },
  })
  return { node, routes: routes?.(node) ?? [], trustProxy }
}

function readLimits(limits: Partial<GatewayLimits>): GatewayLimits {
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      throw new TidingsError('UNKNOWN_OPTION', `The option "limits" has no part "${name}".`, {
        hint: `It knows ${Object.keys(DEFAULT_LIMITS).join(', ')}.`,
      })
    }
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
      throw new TidingsError('INVALID_OPTION', `The limit "${name}" must be a whole number from 1: none is unlimited.`)
    }
  }
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
  return { ...DEFAULT_LIMITS, ...given }
}
