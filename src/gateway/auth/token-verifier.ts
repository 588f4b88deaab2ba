import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import { TidingsError } from '../../core/errors.ts'
import { CLIENT_ERRORS } from '../../protocol/codes.ts'
import { ClientFailure } from '../contract.ts'
import { KeysUnavailable, type OpenTokenKey, openTokenKey, type TokenKey } from './token-key.ts'

export interface TokenRules {
  /** Keys that tokens may be signed with. */
  readonly keys: readonly TokenKey[]
  /** What `iss` must be, unless a key has an issuer of its own. Default: not looked at. */
  readonly issuer?: string | undefined
  /** `aud` must be one of these, or have one of them. Default: not looked at. */
  readonly audience?: string | readonly string[] | undefined
  /** Seconds by which the clock of who makes tokens may be off: at most 5. Default 0. */
  readonly leewaySeconds?: number | undefined
}

const MAX_LEEWAY_SECONDS = 5
/** No more than HTTP would take. */
const MAX_TOKEN_LENGTH = 16_384
/** Three parts in base64url. What reads it takes more than that, such as blanks, for the same token. */
const TOKEN = /^[\w-]+\.[\w-]+\.([\w-]+)$/
/** The end of the year 9999: a later time is no date. In seconds. */
const MAX_EXP = 253_402_300_799

/** What a token that was found to be good says. */
export interface TokenClaims extends JWTPayload {
  readonly sub: string
  readonly exp: number
}

/** Looks whether tokens are good. What it throws never has a part of the token. */
export class TokenVerifier {
  readonly #keys: readonly OpenTokenKey[]
  readonly #audience: string[] | undefined
  readonly #leeway: number

  /** @throws TidingsError `INVALID_OPTION` */
  constructor({ keys, issuer, audience, leewaySeconds = 0 }: TokenRules) {
    if (!(leewaySeconds >= 0 && leewaySeconds <= MAX_LEEWAY_SECONDS)) {
      throw new TidingsError('INVALID_OPTION', '"leewaySeconds" must be from 0 to 5.')
    }
    this.#keys = keys.map((key) => openTokenKey(key, issuer))
    this.#audience = audience === undefined ? undefined : [audience].flat()
    this.#leeway = leewaySeconds
  }

  /**
   * @throws ClientFailure `tokenExpired` for what was good once, `unauthorized` for all else
   * @throws KeysUnavailable where nobody can tell
   */
  async verify(token: string): Promise<TokenClaims> {
    const header = headerOf(token)
    let unavailable: KeysUnavailable | undefined
    for (const key of this.#keys) {
      if (header?.alg !== key.alg || (key.kid !== undefined && key.kid !== header.kid)) continue
      try {
        return await this.#verifyWith(key, token)
      } catch (error) {
        // It is thrown only once the signature has been found to be good.
        if (error instanceof errors.JWTExpired) throw new ClientFailure(CLIENT_ERRORS.tokenExpired)
        if (error instanceof KeysUnavailable) unavailable = error
      }
    }
    throw unavailable ?? new ClientFailure(CLIENT_ERRORS.unauthorized)
  }

  async #verifyWith({ alg, issuer, key }: OpenTokenKey, token: string): Promise<TokenClaims> {
    const options = {
      algorithms: [alg],
      requiredClaims: ['exp', 'sub'],
      clockTolerance: this.#leeway,
      ...(issuer !== undefined && { issuer }),
      ...(this.#audience !== undefined && { audience: this.#audience }),
    }
    const { payload } =
      typeof key === 'function' ? await jwtVerify(token, key, options) : await jwtVerify(token, key, options)
    const { sub, exp } = payload
    if (typeof sub !== 'string' || typeof exp !== 'number' || !(exp <= MAX_EXP)) {
      throw new ClientFailure(CLIENT_ERRORS.unauthorized)
    }
    return { ...payload, sub, exp }
  }
}

function headerOf(token: string): { readonly alg?: unknown; readonly kid?: unknown } | undefined {
  const [, signature] = token.length > MAX_TOKEN_LENGTH ? [] : (TOKEN.exec(token) ?? [])
  if (signature === undefined || Buffer.from(signature, 'base64url').toString('base64url') !== signature)
    return undefined
  try {
    return decodeProtectedHeader(token)
  } catch {
    return undefined
  }
}
