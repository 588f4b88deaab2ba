import { TidingsError } from './errors.ts'

/** The longest user id, in bytes of UTF-8. */
const MAX_USER_ID_BYTES = 256

/** What stands for itself in a name: everything else could be taken for a part of it, or for a pattern. */
const PLAIN = /^[\p{L}\p{N}_.@+~=,-]+$/u
const OTHER = /[^\p{L}\p{N}_.@+~=,-]/gu

/** @throws TidingsError `INVALID_USER` */
export function assertUserId(userId: unknown): asserts userId is string {
  const bytes = typeof userId === 'string' ? Buffer.byteLength(userId) : 0
  if (bytes === 0) throw invalid('it must be a string, and not empty')
  if (bytes > MAX_USER_ID_BYTES) throw invalid(`it has ${bytes} bytes; ${MAX_USER_ID_BYTES} are allowed`)
  if (!(userId as string).isWellFormed()) throw invalid('it is no well-formed Unicode')
  if (/[\p{Cc}{}]/u.test(userId as string)) throw invalid('it has a brace or a control character')
}

/** A user id as a part of keys and channels: percent-encoded where it is not letters, digits or one of `_.@+~=,-`. */
export function encodeUserId(userId: string): string {
  if (PLAIN.test(userId)) return userId
  return userId.replace(OTHER, (text) =>
    Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}

function invalid(why: string): TidingsError {
  return new TidingsError('INVALID_USER', `This cannot be a user id: ${why}.`, {
    hint: 'Use the id that your own database gives the user.',
  })
}
