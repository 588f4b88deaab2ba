import type { GatewayNode } from '../gateway-node.ts'
import { corsHeaders } from './cors.ts'
import { failureOf, INTERNAL, PLAIN_HEADERS, problem } from './problem.ts'
import type { HttpContext } from './route.ts'

/**
 * Answers with JSON (204 where there is nothing to say), or with a problem document; never to be cached.
 * @param pages whether pages of the allowed origins may ask
 */
export function answering(
  node: Pick<GatewayNode, 'gatekeeper' | 'report'>,
  pages: boolean,
  answer: (context: HttpContext) => Promise<unknown>,
): (context: HttpContext) => Promise<Response> {
  return async (context) => {
    let cors: Record<string, string> = {}
    let response: Response
    try {
      if (pages) cors = corsHeaders(node.gatekeeper, context.request)
      const value = await answer(context)
      response =
        value === undefined
          ? new Response(null, { status: 204, headers: PLAIN_HEADERS })
          : Response.json(value, { headers: PLAIN_HEADERS })
    } catch (error) {
      const failure = failureOf(error)
      if (failure === undefined) node.report(error)
      response = problem(failure ?? INTERNAL)
    }
    for (const [name, value] of Object.entries(cors)) response.headers.set(name, value)
    return response
  }
}
