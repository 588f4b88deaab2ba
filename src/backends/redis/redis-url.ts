import { TidingsError } from '../../core/errors.ts'
import type { RedisClientOptions } from './client-options.ts'

const EXPECTED =
  'Expected redis://[user[:password]@]host[:port][/database], rediss:// for TLS, or the path of a socket.'

/**
 * Reads a Redis URL. The URL itself appears in no error, since it may hold a password.
 * @throws TidingsError `INVALID_OPTION`, `UNKNOWN_OPTION` for a query parameter other than `db` and `family`
 */
export function parseRedisUrl(text: string): RedisClientOptions {
  if (text.startsWith('/')) return { path: text }
  const url = parse(text)
  if (url === null || (url.protocol !== 'redis:' && url.protocol !== 'rediss:')) {
    throw new TidingsError('INVALID_OPTION', 'The Redis URL cannot be read.', { hint: EXPECTED })
  }
  const database = url.pathname === '' || url.pathname === '/' ? null : url.pathname.slice(1)
  for (const name of url.searchParams.keys()) {
    if (name !== 'db' && name !== 'family') {
      throw new TidingsError('UNKNOWN_OPTION', `The Redis URL has an unknown parameter "${name}".`, {
        hint: 'Known are "db" and "family".',
      })
    }
  }
  const db = wholeNumber('database', database ?? url.searchParams.get('db'))
  const family = wholeNumber('family', url.searchParams.get('family'))
  return {
    host: url.hostname === '' ? '127.0.0.1' : url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 6379 : Number(url.port),
    ...(url.username === '' ? {} : { username: decode(url.username) }),
    ...(url.password === '' ? {} : { password: decode(url.password) }),
    ...(db === undefined ? {} : { db }),
    ...(family === undefined ? {} : { family }),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
  }
}

function wholeNumber(what: string, text: string | null): number | undefined {
  if (text === null) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new TidingsError('INVALID_OPTION', `The ${what} in the Redis URL must be a whole number.`, { hint: EXPECTED })
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TidingsError('INVALID_OPTION', 'The user or password in the Redis URL is not percent-encoded properly.', {
      hint: 'Write a literal "%" as "%25".',
    })
  }
}

function parse(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}
