import { TidingsError } from '../../core/errors.ts'
import { CLIENT_ERRORS } from '../../protocol/codes.ts'
import { ClientFailure } from '../contract.ts'

/** What every answer of ours that is not meant for a cache says. */
export const PLAIN_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
}

/** Thrown to answer with a problem document. */
export class HttpFailure extends Error {
  readonly status: number
  readonly title: string
  readonly code: string
  readonly headers: Readonly<Record<string, string>>
  /** What the document says beside. */
  readonly members: Readonly<Record<string, unknown>>

  constructor(
    status: number,
    title: string,
    detail: string,
    code: string,
    headers: Record<string, string> = {},
    members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail)
    this.status = status
    this.title = title
    this.code = code
    this.headers = headers
    this.members = members
  }
}

/** A problem document. Source: RFC 9457. */
export function problem({ status, title, message, code, headers, members }: HttpFailure): Response {
  const body = JSON.stringify({ ...members, type: 'about:blank', title, status, detail: message, code })
  return new Response(body, {
    status,
    headers: { 'content-type': 'application/problem+json', ...PLAIN_HEADERS, ...headers },
  })
}

/** What is answered where it is nobody's fault but ours. It is to be reported. */
export const INTERNAL: HttpFailure = new HttpFailure(
  500,
  'Internal Server Error',
  'It is our fault, and was noted.',
  'INTERNAL',
)

/** The answer to whatever was thrown; undefined where it is nobody's fault but ours, and is to be reported. */
export function failureOf(error: unknown): HttpFailure | undefined {
  if (error instanceof HttpFailure) return error
  if (error instanceof ClientFailure) {
    const { code, message } = error.error
    if (code === CLIENT_ERRORS.internal.code) return undefined
    const status = STATUS_OF_CLIENT_ERROR[code] ?? 400
    const headers = status === 401 ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {}
    return new HttpFailure(status, TITLES[status]!, message, String(code), headers)
  }
  if (!(error instanceof TidingsError)) return undefined
  const status = STATUS_OF_CODE[error.code]
  if (status === undefined) return undefined
  const headers: Record<string, string> = status === 503 ? { 'retry-after': '1' } : {}
  return new HttpFailure(status, TITLES[status]!, error.message, error.code, headers, told(error.context))
}

/** Of the facts of a failure, those that who asked can use: never one about where Redis is. */
function told(context: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(TOLD.flatMap((name) => (Object.hasOwn(context, name) ? [[name, context[name]]] : [])))
}

const TOLD = ['issues', 'field', 'bytes', 'maxBytes', 'dedupeKey', 'sent', 'unwanted'] as const

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

const STATUS_OF_CLIENT_ERROR: Readonly<Record<number, number>> = {
  [CLIENT_ERRORS.unauthorized.code]: 401,
  [CLIENT_ERRORS.tokenExpired.code]: 401,
  [CLIENT_ERRORS.permissionDenied.code]: 403,
  [CLIENT_ERRORS.unknownChannel.code]: 404,
  [CLIENT_ERRORS.methodNotFound.code]: 404,
  [CLIENT_ERRORS.notAvailable.code]: 404,
  [CLIENT_ERRORS.unrecoverablePosition.code]: 409,
  [CLIENT_ERRORS.tooManyRequests.code]: 429,
  [CLIENT_ERRORS.limitExceeded.code]: 413,
}

/** 503 where nothing was done, 504 where nobody knows whether it was. */
const STATUS_OF_CODE: Readonly<Partial<Record<string, number>>> = {
  INVALID_CHANNEL: 400,
  INVALID_EVENT: 400,
  INVALID_EVENT_TYPE: 400,
  INVALID_MESSAGE: 400,
  INVALID_NOTIFICATION: 400,
  INVALID_OPTION: 400,
  INVALID_PATTERN: 400,
  INVALID_USER: 400,
  UNKNOWN_OPTION: 400,
  NO_HISTORY: 409,
  GAP: 409,
  MESSAGE_TOO_LARGE: 413,
  QUEUE_FULL: 503,
  NOT_CONNECTED: 503,
  WRITE_REFUSED: 503,
  CLOSED: 503,
  CONNECTION_LOST: 504,
  TIMEOUT: 504,
}
