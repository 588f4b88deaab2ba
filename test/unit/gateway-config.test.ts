import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TidingsError } from '../../src/core/errors.ts'
import { JwtGatekeeper } from '../../src/gateway/auth/jwt-gatekeeper.ts'
import { mintToken } from '../../src/gateway/auth/mint-token.ts'
import { defineConfig } from '../../src/gateway/config/gateway-config.ts'
import { checkConfig, gatekeeperOptions, loadConfig } from '../../src/gateway/config/load-config.ts'
import { DEFAULT_LIMITS } from '../../src/gateway/contract.ts'

const SECRET = 'a secret of more than thirty-two bytes'
const OTHER = 'another secret of thirty-two bytes or more'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-config-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const write = (name: string, text: string): string => {
  const file = join(directory, name)
  writeFileSync(file, text)
  return file
}
const load = (env: Record<string, string> = {}, file?: string) => loadConfig({ directory, env, file })

async function failure(call: () => unknown): Promise<TidingsError> {
  try {
    await call()
  } catch (error) {
    if (error instanceof TidingsError) return error
    throw error
  }
  throw new Error('did not fail')
}

const FULL = defineConfig({
  redis: 'redis://127.0.0.1:6379',
  namespace: 'shop',
  host: '0.0.0.0',
  port: 0,
  name: 'node-1',
  trustProxy: true,
  tokenSecret: SECRET,
  keys: [
    { alg: 'HS256', secret: OTHER, kid: 'old' },
    { alg: 'RS256', jwksUrl: 'https://issuer.example/keys', issuer: 'https://issuer.example' },
  ],
  issuer: 'https://own.example',
  audience: ['shop'],
  leewaySeconds: 5,
  anonymous: true,
  apiKeys: ['a-key-of-the-http-api'],
  origins: ['https://shop.example'],
  insecure: false,
  channels: {
    'events:*': { subscribe: 'authenticated', publish: false, history: 'anyone', presence: { claim: 'staff' } },
    'user:{sub}': { subscribe: 'authenticated', recover: false, joinLeave: true, slow: 'drop' },
    'chat:*': { subscribe: { claim: 'rooms', includes: 'lobby' }, publish: { claim: 'role', equals: 'admin' } },
    'seats:*': { subscribe: 'token' },
  },
  authorize: () => undefined,
  limits: DEFAULT_LIMITS,
})

