import { CLIENT_ERRORS } from '../../../protocol/codes.ts'
import type { ApiKeys } from '../../auth/api-keys.ts'
import { ClientFailure, type ClientRequest } from '../../contract.ts'
import type { GatewayNode } from '../../gateway-node.ts'
import { answering } from '../../http/answering.ts'
import { preflightRoutes } from '../../http/cors.ts'
import { readJson } from '../../http/json-body.ts'
import { HttpFailure } from '../../http/problem.ts'
import type { HttpContext, HttpRoute } from '../../http/route.ts'
import { assertApiKey } from '../api-key.ts'
import type { Endpoint } from './endpoint.ts'
import { type Check, compile, type Issue, object } from './json-schema.ts'
import { UserRates } from './user-rates.ts'

/** What a request has beside the message that it carries. */
const ENVELOPE_BYTES = 4_096
const MAX_KEY = 1_024

/** The routes of endpoints. Those of users are also for the pages of allowed origins. */
export function endpointRoutes(node: GatewayNode, keys: ApiKeys, endpoints: readonly Endpoint[]): readonly HttpRoute[] {
  const rates = new UserRates(node.limits.commandsPerSecond)
  const routes = endpoints.map((endpoint): HttpRoute => {
    const { method, path, by } = endpoint
    const answer = answerer(node, keys, rates, endpoint)
    return { method, path, handle: answering(node, by === 'user', answer) }
  })
  const users = endpoints.filter(({ by }) => by === 'user')
  return [...routes, ...preflightRoutes(node.gatekeeper, users)]
}

function answerer(
  node: GatewayNode,
  keys: ApiKeys,
  rates: UserRates,
  endpoint: Endpoint,
): (context: HttpContext) => Promise<unknown> {
  const { by, query = {}, required = [], body } = endpoint
  const optional = Object.keys(query).filter((name) => !required.includes(name))
  const checkQuery = compile(object(query, optional))
  const checkBody = body && compile(body.schema)
  const maxBytes = node.limits.messageBytes + ENVELOPE_BYTES
  return async ({ request, url, ip, params }) => {
    let userId = ''
    if (by === 'server') assertApiKey(keys, request.headers)
    else {
      userId = await userOf(node, request, ip)
      if (!rates.take(userId)) throw new ClientFailure(CLIENT_ERRORS.tooManyRequests)
    }
    const asked = readQuery(url.searchParams, endpoint)
    assertGood('query', checkQuery, asked)
    const read = checkBody && (await readJson(request, { maxBytes, typed: true }))
    const given = read === undefined ? {} : read
    if (checkBody !== undefined) assertGood('body', checkBody, given)
    const idempotencyKey = endpoint.method === 'GET' ? undefined : keyOf(request.headers)
    return endpoint.handle({
      params,
      query: asked,
      body: given as Readonly<Record<string, unknown>>,
      userId,
      idempotencyKey,
    })
  }
}

/** The user of the token: nothing else in a request says who asks. @throws HttpFailure, ClientFailure */
async function userOf(node: GatewayNode, request: Request, ip: string): Promise<string> {
  const token = /^bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (token === undefined) {
    const headers = { 'www-authenticate': 'Bearer' }
    throw new HttpFailure(401, 'Unauthorized', 'This takes the token of a user.', 'NO_TOKEN', headers)
  }
  const client: ClientRequest = { headers: Object.fromEntries(request.headers), ip, transport: 'http' }
  const user = await node.gatekeeper.connect(token, client)
  if (user.userId === '') throw new ClientFailure(CLIENT_ERRORS.unauthorized)
  await node.assertNotRevoked(user)
  return user.userId
}

function readQuery(given: URLSearchParams, { query = {} }: Endpoint): Record<string, unknown> {
  const entries = [...given].map(([name, text]): [string, unknown] => {
    const isNumber = Object.hasOwn(query, name) && query[name]!.type === 'integer' && /^\d{1,15}$/.test(text)
    return [name, isNumber ? Number(text) : text]
  })
  const names = entries.map(([name]) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw invalid('query', [{ path: `/${twice}`, message: 'It is there more than once' }])
  return Object.fromEntries(entries)
}

function keyOf(headers: Headers): string | undefined {
  const key = headers.get('idempotency-key') ?? undefined
  if (key === undefined || (key !== '' && key.length <= MAX_KEY)) return key
  throw new HttpFailure(400, 'Bad Request', `An Idempotency-Key has 1 to ${MAX_KEY} characters.`, 'INVALID_REQUEST')
}

function assertGood(what: 'query' | 'body', check: Check, value: unknown): void {
  const issues = check(value)
  if (issues.length > 0) throw invalid(what, issues)
}

function invalid(what: 'query' | 'body', issues: readonly Issue[]): HttpFailure {
  const [{ path, message }] = issues as readonly [Issue]
  const detail = `The ${what}${path === '' ? '' : ` at ${path}`}: ${message}.`
  return new HttpFailure(400, 'Bad Request', detail, 'INVALID_REQUEST', {}, { issues })
}
