import { SignJWT } from 'jose'
import { assertUserId } from '../../core/user-id.ts'
import { openSecret } from './token-key.ts'

export interface MintOptions {
  readonly secret: string
  readonly userId: string
  readonly expiresAt: Date
  /** Makes a subscription token, which allows this one channel. */
  readonly channel?: string | undefined
  /** Shown to others. */
  readonly info?: unknown
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  readonly kid?: string | undefined
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/** Makes a token, signed by HS256. @throws TidingsError `INVALID_OPTION`, `INVALID_USER` */
export async function mintToken(options: MintOptions): Promise<string> {
  const { secret, userId, expiresAt, channel, info, claims, kid, issuer, audience } = options
  assertUserId(userId)
  const key = openSecret(secret)
  const jwt = new SignJWT({ ...claims, ...(channel !== undefined && { channel }), ...(info !== undefined && { info }) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', ...(kid !== undefined && { kid }) })
    .setSubject(userId)
    .setIssuedAt()
    .setExpirationTime(Math.ceil(expiresAt.getTime() / 1_000))
  if (issuer !== undefined) jwt.setIssuer(issuer)
  if (audience !== undefined) jwt.setAudience(audience)
  return await jwt.sign(key)
}