describe('a configuration', () => {
  it('may have every field', () => {
    expect(checkConfig(FULL, 'it')).toBe(FULL)
    expect(checkConfig({}, 'it')).toEqual({})
  })

  it.each([
    [{ ports: 1 }, 'ports: there is no such field'],
    [{ port: '8000' }, 'port: expected number, received string'],
    [{ port: 65_536 }, 'port: '],
    [{ port: 1.5 }, 'port: '],
    [{ channels: { 'chat:*': { publish: 'all' } } }, 'channels["chat:*"].publish: must be false, "anyone"'],
    [{ channels: { 'chat:*': { publish: 'token' } } }, 'channels["chat:*"].publish: must be false, "anyone"'],
    [{ channels: { 'chat:*': { publish: true } } }, 'channels["chat:*"].publish: must be'],
    [
      { channels: { 'chat:*': { subscribe: { claim: 'x', is: 1 } } } },
      'channels["chat:*"].subscribe.is: there is no such field',
    ],
    [{ channels: { 'chat:*': { subscribe: 'members' } } }, 'channels["chat:*"].subscribe: must be "token"'],
    [{ channels: { chat: { read: 'anyone' } } }, 'channels.chat.read: there is no such field'],
    [{ channels: { 'user:{id}': {} } }, 'channels["user:{id}"]: The pattern'],
    [{ channels: { chat: { slow: 'wait' } } }, 'channels.chat.slow: '],
    [{ channels: [] }, 'channels: '],
    [{ limits: { pings: 1 } }, 'limits.pings: there is no such field'],
    [{ limits: { pingMs: 0 } }, 'limits.pingMs: '],
    [{ limits: { pingMs: Number.POSITIVE_INFINITY } }, 'limits.pingMs: '],
    [{ tokenSecret: 'short' }, 'tokenSecret: A secret must have at least 32 bytes'],
    [{ keys: [{ alg: 'HS256', secret: SECRET }, { alg: 'none' }] }, 'keys[1]: must be { alg: "HS256", secret }'],
    [{ keys: [{ alg: 'RS256', publicKey: 'x' }] }, 'keys[0]: A "publicKey" must be'],
    [
      { keys: [{ alg: 'HS256', secret: undefined }] },
      'keys[0]: the "secret" is undefined: is the environment variable',
    ],
    [{ keys: [{ alg: 'HS256', jwksUrl: 'https://x/' }] }, 'keys[0]: must be'],
    [{ keys: [{ alg: 'RS256', jwksUrl: 'https://x/' }] }, 'keys[0]: A "jwksUrl" needs an "issuer"'],
    [{ leewaySeconds: 6 }, 'leewaySeconds: '],
    [{ apiKeys: ['short'] }, 'apiKeys[0]: An API key must have at least 16'],
    [{ origins: ['*'] }, 'origins[0]: The origin "*" lets every page in, and needs "insecure: true"'],
    [{ origins: ['shop.example'] }, 'origins[0]: "shop.example" is no origin'],
    [{ authorize: true }, 'authorize: must be a function'],
    [{ anonymous: 'yes' }, 'anonymous: '],
    [[], 'expected object, received array'],
    ['x', 'expected object, received string'],
    [null, 'expected object, received null'],
    [JSON.parse('{"__proto__":{"anonymous":true}}'), '__proto__: there is no such field'],
  ])('is refused by the name of the field: %j', async (config, message) => {
    const error = await failure(() => checkConfig(config, 'tidings.config.json'))
    expect(error.message).toContain(`tidings.config.json cannot be used. ${message}`)
    expect(error.code).toBe(message.includes('no such field') ? 'UNKNOWN_OPTION' : 'INVALID_OPTION')
  })

  it('is told all that is wrong at once, and never a secret', async () => {
    const secret = 'a-short-secret'
    const error = await failure(() =>
      checkConfig({ tokenSecret: secret, apiKeys: [`${secret} `], port: -1, keys: [{ alg: secret }] }, 'it'),
    )
    for (const field of ['port: ', 'keys[0]: ']) expect(error.message).toContain(field)
    expect(`${error.message}${error.stack}${JSON.stringify(error)}`).not.toContain(secret)
    const later = await failure(() => checkConfig({ tokenSecret: secret, apiKeys: [`${secret} `] }, 'it'))
    for (const field of ['tokenSecret: ', 'apiKeys[0]: ']) expect(later.message).toContain(field)
    expect(`${later.message}${later.stack}${JSON.stringify(later)}`).not.toContain(secret)
  })

  it('makes a gatekeeper that does as it says', async () => {
    const config = checkConfig(
      { tokenSecret: SECRET, namespace: 'shop', channels: { '*': { subscribe: 'anyone' } } },
      '',
    )
    const keeper = new JwtGatekeeper(gatekeeperOptions(config))
    const token = await mintToken({ secret: SECRET, userId: 'alice', expiresAt: new Date(Date.now() + 5_000) })
    const user = await keeper.connect(token)
    expect(user.userId).toBe('alice')
    const may = (channel: string) => keeper.allows('subscribe', channel, user)
    expect([await may('news'), await may('shop:joins:x'), await may('notifications:user:bob')]).toEqual([
      true,
      false,
      false,
    ])
    expect(() => new JwtGatekeeper(gatekeeperOptions({}))).toThrow('nobody could connect')
  })
})

