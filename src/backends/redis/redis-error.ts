import { type ErrorCode, TidingsError } from '../../core/errors.ts'

const AUTH = /^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH|ERR Client sent AUTH)|WRONGPASS/
const WRITE_REFUSED = /^(OOM|READONLY|NOREPLICAS|MISCONF|FOREIGN)/
const PERMISSION = /^NOPERM|ACL failure|can't (publish|access|run)|no permissions? to/

/** What Redis answered with an error reply, or undefined for trouble of another kind (a socket's, a client's). */
export function replyText(error: unknown): string | undefined {
  return error instanceof Error && error.name === 'ReplyError' ? error.message : undefined
}

/** Error replies that pass by themselves: the client goes on trying. */
export function isPassing(reply: string): boolean {
  return /^(LOADING|MASTERDOWN|BUSY|TRYAGAIN|ERR max number of clients)/.test(reply)
}

export function isPermission(error: unknown): boolean {
  return error instanceof TidingsError && error.code === 'NO_PERMISSION'
}

/** The error reply that a typed error was made from. */
export function errorReply(error: TidingsError): string | undefined {
  return REPLY_CODES.has(error.code) && error.cause instanceof Error ? error.cause.message : undefined
}

const REPLY_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'AUTH_FAILED',
  'NO_PERMISSION',
  'REDIS_ERROR',
  'WRITE_REFUSED',
])

/** Turns an error reply of Redis into a typed error. The command that failed, which may hold a secret, is left out. */
export function fromReply(reply: string): TidingsError {
  const { code, message, hint } = describe(reply)
  return new TidingsError(code, message, { cause: new Error(reply), ...(hint === undefined ? {} : { hint }) })
}

function describe(reply: string): { code: ErrorCode; message: string; hint?: string } {
  if (AUTH.test(reply)) {
    return {
      code: 'AUTH_FAILED',
      message: 'Redis refused the user name or password.',
      hint: 'Check the credentials in the Redis URL or options.',
    }
  }
  if (PERMISSION.test(reply)) {
    return {
      code: 'NO_PERMISSION',
      message: `Redis does not permit this to the user: ${reply}.`,
      hint: "Allow the command and the channel in the user's ACL.",
    }
  }
  if (WRITE_REFUSED.test(reply)) {
    return {
      code: 'WRITE_REFUSED',
      message: `Redis takes no writes at present: ${reply}.`,
      hint: 'Nothing was stored. Mend what it says, and call again.',
    }
  }
  return { code: 'REDIS_ERROR', message: `Redis answered with an error: ${reply}.` }
}

/** A socket's or client's error without what ioredis hangs on it: the command and its arguments. */
export function withoutCommand(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error))
  const clean = new Error(error.message)
  clean.name = error.name
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? Object.assign(clean, { code }) : clean
}
