import { basename, resolve } from 'node:path'
import { TidingsError } from '../../core/errors.ts'
import { DEFAULT_NAMESPACE } from '../../core/keys.ts'
import type { ErrorHandler } from '../../messaging/bus-reports.ts'
import type { JwtGatekeeperOptions } from '../auth/jwt-gatekeeper.ts'
import type { TokenKey } from '../auth/token-key.ts'
import { findConfigFile, readConfigFile } from './config-file.ts'
import { findProblems } from './config-schema.ts'
import type { GatewayConfig } from './gateway-config.ts'

export interface LoadConfigOptions {
  /** The file. Default: the one that the directory has, or none. */
  readonly file?: string | undefined
  /** Default: the working directory. */
  readonly directory?: string | undefined
  /** Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
}

export interface LoadedConfig {
  readonly config: GatewayConfig
  /** Undefined where there was none. */
  readonly file: string | undefined
}

const list = (text: string): string[] => text.split(',').map((part) => part.trim())

/** Variables, the field that each is for, and how it is read. */
const VARIABLES: readonly (readonly [name: string, field: keyof GatewayConfig, read: (text: string) => unknown])[] = [
  ['REDIS_URL', 'redis', String],
  ['PORT', 'port', portOf],
  ['TIDINGS_TOKEN_SECRET', 'tokenSecret', String],
  ['TIDINGS_API_KEY', 'apiKeys', (text) => [text]],
  ['TIDINGS_ORIGINS', 'origins', list],
]

/** Reads the variable PORT. @throws TidingsError `INVALID_OPTION` */
export function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new TidingsError(
    'INVALID_OPTION',
    'The configuration cannot be used. PORT: It must be a whole number from 0 to 65535.',
  )
}

/**
 * Reads the configuration's file, if there is one, and lays the environment over it. An empty variable is none.
 * @throws TidingsError `INVALID_OPTION`, `UNKNOWN_OPTION`; the message names the field or the variable
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<LoadedConfig> {
  const { directory = process.cwd(), env = process.env } = options
  const file = options.file === undefined ? findConfigFile(directory) : resolve(directory, options.file)
  const written = file === undefined ? {} : await readConfigFile(file)
  const name = file === undefined ? 'The configuration' : basename(file)
  const variables = new Map<string, string>()
  const overlay: Record<string, unknown> = {}
  for (const [variable, field, read] of VARIABLES) {
    const given = env[variable]
    if (given === undefined || given === '') continue
    overlay[field] = read(given)
    variables.set(field, variable)
  }
  const isObject = typeof written === 'object' && written !== null && !Array.isArray(written)
  const config = isObject ? { ...written, ...overlay } : written
  return { config: checkConfig(config, name, variables), file }
}

/**
 * Takes a configuration that somebody wrote and checks all of it.
 * @param name what to call it in messages
 * @param variables the variables that fields have come from
 * @throws TidingsError `INVALID_OPTION`, `UNKNOWN_OPTION`
 */
export function checkConfig(
  value: unknown,
  name: string,
  variables: ReadonlyMap<string, string> = new Map(),
): GatewayConfig {
  const problems = findProblems(value)
  if (problems.length === 0) return value as GatewayConfig
  const lines = problems.map(({ path, message }) => {
    const variable = variables.get(String(path[0]))
    return variable === undefined ? `${pathText(path)}${message}` : `${variable}: ${message}`
  })
  const code = problems.every(({ unknown }) => unknown) ? 'UNKNOWN_OPTION' : 'INVALID_OPTION'
  throw new TidingsError(code, `${name} cannot be used. ${lines.join('; ')}.`)
}

/** What a gatekeeper is made of that does as a configuration says. */
export function gatekeeperOptions(config: GatewayConfig, onError?: ErrorHandler): JwtGatekeeperOptions {
  const { issuer, audience, leewaySeconds, anonymous, origins, insecure, channels, authorize } = config
  const { tokenSecret, keys = [], namespace = DEFAULT_NAMESPACE } = config
  const own: TokenKey[] = tokenSecret === undefined ? [] : [{ alg: 'HS256', secret: tokenSecret }]
  return {
    ...{ issuer, audience, leewaySeconds, anonymous, origins, insecure, channels, authorize, onError },
    keys: [...own, ...keys],
    reserved: [`${namespace}:`, 'notifications:'],
  }
}

/** `channels["chat:*"].publish: `, as one would write it in a program. */
function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return ''
  const text = path.map((part) => {
    if (typeof part === 'number') return `[${part}]`
    const name = String(part)
    return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
  })
  return `${text.join('').replace(/^\./, '')}: `
}
