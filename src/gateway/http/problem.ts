import { TidingsError } from '../../core/errors.ts'
import { CLIENT_ERRORS } from '../../protocol/codes.ts'
import { ClientFailure } from '../contract.ts'

/** Thrown to answer with a problem document. */
export class HttpFailure extends Error {
  readonly status: number
  readonly title: string
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, title: string, detail: string, code: string, headers: Record<string, string> = {}) {
    super(detail)
    this.status = status
    this.title = title
    this.code = code
    this.headers = headers
  }
}

/** A problem document. Source: RFC 9457. */
export function problem({ status, title, message, code, headers }: HttpFailure): Response {
  const body = JSON.stringify({ type: 'about:blank', title, status, detail: message, code })
  return new Response(body, { status, headers: { 'content-type': 'application/problem+json', ...headers } })
}

/** The answer to whatever was thrown; undefined where it is nobody's fault but ours, and is to be reported. */
export function failureOf(error: unknown): HttpFailure | undefined {
  if (error instanceof HttpFailure) return error
  if (error instanceof ClientFailure) {
    const status = STATUS_OF_CLIENT_ERROR[error.error.code] ?? 400
    return new HttpFailure(status, TITLES[status] ?? 'Bad Request', error.error.message, String(error.error.code))
  }
  if (!(error instanceof TidingsError)) return undefined
  const status = STATUS_OF_CODE[error.code]
  if (status === undefined) return undefined
  const headers = status === 503 ? { 'retry-after': '1' } : {}
  return new HttpFailure(status, TITLES[status]!, error.message, error.code, headers)
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
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
}
