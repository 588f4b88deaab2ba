import { TidingsError } from '../../../core/errors.ts'
import { CLIENT_ERRORS } from '../../../protocol/codes.ts'
import type { ApiKeys } from '../../auth/api-keys.ts'
import { ClientFailure } from '../../contract.ts'
import type { GatewayNode } from '../../gateway-node.ts'
import { answering } from '../../http/answering.ts'
import { readJson } from '../../http/json-body.ts'
import { failureOf } from '../../http/problem.ts'
import type { HttpRoute } from '../../http/route.ts'
import { assertApiKey } from '../api-key.ts'
import { WithoutHistory } from '../without-history.ts'
import { badRequest, Fields } from './fields.ts'
import { METHODS, type MethodContext } from './methods.ts'

/** What a request has beside the message that it carries. */
const ENVELOPE_BYTES = 4_096
/** The most bytes of a request that carries several messages. */
const BATCH_BYTES = 1_048_576
const SEVERAL = ['broadcast', 'batch']

/**
 * Centrifugo's server API: `POST /api/<method>`, and `/api/batch` for several at once. What fails is told with
 * status 200, as its client libraries expect; other statuses say that the request was not understood or not allowed.
 */
export function serverApiRoutes(node: GatewayNode, keys: ApiKeys): readonly HttpRoute[] {
  const attempt = async (act: () => Promise<object>): Promise<object> => {
    try {
      return await act()
    } catch (error) {
      return { error: errorOf(node, error) }
    }
  }
  const context: MethodContext = { node, without: new WithoutHistory(), attempt }
  const run = (name: string, params: unknown): Promise<object> => METHODS[name]!(context, new Fields(params))

  const batch = async (body: unknown): Promise<object> => {
    const fields = new Fields(body)
    const [commands, parallel] = [fields.list('commands'), fields.flag('parallel')]
    fields.done()
    const one = (command: unknown) =>
      attempt(async () => {
        const [name, ...others] = Object.keys(Object(command))
        if (name === undefined || others.length > 0) throw badRequest('a command has one method')
        if (!Object.hasOwn(METHODS, name)) throw new ClientFailure(CLIENT_ERRORS.methodNotFound)
        return { [name]: await run(name, (command as Record<string, unknown>)[name]) }
      })
    if (parallel) return { replies: await Promise.all(commands.map(one)) }
    const replies: object[] = []
    for (const command of commands) replies.push(await one(command))
    return { replies }
  }

  const route = (name: string, answer: (body: unknown) => Promise<object>): HttpRoute => {
    const maxBytes = node.limits.messageBytes + ENVELOPE_BYTES
    return {
      method: 'POST',
      path: `/api/${name}`,
      handle: answering(node, false, async ({ request }) => {
        assertApiKey(keys, request.headers)
        const body = await readJson(request, {
          maxBytes: SEVERAL.includes(name) ? Math.max(BATCH_BYTES, maxBytes) : maxBytes,
          typed: false,
        })
        return answer(body === undefined ? {} : body)
      }),
    }
  }
  const single = Object.keys(METHODS).map((name) =>
    route(name, (body) => attempt(async () => ({ result: await run(name, body) }))),
  )
  return [...single, route('batch', (body) => attempt(() => batch(body)))]
}

/** What is told of a failure; what is our own fault is reported as well. */
function errorOf(node: GatewayNode, error: unknown): { readonly code: number; readonly message: string } {
  if (error instanceof ClientFailure) {
    const { code, message } = error.error
    return { code, message }
  }
  const status = failureOf(error)?.status
  if (error instanceof TidingsError && status !== undefined && status < 500) {
    const { code, message } = status === 413 ? CLIENT_ERRORS.limitExceeded : CLIENT_ERRORS.badRequest
    return { code, message: `${message}: ${error.message}` }
  }
  if (status === undefined) node.report(error)
  const { code, message } = CLIENT_ERRORS.internal
  return { code, message }
}
