/**
 * Every code that a {@link TidingsError} can carry, and whether the same call may succeed if simply made again.
 * `docs/errors.md` explains each; a test keeps the two in step.
 */
export const ERRORS = {
  ABORTED: { retryable: false },
  AUTH_FAILED: { retryable: false },
  CLOSED: { retryable: false },
  CONNECTION_LOST: { retryable: false },
  DEPLOYMENT_MISMATCH: { retryable: false },
  FOREIGN_ENTRIES: { retryable: false },
  GAP: { retryable: false },
  HANDLER_FAILED: { retryable: false },
  INVALID_CHANNEL: { retryable: false },
  INVALID_EVENT: { retryable: false },
  INVALID_EVENT_TYPE: { retryable: false },
  INVALID_HANDLER: { retryable: false },
  INVALID_MESSAGE: { retryable: false },
  INVALID_NOTIFICATION: { retryable: false },
  INVALID_OPTION: { retryable: false },
  INVALID_PATTERN: { retryable: false },
  INVALID_USER: { retryable: false },
  LIMITS_MISMATCH: { retryable: false },
  MESSAGE_TOO_LARGE: { retryable: false },
  NOT_CONNECTED: { retryable: true },
  NO_HISTORY: { retryable: false },
  NO_PERMISSION: { retryable: false },
  NO_RESPONDER: { retryable: true },
  OVERFLOW: { retryable: false },
  POLICIES_RESTORED: { retryable: false },
  POLICY_MISMATCH: { retryable: false },
  QUEUE_FULL: { retryable: true },
  REDIS_ERROR: { retryable: false },
  REPLY_FAILED: { retryable: false },
  REQUEST_TIMEOUT: { retryable: true },
  TIMEOUT: { retryable: false },
  UNKNOWN_OPTION: { retryable: false },
  WRITE_REFUSED: { retryable: true },
} as const

export type ErrorCode = keyof typeof ERRORS

export interface ErrorDetails {
  /** What brought this about, where there is something to show. */
  readonly cause?: unknown
  /** What the reader can do about it; becomes the last sentence of the message. */
  readonly hint?: string
  /** Facts of the failure, for logs: a channel, a limit, validation issues. Never a secret or a payload. */
  readonly context?: Readonly<Record<string, unknown>>
}

/**
 * The one error class that Tidings throws and rejects with. Branch on `code`; the message is for people.
 * `retryable` is true only where nothing was done, so that making the same call again cannot do it twice.
 */
export class TidingsError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly context: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(
      details.hint === undefined ? message : `${message} ${details.hint}`,
      'cause' in details ? { cause: details.cause } : undefined,
    )
    this.name = 'TidingsError'
    this.code = code
    this.retryable = ERRORS[code].retryable
    this.context = details.context ?? {}
  }
}
