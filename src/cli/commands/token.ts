import { type Command, InvalidArgumentError } from 'commander'
import { timeAhead } from '../arguments.ts'
import { UsageError } from '../failure.ts'
import { chosenOutput } from '../session.ts'

const DEFAULT_TTL_MS = 3_600_000

/** Claims that options of their own set, or that say what the token is. */
const OWN_CLAIMS = ['sub', 'exp', 'iat', 'nbf', 'iss', 'aud', 'channel', 'info']

type Claims = Readonly<Record<string, unknown>>

interface TokenOptions {
  readonly config?: string
  readonly ttl?: Date
  readonly channel?: string
  readonly info?: { readonly value: unknown }
  readonly claim?: Claims
}

export function addToken(program: Command): void {
  program
    .command('token')
    .description('Make a token with which a user can connect to the gateway.')
    .argument('<user>', "the user's id")
    .option('--ttl <time>', 'how long it is good: a duration such as 15m, or a time (default: 1h)', timeAhead)
    .option('--channel <name>', 'a subscription token: for this one channel')
    .option('--info <json>', 'what others are shown of the user', (text) => ({ value: json(text) }))
    .option('--claim <name=json>', 'something more that it says; as often as wanted', addClaim)
    .option('--config <file>', 'where the secret is (default: tidings.config.* here)')
    .addHelpText(
      'after',
      `
The secret is that of the variable TIDINGS_TOKEN_SECRET, else of the configuration's file.
Whoever has the token is that user until it ends: take it for trying things out.

Examples:
  $ tidings token user123
  $ tidings token user123 --ttl 10m --claim 'rooms=["lobby"]' --info '{"name":"Ada"}'
  $ tidings token user123 --channel chat:lobby`,
    )
    .action(async (userId: string, options: TokenOptions, command: Command) => {
      // What few commands need is loaded by them alone: the others start faster.
      const { loadConfig } = await import('../../gateway/config/load-config.ts')
      const { mintToken } = await import('../../gateway/auth/mint-token.ts')
      const { config } = await loadConfig({ file: options.config })
      const key = config.keys?.find((one) => one.alg === 'HS256')
      const found = key !== undefined && 'secret' in key ? key : undefined
      const secret = config.tokenSecret ?? found?.secret
      if (secret === undefined) {
        throw new UsageError(
          'There is no secret to sign with: set TIDINGS_TOKEN_SECRET, or tokenSecret in tidings.config.*.',
        )
      }
      const expiresAt = options.ttl ?? new Date(Date.now() + DEFAULT_TTL_MS)
      const isFound = config.tokenSecret === undefined
      const token = await mintToken({
        secret,
        userId,
        expiresAt,
        channel: options.channel,
        info: options.info?.value,
        claims: options.claim,
        kid: isFound ? found?.kid : undefined,
        issuer: (isFound ? found?.issuer : undefined) ?? config.issuer,
        audience: [config.audience ?? []].flat()[0],
      })
      const output = chosenOutput(command)
      output.tell(`${token}\n`, { userId, token, expiresAt: expiresAt.toISOString() })
    })
}

function addClaim(text: string, claims: Claims = {}): Claims {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined) throw new InvalidArgumentError('It must be a name, = and JSON: role="admin".')
  if (OWN_CLAIMS.includes(name)) throw new InvalidArgumentError(`${name} is set by other options, or by itself.`)
  return Object.fromEntries([...Object.entries(claims), [name, json(value!)]])
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InvalidArgumentError(`It must be JSON. A text needs its own quotes: '"admin"'.`)
  }
}
