import type { GatewayNode } from '../gateway-node.ts'
import { corsHeaders } from '../http/cors.ts'
import { failureOf, problem } from '../http/problem.ts'
import type { HttpRoute } from '../http/route.ts'

const PREFLIGHT = {
  'access-control-allow-headers': 'authorization, cache-control, content-type, last-event-id',
  'access-control-max-age': '600',
}

/** Lets pages of the allowed origins read the answers, those that say what went wrong too. */
export function crossOrigin(node: GatewayNode, routes: readonly HttpRoute[]): readonly HttpRoute[] {
  const methods = new Map<string, string[]>()
  for (const { path, method } of routes) methods.set(path, [...(methods.get(path) ?? []), method])
  const preflights = [...methods].map(
    ([path, allowed]): HttpRoute => ({
      method: 'OPTIONS',
      path,
      handle: () =>
        new Response(null, {
          status: 204,
          headers: { ...PREFLIGHT, 'access-control-allow-methods': allowed.join(', ') },
        }),
    }),
  )
  return [...routes, ...preflights].map((route) => ({ ...route, handle: readable(node, route.handle) }))
}

function readable(node: GatewayNode, handle: HttpRoute['handle']): HttpRoute['handle'] {
  return async (context) => {
    let headers: Readonly<Record<string, string>> = { vary: 'origin' }
    let response: Response
    try {
      headers = { ...headers, ...corsHeaders(node.gatekeeper, context.request) }
      response = await handle(context)
    } catch (error) {
      const failure = failureOf(error)
      if (failure === undefined) throw error
      response = problem(failure)
    }
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
    return response
  }
}
