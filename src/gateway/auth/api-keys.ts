import { createHash, timingSafeEqual } from 'node:crypto'
import { TidingsError } from '../../core/errors.ts'

const MIN_LENGTH = 16

/** The keys of programs that may use the HTTP API. */
export class ApiKeys {
  readonly #digests: readonly Buffer[]

  /** @throws TidingsError `INVALID_OPTION` */
  constructor(keys: readonly string[]) {
    for (const key of keys) checkApiKey(key)
    this.#digests = keys.map(digest)
  }

  /** How long it takes says nothing of how much of a key was right, nor of which one. */
  accepts(given: string | undefined): boolean {
    const one = digest(given ?? '')
    let found = false
    for (const other of this.#digests) found = timingSafeEqual(one, other) || found
    return found && given !== undefined
  }
}

/** The key that a request gives: `Authorization: apikey <key>`, or `X-API-Key: <key>`. */
export function apiKeyOf(headers: Headers): string | undefined {
  const [, key] = /^apikey +(\S+) *$/i.exec(headers.get('authorization') ?? '') ?? []
  return key ?? headers.get('x-api-key') ?? undefined
}

/** @throws TidingsError `INVALID_OPTION` */
export function checkApiKey(key: string): void {
  if (typeof key === 'string' && key.length >= MIN_LENGTH && /^[\x21-\x7e]+$/.test(key)) return
  throw new TidingsError(
    'INVALID_OPTION',
    `An API key must have at least ${MIN_LENGTH} characters: letters, digits and signs, no blanks.`,
  )
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
