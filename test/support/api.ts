import { apiRoutes } from '../../src/gateway/api/api-routes.ts'
import { openGateway, type TestGateway, type TestGatewayOptions } from './gateway.ts'

export const API_KEY = 'a-key-of-the-tests'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: what it is, the tests say.
  readonly body: any
}

interface AskOptions {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A gateway with its HTTP API, and what asks it without a socket. */
export interface TestApi extends Omit<TestGateway, 'server'> {
  readonly httpServer: TestGateway['server']
  /** What the gateway met and did not tell. */
  readonly errors: unknown[]
  /** As it is. */
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>
  /** With the key of a server. */
  server(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** With the token of a user. */
  user(userId: string, method: string, path: string, body?: unknown): Promise<Answer>
  /** A method of Centrifugo's API. */
  call(method: string, body: unknown): Promise<Answer['body']>
}

export async function openApi(options: TestGatewayOptions): Promise<TestApi> {
  const errors: unknown[] = []
  const opened = await openGateway({
    routes: (node) => apiRoutes(node, { apiKeys: ['another-key-of-the-tests', API_KEY] }),
    onError: (error) => errors.push(error),
    ...options,
  })
  const ask: TestApi['ask'] = async (method, path, { body, headers = {} } = {}) => {
    const isText = typeof body === 'string'
    const request = new Request(`http://gateway${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
    })
    return answerOf(await opened.gateway.fetch(request))
  }
  return {
    ...opened,
    httpServer: opened.server,
    errors,
    ask,
    server: (method, path, body, headers) => ask(method, path, { body, headers: { 'x-api-key': API_KEY, ...headers } }),
    user: (userId, method, path, body) =>
      ask(method, path, { body, headers: { authorization: `Bearer user:${userId}` } }),
    call: async (method, body) =>
      (await ask('POST', `/api/${method}`, { body, headers: { 'x-api-key': API_KEY } })).body,
  }
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}
