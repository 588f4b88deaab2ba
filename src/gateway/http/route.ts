/** A request, and what is known of it beside. */
export interface HttpContext {
  readonly request: Request
  readonly url: URL
  /** The peer, or what a trusted proxy says of it. */
  readonly ip: string
  /** The parts of the path that the route names, decoded. */
  readonly params: Readonly<Record<string, string>>
}

/** Something that is answered by HTTP. */
export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
  /** A path; `:name` stands for one part of it. */
  readonly path: string
  /** A failure that is thrown becomes a problem document; see `problem.ts`. */
  handle(context: HttpContext): Response | Promise<Response>
}

interface Compiled {
  readonly route: HttpRoute
  readonly parts: readonly string[]
}

/** Finds the route of a request. */
export class Router {
  readonly #routes: readonly Compiled[]

  constructor(routes: readonly HttpRoute[]) {
    this.#routes = routes.map((route) => ({ route, parts: route.path.split('/') }))
  }

  /** The route and what its path names; the methods that the path knows where it does not know this one. */
  find(
    method: string,
    path: string,
  ): { readonly route: HttpRoute; readonly params: Record<string, string> } | { readonly allowed: readonly string[] } {
    const parts = path.split('/')
    const allowed: string[] = []
    for (const compiled of this.#routes) {
      const params = match(compiled.parts, parts)
      if (params === undefined) continue
      if (compiled.route.method === method || (method === 'HEAD' && compiled.route.method === 'GET')) {
        return { route: compiled.route, params }
      }
      allowed.push(compiled.route.method)
    }
    return { allowed }
  }
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of pattern.entries()) {
    const given = parts[index]!
    if (!part.startsWith(':')) {
      if (part !== given) return undefined
      continue
    }
    try {
      params[part.slice(1)] = decodeURIComponent(given)
    } catch {
      return undefined
    }
  }
  return params
}
