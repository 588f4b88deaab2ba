import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, SignJWT } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import { JwtGatekeeper, type JwtGatekeeperOptions } from '../../src/gateway/auth/jwt-gatekeeper.ts'
import { mintToken } from '../../src/gateway/auth/mint-token.ts'
import type { TokenKey } from '../../src/gateway/auth/token-key.ts'
import type { GatewayUser } from '../../src/gateway/contract.ts'

const SECRET = 'a secret of more than thirty-two bytes'
const HS256: TokenKey = { alg: 'HS256', secret: SECRET }
const ALICE: GatewayUser = { userId: 'alice', claims: {} }

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const ed = generateKeyPairSync('ed25519')
const pem = (key: KeyObject): string => String(key.export({ type: 'spki', format: 'pem' }))

const seconds = (fromNow: number): number => Math.floor(Date.now() / 1_000) + fromNow
const gatekeeper = (options: Partial<JwtGatekeeperOptions> = {}) => new JwtGatekeeper({ keys: [HS256], ...options })

interface Signing {
  readonly alg?: string
  readonly key?: KeyObject | Uint8Array
  readonly header?: Record<string, unknown>
}

const sign = (claims: Record<string, unknown> = {}, { alg = 'HS256', key, header }: Signing = {}): Promise<string> =>
  new SignJWT({ sub: 'alice', exp: seconds(60), ...claims })
    .setProtectedHeader({ alg, ...header })
    .sign(key ?? Buffer.from(SECRET))