describe('the file', () => {
  it('need not be there', async () => {
    expect(await load()).toEqual({ config: {}, file: undefined })
  })

  it.each([
    ['tidings.config.json', JSON.stringify({ port: 1, tokenSecret: SECRET })],
    ['tidings.config.mjs', `export default { port: 1, tokenSecret: '${SECRET}' }`],
    ['tidings.config.js', `module.exports = { port: 1, tokenSecret: '${SECRET}' }`],
  ])('is found: %s', async (name, text) => {
    const file = write(name, text)
    expect(await load()).toEqual({ config: { port: 1, tokenSecret: SECRET }, file })
  })

  it('may be given instead', async () => {
    write('tidings.config.json', '{"port":1}')
    const file = write('other.json', '{"port":2}')
    expect(await load({}, 'other.json')).toEqual({ config: { port: 2 }, file })
    expect((await failure(() => load({}, 'none.json'))).message).toContain('There is no ')
  })

  it('must be the only one', async () => {
    write('tidings.config.json', '{}')
    write('tidings.config.mjs', 'export default {}')
    expect((await failure(() => load())).message).toContain('tidings.config.mjs and tidings.config.json')
  })

  it.each([
    ['tidings.config.json', `{"tokenSecret":"${SECRET}",}`, 'tidings.config.json is not JSON.'],
    ['tidings.config.mjs', 'export const port = 1', 'tidings.config.mjs has no default export.'],
    ['tidings.config.mjs', 'throw new Error("no vault")', 'tidings.config.mjs cannot be run: no vault'],
    ['tidings.config.mjs', 'export default { prot: 1 }', 'tidings.config.mjs cannot be used. prot: there is no such'],
  ])('is refused by its name: %s with %s', async (name, text, message) => {
    write(name, text)
    const error = await failure(() => load())
    expect(error.message).toContain(message)
    expect(error.message).not.toContain(SECRET)
  })

  it.each(['ts', 'mts'])('may be TypeScript (%s) where Node runs it, and else says so', async (ending) => {
    write(`tidings.config.${ending}`, 'const port: number = 1\nexport default { port }')
    if ((process.features as { typescript?: unknown }).typescript) {
      expect((await load()).config).toEqual({ port: 1 })
    } else {
      const { message } = await failure(() => load())
      expect(message).toContain(`tidings.config.${ending} is TypeScript, which Node ${process.versions.node} does not`)
      expect(message).toContain('tidings.config.mjs')
    }
  })
})

describe('the environment', () => {
  const env = {
    REDIS_URL: 'redis://r:1',
    PORT: '9000',
    TIDINGS_TOKEN_SECRET: OTHER,
    TIDINGS_API_KEY: 'a-key-of-the-environment',
    TIDINGS_ORIGINS: 'https://a.example, https://b.example',
  }

  it('wins over the file, field by field', async () => {
    const written = {
      port: 1,
      host: '0.0.0.0',
      tokenSecret: SECRET,
      origins: ['https://c.example'],
      redis: 'redis://x',
    }
    write('tidings.config.json', JSON.stringify(written))
    expect((await load(env)).config).toEqual({
      host: '0.0.0.0',
      redis: 'redis://r:1',
      port: 9_000,
      tokenSecret: OTHER,
      apiKeys: ['a-key-of-the-environment'],
      origins: ['https://a.example', 'https://b.example'],
    })
    expect((await load({ PORT: '', TIDINGS_ORIGINS: '' })).config).toEqual(written)
  })

  it.each([
    ['PORT', 'eighty'],
    ['PORT', '-1'],
    ['PORT', '99999'],
    ['TIDINGS_TOKEN_SECRET', 'a-short-secret'],
    ['TIDINGS_API_KEY', 'short-key'],
    ['TIDINGS_ORIGINS', '*'],
    ['TIDINGS_ORIGINS', 'https://a.example,,'],
  ])('is refused by the name of the variable: %s=%s', async (name, value) => {
    const { message } = await failure(() => load({ [name]: value }))
    expect(message).toContain(`The configuration cannot be used. ${name}: `)
    if (!name.endsWith('ORIGINS') && name !== 'PORT') expect(message).not.toContain(value)
  })
})
