import { ApiKeys } from '../auth/api-keys.ts'
import type { GatewayNode } from '../gateway-node.ts'
import { PLAIN_HEADERS } from '../http/problem.ts'
import type { HttpRoute } from '../http/route.ts'
import { serverApiRoutes } from './server/server-api-routes.ts'
import { endpointRoutes } from './v1/endpoint-routes.ts'
import { v1Endpoints } from './v1/endpoints.ts'
import { openApiDocument } from './v1/openapi.ts'

export interface ApiOptions {
  /** The keys of other servers. Default: none, so that there is only what users may do. */
  readonly apiKeys?: readonly string[] | undefined
}

/**
 * The HTTP API: `/api/*` as Centrifugo has it, `/v1/*` for events and notifications, and `/openapi.json` of the latter.
 * @throws TidingsError `INVALID_OPTION`
 */
export function apiRoutes(node: GatewayNode, { apiKeys = [] }: ApiOptions = {}): readonly HttpRoute[] {
  const keys = new ApiKeys(apiKeys)
  const forServers = apiKeys.length > 0
  const endpoints = v1Endpoints(node).filter(({ by }) => forServers || by === 'user')
  const document = JSON.stringify(openApiDocument(endpoints))
  const headers = { 'content-type': 'application/json', ...PLAIN_HEADERS }
  return [
    ...(forServers ? serverApiRoutes(node, keys) : []),
    ...endpointRoutes(node, keys, endpoints),
    { method: 'GET', path: '/openapi.json', handle: () => new Response(document, { headers }) },
  ]
}