/** A token with any header at all, signed as HS256 is with any key. */
function forge(header: unknown, claims: unknown, key: string | Buffer = SECRET): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const body = `${part(header)}.${part(claims)}`
  return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`
}

/** How a call failed, as a client is told. */
const refusal = async (call: Promise<unknown>): Promise<number | string> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error === undefined) return 'accepted'
  return (error as { error?: { code: number } }).error?.code ?? `thrown: ${String(error)}`
}
const connecting = (token: string | undefined, options?: Partial<JwtGatekeeperOptions>) =>
  refusal(gatekeeper(options).connect(token))

describe('tokens that are good', () => {
  it.each([
    ['HS256', HS256, Buffer.from(SECRET)],
    ['RS256', { alg: 'RS256', publicKey: pem(rsa.publicKey) }, rsa.privateKey],
    ['ES256', { alg: 'ES256', publicKey: pem(ec.publicKey) }, ec.privateKey],
    ['EdDSA', { alg: 'EdDSA', publicKey: ed.publicKey.export({ format: 'jwk' }) }, ed.privateKey],
  ] as const)('are told by %s', async (alg, key, signingKey) => {
    const user = await gatekeeper({ keys: [key] }).connect(await sign({}, { alg, key: signingKey }))
    expect(user.userId).toBe('alice')
    // And by no other key.
    const token = await sign({}, { alg: alg === 'EdDSA' ? 'HS256' : alg, key: signingKeyOther(alg) })
    expect(await connecting(token, { keys: [key] })).toBe(101)
  })

  it('say who the user is, until when, what is shown of it, and where it is subscribed', async () => {
    const exp = seconds(60)
    const token = await sign({ exp, info: { name: 'Ada' }, channels: ['news', 'a', 'news'], role: 'admin' })
    expect(await gatekeeper().connect(token)).toMatchObject({
      userId: 'alice',
      expiresAtMs: exp * 1_000,
      info: { name: 'Ada' },
      channels: ['news', 'a'],
      claims: { role: 'admin', sub: 'alice' },
    })
  })

  it('are made by mintToken', async () => {
    const expiresAt = new Date(Date.now() + 5_000)
    const token = await mintToken({ secret: SECRET, userId: 'bob', expiresAt, claims: { rooms: ['x'] }, info: 1 })
    const user = await gatekeeper().connect(token)
    expect(user).toMatchObject({ userId: 'bob', info: 1, claims: { rooms: ['x'] } })
    expect(user.claims.iat).toBeTypeOf('number')
  })

  it('may be signed with any of several keys, of which kid chooses', async () => {
    const keys: TokenKey[] = [
      { alg: 'HS256', secret: `old ${SECRET}`, kid: 'old' },
      { alg: 'HS256', secret: SECRET, kid: 'new' },
    ]
    expect(await connecting(await sign({}, { header: { kid: 'new' } }), { keys })).toBe('accepted')
    expect(await connecting(await sign({}, { header: { kid: 'old' } }), { keys })).toBe(101)
    expect(await connecting(await sign(), { keys })).toBe(101)
  })
})

function signingKeyOther(alg: string): KeyObject | Uint8Array {
  if (alg === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
  return Buffer.from(`another ${SECRET}`)
}

describe('tokens that are refused', () => {
  const claims = { sub: 'alice', exp: seconds(60) }

  it('with the algorithm none, signed or not', async () => {
    const body = forge({ alg: 'none' }, claims).split('.').slice(0, 2).join('.')
    expect(await connecting(`${body}.`)).toBe(101)
    for (const alg of ['none', 'None', 'NONE', '', null, undefined, 1, ['HS256'], { toString: 'HS256' }]) {
      expect(await connecting(forge({ alg }, claims))).toBe(101)
    }
  })

  it('with an RSA key that is used as the secret of HS256', async () => {
    const publicKey = pem(rsa.publicKey)
    const keys: TokenKey[] = [{ alg: 'RS256', publicKey }]
    const der = rsa.publicKey.export({ type: 'spki', format: 'der' })
    for (const key of [publicKey, publicKey.trim(), der]) {
      expect(await connecting(forge({ alg: 'HS256' }, claims, key), { keys })).toBe(101)
      expect(await connecting(forge({ alg: 'RS256' }, claims, key), { keys })).toBe(101)
    }
    expect(() => gatekeeper({ keys: [{ alg: 'HS256', secret: publicKey }] })).toThrow('must not be a public key')
  })

  it('with another algorithm than that of the key', async () => {
    for (const alg of ['HS384', 'HS512']) {
      const key = Buffer.from(`${SECRET} that is long enough for the longest of the hashes`)
      const keys: TokenKey[] = [{ alg: 'HS256', secret: String(key) }]
      expect(await connecting(await sign({}, { alg, key }), { keys })).toBe(101)
    }
    const keys: TokenKey[] = [{ alg: 'RS256', publicKey: pem(rsa.publicKey) }]
    expect(await connecting(await sign({}, { alg: 'PS256', key: rsa.privateKey }), { keys })).toBe(101)
  })

  it('that bring their own key, or extensions that nobody knows', async () => {
    const own = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    const jwk = await exportJWK(own.publicKey)
    const keys: TokenKey[] = [{ alg: 'RS256', publicKey: pem(rsa.publicKey) }]
    for (const header of [{ jwk }, { jku: 'http://127.0.0.1:1/keys' }, { x5u: 'http://127.0.0.1:1/cert' }]) {
      expect(await connecting(await sign({}, { alg: 'RS256', key: own.privateKey, header }), { keys })).toBe(101)
    }
    expect(await connecting(forge({ alg: 'HS256', crit: ['x'], x: 1 }, claims))).toBe(101)
  })

  it('with the wrong issuer or audience, or none', async () => {
    const options = { issuer: 'https://issuer', audience: ['here', 'there'] }
    expect(await connecting(await sign({ iss: 'https://issuer', aud: 'here' }), options)).toBe('accepted')
    expect(await connecting(await sign({ iss: 'https://issuer', aud: ['x', 'there'] }), options)).toBe('accepted')
    expect(await connecting(await sign({ iss: 'https://other', aud: 'here' }), options)).toBe(101)
    expect(await connecting(await sign({ iss: 'https://issuer', aud: 'elsewhere' }), options)).toBe(101)
    expect(await connecting(await sign({ aud: 'here' }), options)).toBe(101)
    expect(await connecting(await sign({ iss: 'https://issuer' }), options)).toBe(101)
  })

  it('without an end, or with one that is no date', async () => {
    for (const exp of [undefined, null, 'never', String(seconds(60)), 1e18, {}]) {
      expect(await connecting(forge({ alg: 'HS256' }, { sub: 'alice', exp }))).toBe(101)
    }
    const infinite = forge({ alg: 'HS256' }, {}).split('.')[0]
    const body = `${infinite}.${Buffer.from('{"sub":"alice","exp":1e999}').toString('base64url')}`
    const mac = createHmac('sha256', SECRET).update(body).digest('base64url')
    expect(await connecting(`${body}.${mac}`)).toBe(101)
  })

  it('once they are over, as expired, but only if they were good', async () => {
    expect(await connecting(await sign({ exp: seconds(-1) }))).toBe(109)
    expect(await connecting(await sign({ exp: seconds(-1) }, { key: Buffer.from(`not ${SECRET}`) }))).toBe(101)
    expect(await connecting(await sign({ exp: seconds(-1), iss: 'x' }), { issuer: 'y' })).toBe(101)
    expect(await connecting(await sign({ nbf: seconds(60) }))).toBe(101)
  })

  it('beyond the leeway, which is at most five seconds', async () => {
    expect(await connecting(await sign({ exp: seconds(-2) }), { leewaySeconds: 5 })).toBe('accepted')
    expect(await connecting(await sign({ exp: seconds(-7) }), { leewaySeconds: 5 })).toBe(109)
    for (const leewaySeconds of [5.1, 60, -1, Number.NaN]) expect(() => gatekeeper({ leewaySeconds })).toThrow('0 to 5')
  })

  it('without a user, or with one that can be none', async () => {
    for (const sub of [undefined, '', 1, null, ['alice'], 'a{b}', 'a\nb', 'a\0b', 'x'.repeat(257), '\ud800']) {
      expect([sub, await connecting(forge({ alg: 'HS256' }, { sub, exp: seconds(60) }))]).toEqual([sub, 101])
    }
  })

  it('with channels that are none, or that are nobody’s', async () => {
    for (const channels of [
      'news',
      [1],
      [''],
      ['a\r\nb'],
      ['__proto__'],
      ['tidings:joins:x'],
      ['notifications:user:bob'],
    ]) {
      expect([channels, await connecting(await sign({ channels }))]).toEqual([channels, 101])
    }
  })

  it('that are no tokens', async () => {
    for (const token of ['', '.', '..', '...', 'a.b.c', '{}', 'é.é.é', `${'a'.repeat(20_000)}.b.c`, '\0']) {
      expect(await connecting(token)).toBe(101)
    }
  })

  it('as token to connect where they are for one channel', async () => {
    expect(await connecting(await sign({ channel: 'news' }))).toBe(101)
  })
})

describe('no token', () => {
  it('is refused, unless anybody may come', async () => {
    expect(await connecting(undefined)).toBe(101)
    expect(await gatekeeper({ anonymous: true }).connect(undefined)).toEqual({ userId: '', claims: {} })
    expect(await connecting('bad', { anonymous: true })).toBe(101)
    expect(() => gatekeeper({ keys: [] })).toThrow('nobody could connect')
  })
})

describe('subscription tokens', () => {
  const subscribing = async (claims: Record<string, unknown>, channel = 'news', user = ALICE) =>
    refusal(gatekeeper().subscription(await sign(claims), channel, user))

  it('open the one channel that they name, to the user whom they name', async () => {
    const exp = seconds(60)
    const token = await sign({ channel: 'news', info: { seat: 4 }, exp })
    const given = await gatekeeper().subscription(token, 'news', ALICE)
    expect(given).toEqual({ expiresAtMs: exp * 1_000, info: { seat: 4 } })
    expect(await subscribing({ channel: 'news' }, 'other')).toBe(101)
    expect(await subscribing({ channel: 'news' }, 'news', { userId: 'bob', claims: {} })).toBe(101)
    expect(await subscribing({ channel: 'news' }, 'news', { userId: '', claims: {} })).toBe(101)
  })

  it('are refused without a channel, with several or a pattern, and once they are over', async () => {
    expect(await subscribing({})).toBe(101)
    expect(await subscribing({ channel: ['news'] })).toBe(101)
    expect(await subscribing({ channel: '*' })).toBe(101)
    expect(await subscribing({ channels: ['news'] })).toBe(101)
    expect(await subscribing({ channel: 'news', exp: seconds(-1) })).toBe(109)
  })

  it('do not open what is nobody’s', async () => {
    expect(await subscribing({ channel: 'notifications:user:bob' }, 'notifications:user:bob')).toBe(101)
    expect(await subscribing({ channel: 'tidings:x' }, 'tidings:x')).toBe(101)
  })
})

describe('keys', () => {
  it.each([
    ['a short secret', { alg: 'HS256', secret: 'x'.repeat(31) }, '32 bytes'],
    ['an algorithm that is not known', { alg: 'none', publicKey: '' }, 'must be HS256'],
    [
      'a private key',
      { alg: 'ES256', publicKey: String(ec.privateKey.export({ type: 'pkcs8', format: 'pem' })) },
      'private',
    ],
    ['a private JWK', { alg: 'EdDSA', publicKey: ed.privateKey.export({ format: 'jwk' }) }, 'private'],
    ['a key of another kind', { alg: 'ES256', publicKey: pem(rsa.publicKey) }, 'P-256'],
    [
      'a weak key',
      { alg: 'RS256', publicKey: pem(generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey) },
      '2,048',
    ],
    ['no key at all', { alg: 'RS256', publicKey: 'hello' }, 'PEM or JWK'],
    ['keys over plain http', { alg: 'RS256', jwksUrl: 'http://example.com/keys', issuer: 'x' }, 'https'],
    ['keys of a provider without an issuer', { alg: 'RS256', jwksUrl: 'https://example.com/keys' }, 'issuer'],
    ['a secret whose variable is not set', { alg: 'HS256', secret: process.env.TIDINGS_NOT_SET }, 'variable set'],
    ['a secret for RS256', { alg: 'RS256', secret: SECRET }, 'no "secret"'],
  ])('are refused: %s', (_, key, why) => {
    const thrown = (() => {
      try {
        gatekeeper({ keys: [key as TokenKey] })
        return ''
      } catch (error) {
        return String(error)
      }
    })()
    expect(thrown).toContain(why)
    expect(thrown).not.toContain('BEGIN')
    expect(thrown).not.toContain(SECRET)
  })
})

describe('keys of an identity provider', () => {
  let server: Server | undefined
  afterEach(async () => {
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)))
    server = undefined
  })

  /** Serves keys, and counts how often they were asked for. */
  async function provider(answer: () => { status?: number; keys?: unknown[] }) {
    const asked: string[] = []
    server = createServer((request, response) => {
      asked.push(request.url!)
      const { status = 200, keys = [] } = answer()
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
      response.end(JSON.stringify({ keys }))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server!.once('listening', resolve))
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`, asked }
  }
  const jwk = async (key: KeyObject, kid: string) => ({ ...(await exportJWK(key)), kid, use: 'sig' })

  it('are asked for once, found by kid, and bound to the issuer', async () => {
    const keys = [await jwk(rsa.publicKey, 'one'), await jwk(ec.publicKey, 'two')]
    const { url, asked } = await provider(() => ({ keys }))
    const keeper = gatekeeper({
      keys: [
        { alg: 'RS256', jwksUrl: url, issuer: 'https://a' },
        { alg: 'HS256', secret: SECRET, issuer: 'https://b' },
      ],
    })
    const token = (iss: string, kid = 'one') => sign({ iss }, { alg: 'RS256', key: rsa.privateKey, header: { kid } })
    for (let time = 0; time < 5; time += 1) {
      expect(await refusal(keeper.connect(await token('https://a')))).toBe('accepted')
    }
    expect(asked).toEqual(['/keys'])
    // A provider's key says nothing of another's users, and an unknown key does not have the keys fetched at once.
    expect(await refusal(keeper.connect(await token('https://b')))).toBe(101)
    expect(await refusal(keeper.connect(await token('https://a', 'three')))).toBe(101)
    expect(await refusal(keeper.connect(await sign({ iss: 'https://b' })))).toBe('accepted')
    expect(await refusal(keeper.connect(await sign({ iss: 'https://a' })))).toBe(101)
    expect(asked).toEqual(['/keys'])
    // The same set has a key for ES256, but that is not what was configured.
    const es = await sign({ iss: 'https://a' }, { alg: 'ES256', key: ec.privateKey, header: { kid: 'two' } })
    expect(await refusal(keeper.connect(es))).toBe(101)
  })

  it('that cannot be had make it an error of ours and not of the token', async () => {
    let status = 500
    const keys = [await jwk(rsa.publicKey, 'one')]
    const { url } = await provider(() => ({ status, keys }))
    const keeper = gatekeeper({ keys: [{ alg: 'RS256', jwksUrl: url, issuer: 'https://a' }] })
    const token = await sign({ iss: 'https://a' }, { alg: 'RS256', key: rsa.privateKey, header: { kid: 'one' } })
    const thrown = await refusal(keeper.connect(token))
    expect(thrown).toContain(`The keys at ${url} cannot be had`)
    expect(thrown).not.toContain(token.slice(0, 20))
    status = 200
    expect(await refusal(keeper.connect(token))).toBe('accepted')
  })
})

it('never says a part of a token, whatever is wrong with it', async () => {
  const tokens = [
    await sign({ exp: seconds(-1) }),
    await sign({ sub: '' }),
    await sign({}, { key: Buffer.from(`not ${SECRET}`) }),
    await sign({ channels: 7 }),
    'eyJhbGciOiJIUzI1NiJ9.c2VjcmV0c2VjcmV0.c2VjcmV0c2VjcmV0',
  ]
  for (const token of tokens) {
    const error = (await gatekeeper()
      .connect(token)
      .catch((thrown: unknown) => thrown)) as Error
    expect(error).toBeInstanceOf(Error)
    for (const text of [error.message, error.stack ?? '', JSON.stringify(error), String(error.cause ?? '')]) {
      for (const part of token.split('.')) expect(text).not.toContain(part)
    }
  }
})
