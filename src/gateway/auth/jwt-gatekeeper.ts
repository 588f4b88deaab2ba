import { assertChannel } from '../../core/channel-name.ts'
import { TidingsError } from '../../core/errors.ts'
import { DEFAULT_NAMESPACE } from '../../core/keys.ts'
import { assertUserId } from '../../core/user-id.ts'
import type { ErrorHandler } from '../../messaging/bus-reports.ts'
import { Unheard } from '../../messaging/unheard.ts'
import { CLIENT_ERRORS } from '../../protocol/codes.ts'
import { type ChannelAction, type ChannelRule, ClientFailure, type Gatekeeper, type GatewayUser } from '../contract.ts'
import { type ChannelAccessTable, ChannelRules } from './channel-rules.ts'
import { type OriginRules, Origins } from './origins.ts'
import { type TokenClaims, type TokenRules, TokenVerifier } from './token-verifier.ts'

export interface AuthorizeContext {
  readonly action: ChannelAction
  readonly channel: string
  readonly user: GatewayUser
}

/** The program's own word, before the rules: true or false, or undefined to leave it to them. */
export type Authorize = (context: AuthorizeContext) => boolean | undefined | Promise<boolean | undefined>

export interface JwtGatekeeperOptions extends TokenRules, OriginRules {
  /** Lets in who has no token, as nobody: what `'anyone'` may, they may. Default false. */
  readonly anonymous?: boolean | undefined
  /** Who may do what, by pattern over channels. Default: nobody anything. */
  readonly channels?: ChannelAccessTable | undefined
  /** Asked first. What it throws means no, and is told to `onError`. */
  readonly authorize?: Authorize | undefined
  /**
   * What begins with one of these is nobody's, whatever rules and tokens say. Default: what Tidings uses for itself,
   * `tidings:` and `notifications:`; give yours if you have another `namespace` or `channelPrefix`.
   */
  readonly reserved?: readonly string[] | undefined
  readonly onError?: ErrorHandler | undefined
}

/** No pattern, and nothing that could be part of a key. */
const CLIENT_CHANNEL = /^[A-Za-z0-9_.:@-]+$/
/** One for all: there may be very many of them. */
const NOBODY: GatewayUser = Object.freeze({ userId: '', claims: Object.freeze({}) })
const DEFAULT_RESERVED: readonly string[] = [`${DEFAULT_NAMESPACE}:`, 'notifications:']

/** Knows people by JSON Web Tokens, and what they may by rules. Whatever no rule allows is denied. */
export class JwtGatekeeper implements Gatekeeper {
  readonly byTokenAlone = true
  readonly #verifier: TokenVerifier
  readonly #origins: Origins
  readonly #rules: ChannelRules
  readonly #anonymous: boolean
  readonly #authorize: Authorize | undefined
  readonly #reserved: readonly string[]
  readonly #report: ErrorHandler

  /** @throws TidingsError `INVALID_OPTION` */
  constructor(options: JwtGatekeeperOptions) {
    const { anonymous = false, channels = {}, authorize, reserved = DEFAULT_RESERVED, onError } = options
    if (options.keys.length === 0 && !anonymous) {
      throw new TidingsError('INVALID_OPTION', 'Without a key for tokens nobody could connect.', {
        hint: 'Give one (tokenSecret in tidings.config.*, TIDINGS_TOKEN_SECRET, keys), or say "anonymous: true". To try it out: tidings serve --dev.',
      })
    }
    this.#verifier = new TokenVerifier(options)
    this.#origins = new Origins(options)
    this.#rules = new ChannelRules(channels)
    this.#anonymous = anonymous
    this.#authorize = authorize
    this.#reserved = reserved
    const unheard = new Unheard(undefined, 'Give the gatekeeper onError to hear of every failure.')
    this.#report = onError ?? ((error) => unheard.report(error))
  }

  async connect(token: string | undefined): Promise<GatewayUser> {
    if (token === undefined) {
      if (this.#anonymous) return NOBODY
      throw new ClientFailure(CLIENT_ERRORS.unauthorized)
    }
    const claims = await this.#verifier.verify(token)
    // A token for one channel is no token for all that its user may.
    if (Object.hasOwn(claims, 'channel')) throw new ClientFailure(CLIENT_ERRORS.unauthorized)
    return {
      userId: userIdOf(claims),
      claims,
      expiresAtMs: claims.exp * 1_000,
      info: claims.info,
      channels: this.#channelsOf(claims),
    }
  }

  async subscription(
    token: string,
    channel: string,
    user: GatewayUser,
  ): Promise<{ readonly expiresAtMs: number; readonly info?: unknown }> {
    const claims = await this.#verifier.verify(token)
    if (userIdOf(claims) !== user.userId || claims.channel !== channel || !this.#isFree(channel)) {
      throw new ClientFailure(CLIENT_ERRORS.unauthorized)
    }
    return { expiresAtMs: claims.exp * 1_000, info: claims.info }
  }

  rule(channel: string): ChannelRule | undefined {
    return this.#isFree(channel) ? this.#rules.find(channel) : undefined
  }

  async allows(action: ChannelAction, channel: string, user: GatewayUser): Promise<boolean> {
    if (!CLIENT_CHANNEL.test(channel) || !this.#isFree(channel)) return false
    if (this.#authorize !== undefined) {
      const word = await this.#ask({ action, channel, user })
      if (word !== undefined) return word === true
    }
    return this.#rules.allows(action, channel, user)
  }

  allowsOrigin(origin: string | undefined): boolean {
    return this.#origins.allows(origin)
  }

  async #ask(context: AuthorizeContext): Promise<boolean | undefined> {
    try {
      return await this.#authorize!(context)
    } catch (cause) {
      const { action, channel } = context
      const message = `authorize() failed for ${JSON.stringify(channel)}, and so the client may not ${action}.`
      this.#report(new TidingsError('HANDLER_FAILED', message, { cause, context: { action, channel } }))
      return false
    }
  }

  #isFree(channel: string): boolean {
    return !this.#reserved.some((prefix) => channel.startsWith(prefix))
  }

  #channelsOf({ channels }: TokenClaims): readonly string[] | undefined {
    if (channels === undefined) return undefined
    if (!Array.isArray(channels)) throw new ClientFailure(CLIENT_ERRORS.unauthorized)
    for (const channel of channels) {
      if (!isChannel(channel) || !this.#isFree(channel)) throw new ClientFailure(CLIENT_ERRORS.unauthorized)
    }
    return [...new Set(channels as string[])]
  }
}

/** Made of options as `new JwtGatekeeper()`. @throws TidingsError `INVALID_OPTION` */
export function jwtGatekeeper(options: JwtGatekeeperOptions): Gatekeeper {
  return new JwtGatekeeper(options)
}

function userIdOf({ sub }: TokenClaims): string {
  try {
    assertUserId(sub)
    return sub
  } catch {
    throw new ClientFailure(CLIENT_ERRORS.unauthorized)
  }
}

function isChannel(channel: unknown): channel is string {
  try {
    assertChannel(channel)
    return !/\p{Cc}/u.test(channel)
  } catch {
    return false
  }
}
