import type { ChannelAccessTable } from '../auth/channel-rules.ts'
import type { Authorize } from '../auth/jwt-gatekeeper.ts'
import type { TokenKey } from '../auth/token-key.ts'
import type { GatewayLimits } from '../contract.ts'

/** What `tidings serve` is set up with: the default export of `tidings.config.*`. Variables of the environment win. */
export interface GatewayConfig {
  /** Where Redis is. Default `redis://127.0.0.1:6379`. Variable `REDIS_URL`. */
  readonly redis?: string | undefined
  /** What every name begins with that Tidings uses in Redis for itself. Default `tidings`. */
  readonly namespace?: string | undefined
  /** The address that is listened on. Default `127.0.0.1`: this host alone. */
  readonly host?: string | undefined
  /** The port that is listened on; 0 for any that is free. Default 8000. Variable `PORT`. */
  readonly port?: number | undefined
  /** How this node is called in lists. Default: the host's name. */
  readonly name?: string | undefined
  /** Believe what a proxy says of the peer's address (`X-Forwarded-For`). Default false. */
  readonly trustProxy?: boolean | undefined

  /**
   * The secret of tokens that are signed by HS256, at least 32 bytes; `tidings token` makes such tokens. Tickets and
   * resume ids are signed by keys derived from it. Default: none. Variable `TIDINGS_TOKEN_SECRET`.
   */
  readonly tokenSecret?: string | undefined
  /** Further keys that tokens may be signed with. Default: none. */
  readonly keys?: readonly TokenKey[] | undefined
  /** What a token's `iss` must be, unless its key has an issuer of its own. Default: not looked at. */
  readonly issuer?: string | undefined
  /** A token's `aud` must be one of these, or have one of them. Default: not looked at. */
  readonly audience?: string | readonly string[] | undefined
  /** Seconds by which the clock of who makes tokens may be off: at most 5. Default 0. */
  readonly leewaySeconds?: number | undefined
  /** Lets in who has no token; what `'anyone'` may, they may. Default false. */
  readonly anonymous?: boolean | undefined
  /** Keys for the HTTP API, at least 16 characters each. Default: none. Variable `TIDINGS_API_KEY`, for one. */
  readonly apiKeys?: readonly string[] | undefined
  /**
   * Origins of pages that may connect, exactly as browsers send them: `https://app.example.com`. Default: none.
   * Variable `TIDINGS_ORIGINS`, with commas between.
   */
  readonly origins?: readonly string[] | undefined
  /** Allows `'*'` among the origins. Default false. */
  readonly insecure?: boolean | undefined

  /** Who may do what, by pattern over channels. Default: nobody anything. */
  readonly channels?: ChannelAccessTable | undefined
  /** Your own word on who may what, asked before the rules. Default: none. */
  readonly authorize?: Authorize | undefined
  /** Limits for clients; none can be lifted altogether. The defaults are those of {@link GatewayLimits}. */
  readonly limits?: Partial<GatewayLimits> | undefined
}

/** Gives back what it is given: for an editor to know the fields of a configuration. */
export function defineConfig(config: GatewayConfig): GatewayConfig {
  return config
}
