import { type ErrorCode, TidingsError } from '../core/errors.ts'
import { printable } from './escape.ts'

/** The exit codes; `tidings --help` lists them. */
export const EXIT = { fine: 0, failure: 1, usage: 2, interrupted: 130 } as const

/** The command line asks for something that cannot be: exit code 2. */
export class UsageError extends Error {}

const USAGE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INVALID_CHANNEL',
  'INVALID_EVENT_TYPE',
  'INVALID_NOTIFICATION',
  'INVALID_OPTION',
  'INVALID_PATTERN',
  'INVALID_USER',
  'UNKNOWN_OPTION',
])

const UNREACHABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['NOT_CONNECTED', 'TIMEOUT'])

/** What Redis' address and port are, for messages: never the user or password that a URL may hold. */
export function addressOf(redis: string): string {
  if (redis.startsWith('/') || redis.startsWith('memory:')) return redis
  const url = URL.canParse(redis) ? new URL(redis) : undefined
  return url === undefined ? 'the given address' : `${url.hostname || '127.0.0.1'}:${url.port || 6379}`
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage
  return error instanceof TidingsError && USAGE.has(error.code) ? EXIT.usage : EXIT.failure
}

/** One line that says what went wrong. */
export function describeFailure(error: unknown): string {
  return `tidings: ${printable(messageOf(error))}`
}

/** What went wrong, as a person at a command line needs to hear it. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (!(error instanceof TidingsError && error.code === 'MESSAGE_TOO_LARGE')) return error.message
  const { bytes, maxBytes } = error.context
  return `The message has ${bytes} bytes; the limit is ${maxBytes}. Nothing was sent. Allow more with --max-bytes.`
}

/** Says on stderr, in one line, what went wrong. */
export function complain(error: unknown): void {
  process.stderr.write(`${describeFailure(error)}\n`)
}

/** What {@link connect} rejected with, said for a person: where Redis was expected, and what to do. */
export function connectFailure(error: unknown, redis: string): unknown {
  if (!(error instanceof TidingsError)) return error
  const address = addressOf(redis)
  if (UNREACHABLE.has(error.code)) {
    return new TidingsError(error.code, `Redis at ${address} does not answer${reasonOf(error)}.`, {
      cause: error,
      hint: 'Start it, or say where it is with --redis <url> or REDIS_URL.',
    })
  }
  if (error.code === 'AUTH_FAILED') {
    return new TidingsError(error.code, `Redis at ${address} refused the user name or password.`, {
      cause: error,
      hint: 'Set them in REDIS_URL: redis://user:password@host:port.',
    })
  }
  return error
}

/** The system's name for the trouble (`ECONNREFUSED`), if there is one down the chain of causes. */
function reasonOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && /^E[A-Z]+/.test(cause.code)) return ` (${cause.code})`
  }
  return ''
}
