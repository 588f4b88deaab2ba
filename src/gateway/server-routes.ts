import { apiRoutes } from './api/api-routes.ts'
import type { GatewayNode } from './gateway-node.ts'
import type { HttpRoute } from './http/route.ts'
import { emulationRoutes } from './streams/emulation-routes.ts'
import { eventSourceRoutes } from './streams/event-source-routes.ts'

export interface ServerRoutesOptions {
  /** Keys of the HTTP API for servers. Without one there is none. */
  readonly apiKeys: readonly string[]
  /** Signs what plain EventSource connections resume with. Without one they cannot. */
  readonly secret: string | undefined
}

/** All that a gateway answers by HTTP beside WebSocket and health: for the `routes` of `createGateway()`. */
export function serverRoutes({ apiKeys, secret }: ServerRoutesOptions): (node: GatewayNode) => readonly HttpRoute[] {
  return (node) => [
    ...apiRoutes(node, { apiKeys }),
    ...emulationRoutes(node),
    ...(secret === undefined ? [] : eventSourceRoutes(node, { secret })),
  ]
}
