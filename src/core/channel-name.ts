import { type ErrorCode, TidingsError } from './errors.ts'

/** The longest name of a channel or pattern, in UTF-8 bytes. Redis would take more; nobody means more. */
export const MAX_NAME_BYTES = 1024

function assertName(what: string, code: ErrorCode, name: unknown): asserts name is string {
  if (typeof name !== 'string') {
    throw new TidingsError(code, `${what} must be a string, not ${name === null ? 'null' : typeof name}.`)
  }
  if (name === '') throw new TidingsError(code, `${what} must not be empty.`)
  // Object.prototype's own name is lost by clients that keep their subscriptions in a plain object.
  if (name === '__proto__') throw new TidingsError(code, `${what} must not be named "__proto__".`)
  if (name.length * 3 > MAX_NAME_BYTES && Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new TidingsError(code, `${what} may have at most ${MAX_NAME_BYTES} bytes.`, {
      context: { bytes: Buffer.byteLength(name) },
    })
  }
  if (!name.isWellFormed()) {
    throw new TidingsError(code, `${what} must be well-formed Unicode: this one has a lone surrogate.`)
  }
}

export function assertChannel(channel: unknown): asserts channel is string {
  assertName('A channel', 'INVALID_CHANNEL', channel)
}

export function assertPattern(pattern: unknown): asserts pattern is string {
  assertName('A pattern', 'INVALID_PATTERN', pattern)
}

export function assertEventType(type: unknown): asserts type is string {
  assertName('An event type', 'INVALID_EVENT_TYPE', type)
}
