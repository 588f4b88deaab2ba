import type { Endpoint } from './endpoint.ts'
import type { JsonSchema } from './json-schema.ts'
import * as common from './schemas/common.ts'
import * as event from './schemas/event.ts'
import * as inbox from './schemas/inbox.ts'
import * as notification from './schemas/notification.ts'

type Json = Record<string, unknown>

/** Those with a name of their own in the document: what has a capital letter, and is not all capitals. */
const NAMED: ReadonlyMap<JsonSchema, string> = new Map(
  Object.entries<JsonSchema>({ ...common, ...event, ...inbox, ...notification })
    .filter(([name]) => /^[A-Z].*[a-z]/.test(name))
    .map(([name, schema]) => [schema, name]),
)

const PROBLEMS: Readonly<Record<number, { readonly name: string; readonly description: string }>> = {
  400: { name: 'BadRequest', description: 'The request is not as it should be: `issues` says why.' },
  401: { name: 'Unauthorized', description: 'There is no key or token, or it is unknown, expired or revoked.' },
  403: { name: 'Forbidden', description: 'Pages of this origin are not allowed.' },
  413: { name: 'TooLarge', description: 'The body, or the message in it, has too many bytes.' },
  415: { name: 'NotJson', description: 'The body is not `application/json`.' },
  429: { name: 'TooMany', description: 'The user asks too often.' },
  500: { name: 'Internal', description: 'It is the fault of the gateway.' },
  503: { name: 'Unavailable', description: 'Nothing was done, for Redis is away or refuses: try again later.' },
  504: { name: 'Unknown', description: 'Redis did not answer: nobody knows whether it was done.' },
}

/** The OpenAPI 3.1 document of `/v1`. */
export function openApiDocument(endpoints: readonly Endpoint[]): Json {
  const paths: Record<string, Json> = {}
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint) }
  }
  const used = { paths, Problem: reference(common.Problem) }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tidings',
      version: '1',
      description: 'Events and notifications over HTTP, for other servers and for users.',
    },
    servers: [{ url: '/' }],
    tags: [{ name: 'Events' }, { name: 'Notifications' }, { name: 'Inbox' }].filter(({ name }) =>
      endpoints.some(({ tag }) => tag === name),
    ),
    paths,
    components: {
      schemas: schemasOf(used),
      responses: Object.fromEntries(
        Object.values(PROBLEMS).map(({ name, description }) => [name, problemResponse(description)]),
      ),
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'Or `Authorization: apikey <key>`.' },
        userToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      },
    },
  }
}

/** What can be made again as it is. */
const ANY_KEY = { ...common.DEDUPE_KEY, description: 'Not needed: made again, the request has no other effect.' }

function operation({
  method,
  id,
  summary,
  tag,
  by,
  params,
  query,
  required,
  keyed,
  body,
  answer,
  problems,
}: Endpoint): Json {
  const parameters = [
    ...Object.entries(params ?? {}).map(([name, schema]) => parameter('path', name, schema, true)),
    ...Object.entries(query ?? {}).map(([name, schema]) =>
      parameter('query', name, schema, required?.includes(name) ?? false),
    ),
    ...(method === 'GET' ? [] : [parameter('header', 'Idempotency-Key', keyed ? common.DEDUPE_KEY : ANY_KEY, false)]),
  ]
  const usual = [
    400,
    401,
    ...(by === 'user' ? [403, 429] : []),
    ...(body === undefined ? [] : [413, 415]),
    500,
    503,
    504,
  ]
  return {
    operationId: id,
    summary,
    tags: [tag],
    security: [by === 'user' ? { userToken: [] } : { apiKey: [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: {
        required: (body.schema.required ?? []).length > 0,
        content: { 'application/json': { schema: reference(body.schema), example: body.example } },
      },
    }),
    responses: {
      ...(answer === undefined
        ? { 204: { description: 'It is done.' } }
        : {
            200: {
              description: 'It is done.',
              content: { 'application/json': { schema: reference(answer.schema), example: answer.example } },
            },
          }),
      ...Object.fromEntries(
        usual.map((status) => [status, { $ref: `#/components/responses/${PROBLEMS[status]!.name}` }]),
      ),
      ...Object.fromEntries(Object.entries(problems ?? {}).map(([status, text]) => [status, problemResponse(text)])),
    },
  }
}

function parameter(place: 'path' | 'query' | 'header', name: string, schema: JsonSchema, required: boolean): Json {
  const { description, ...rest } = schema
  return { name, in: place, required, ...(description !== undefined && { description }), schema: rest }
}

function problemResponse(description: string): Json {
  return { description, content: { 'application/problem+json': { schema: reference(common.Problem) } } }
}

function reference(schema: JsonSchema): unknown {
  const name = NAMED.get(schema)
  return name === undefined ? inlined(schema) : { $ref: `#/components/schemas/${name}` }
}

/** A schema whose parts, where they have a name, are references. */
function inlined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((part) => reference(part))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, reference(part)]))
}

/** The schemas that something refers to, and those that they refer to. */
function schemasOf(used: unknown): Json {
  const byName = new Map([...NAMED].map(([schema, name]) => [name, schema]))
  const found: Record<string, unknown> = {}
  const look = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value).matchAll(/#\/components\/schemas\/(\w+)/g)) {
      if (Object.hasOwn(found, name!)) continue
      found[name!] = inlined(byName.get(name!)!)
      look(found[name!])
    }
  }
  look(used)
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)))
}
