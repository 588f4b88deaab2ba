import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { describeThrown } from '../../core/describe.ts'
import { TidingsError } from '../../core/errors.ts'

type AsymmetricAlgorithm = 'RS256' | 'ES256' | 'EdDSA'

interface KeyScope {
  /** Only for tokens whose header names this key. Default: for tokens that name any key, or none. */
  readonly kid?: string | undefined
  /** Only for tokens of this issuer (`iss`). Default: the issuer that is configured for all. */
  readonly issuer?: string | undefined
}

/**
 * A key that tokens may be signed with. The algorithm is part of the key: what a token says of it only chooses among
 * keys, and never how one of them is used.
 */
export type TokenKey = KeyScope &
  (
    | {
        readonly alg: 'HS256'
        /** At least 32 bytes, shared with whoever makes tokens. Undefined is refused: a variable may not be set. */
        readonly secret: string | undefined
      }
    | {
        readonly alg: AsymmetricAlgorithm
        /** PEM, or a JWK. */
        readonly publicKey: string | JsonWebKey
      }
    | {
        readonly alg: AsymmetricAlgorithm
        /** Where an identity provider publishes its keys: https, or http on this host. Needs an issuer. */
        readonly jwksUrl: string
      }
  )

/** A {@link TokenKey} that was checked and is ready to be used. */
export interface OpenTokenKey {
  readonly alg: 'HS256' | AsymmetricAlgorithm
  readonly kid: string | undefined
  readonly issuer: string | undefined
  readonly key: Uint8Array | KeyObject | JWTVerifyGetKey
}

/** The keys of an identity provider cannot be had at present: nobody knows whether a token is good. */
export class KeysUnavailable extends Error {}

/** A hash is no stronger than its key. Source: RFC 7518, 3.2. */
const MIN_SECRET_BYTES = 32
const MIN_RSA_BITS = 2_048
const JWKS_TIMEOUT_MS = 5_000
/** A token that names an unknown key has the keys fetched anew, but no more often than this. */
const JWKS_COOLDOWN_MS = 30_000
/** A key that was withdrawn is good for no longer than this. */
const JWKS_MAX_AGE_MS = 600_000

/** @throws TidingsError `INVALID_OPTION`, which never quotes the key */
export function openTokenKey(key: TokenKey, issuer: string | undefined): OpenTokenKey {
  const scope = { alg: key.alg, kid: key.kid, issuer: key.issuer ?? issuer }
  if (key.alg === 'HS256') {
    const { secret } = key as { readonly secret?: string | undefined }
    if (secret === undefined) {
      throw new TidingsError('INVALID_OPTION', 'A key for HS256 needs a "secret".', {
        hint: 'Is the environment variable set that it is taken from?',
      })
    }
    return { ...scope, key: openSecret(secret) }
  }
  if (!['RS256', 'ES256', 'EdDSA'].includes(key.alg)) {
    throw invalid('The "alg" of a key must be HS256, RS256, ES256 or EdDSA.')
  }
  if ('secret' in key) throw invalid(`A key for ${key.alg} has a "publicKey" or a "jwksUrl", and no "secret".`)
  if ('publicKey' in key) return { ...scope, key: openPublicKey(key.alg, key.publicKey) }
  if (scope.issuer === undefined) {
    throw invalid('A "jwksUrl" needs an "issuer": a provider signs tokens for more programs than yours.')
  }
  return { ...scope, key: openJwks(key.jwksUrl) }
}

/** The bytes of a secret that tokens are signed with. @throws TidingsError `INVALID_OPTION` */
export function openSecret(secret: string): Uint8Array {
  if (typeof secret !== 'string') throw invalid('A secret must be a string.')
  // Whoever knows a public key could sign with it if it were taken for a secret.
  if (/-----BEGIN|^\s*\{|^ssh-|^MII[A-Za-z0-9+/]/.test(secret)) {
    throw invalid('A secret must not be a public key, a certificate or a JWK.')
  }
  const bytes = Buffer.from(secret)
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new TidingsError('INVALID_OPTION', `A secret must have at least ${MIN_SECRET_BYTES} bytes.`, {
      hint: 'Make one: openssl rand -hex 32.',
    })
  }
  return bytes
}

function openPublicKey(alg: AsymmetricAlgorithm, text: string | JsonWebKey): KeyObject {
  const isPrivate = typeof text === 'string' ? text.includes('PRIVATE KEY') : text?.d !== undefined
  if (isPrivate) throw invalid('A "publicKey" is a private key: it belongs to who makes tokens, and to nobody else.')
  let key: KeyObject
  try {
    key = typeof text === 'string' ? createPublicKey(text) : createPublicKey({ key: text, format: 'jwk' })
  } catch {
    throw invalid('A "publicKey" must be a public key as PEM or JWK.')
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key
  const fits = {
    RS256: type === 'rsa' && (details.modulusLength ?? 0) >= MIN_RSA_BITS,
    ES256: type === 'ec' && details.namedCurve === 'prime256v1',
    EdDSA: type === 'ed25519',
  }
  const wanted = { RS256: 'an RSA key of at least 2,048 bits', ES256: 'a key on P-256', EdDSA: 'an Ed25519 key' }
  if (!fits[alg]) throw invalid(`A "publicKey" for ${alg} must be ${wanted[alg]}.`)
  return key
}

function openJwks(text: string): JWTVerifyGetKey {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isLocal = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url === undefined || !(url.protocol === 'https:' || isLocal)) {
    throw invalid('A "jwksUrl" must be an https address.')
  }
  const remote = createRemoteJWKSet(url, {
    timeoutDuration: JWKS_TIMEOUT_MS,
    cooldownDuration: JWKS_COOLDOWN_MS,
    cacheMaxAge: JWKS_MAX_AGE_MS,
  })
  return async (header, token) => {
    try {
      return await remote(header, token)
    } catch (cause) {
      if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys) throw cause
      const why = describeThrown(cause)
      throw new KeysUnavailable(`The keys at ${url.origin}${url.pathname} cannot be had: ${why}`, { cause })
    }
  }
}

function invalid(message: string): TidingsError {
  return new TidingsError('INVALID_OPTION', message)
}
