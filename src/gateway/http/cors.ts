import type { Gatekeeper } from '../contract.ts'
import { HttpFailure, PLAIN_HEADERS } from './problem.ts'
import type { HttpRoute } from './route.ts'

/** Seconds for which a browser need not ask again. */
const MAX_AGE = 600

type Origins = Pick<Gatekeeper, 'allowsOrigin'>

/**
 * The headers by which a page of another origin may read an answer; none where no page asks.
 * @throws HttpFailure 403 for an origin that is not allowed
 */
export function corsHeaders(gatekeeper: Origins, request: Request): Record<string, string> {
  const origin = request.headers.get('origin')
  if (origin === null) return {}
  if (!gatekeeper.allowsOrigin(origin)) {
    throw new HttpFailure(403, 'Forbidden', 'Pages of this origin are not allowed here.', 'ORIGIN_NOT_ALLOWED')
  }
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'retry-after, www-authenticate',
    vary: 'origin',
  }
}

/** What browsers ask before they let a page of another origin send: one route for each path. */
export function preflightRoutes(
  gatekeeper: Origins,
  routes: readonly Pick<HttpRoute, 'method' | 'path'>[],
): readonly HttpRoute[] {
  return [...new Set(routes.map(({ path }) => path))].map((path) => {
    const methods = routes.filter((route) => route.path === path).map(({ method }) => method)
    const handle = ({ request }: { readonly request: Request }) => {
      const allowed = corsHeaders(gatekeeper, request)
      const allow = [...new Set([...methods, 'OPTIONS'])].join(', ')
      const preflight = {
        'access-control-allow-methods': allow,
        'access-control-allow-headers': 'authorization, content-type, idempotency-key',
        'access-control-max-age': String(MAX_AGE),
      }
      const isAsked = Object.keys(allowed).length > 0
      return new Response(null, {
        status: 204,
        headers: { allow, ...PLAIN_HEADERS, ...allowed, ...(isAsked && preflight) },
      })
    }
    return { method: 'OPTIONS', path, handle }
  })
}
