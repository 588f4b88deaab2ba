import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'
import { JwtGatekeeper } from '../../src/gateway/auth/jwt-gatekeeper.ts'
import type { TokenKey } from '../../src/gateway/auth/token-key.ts'

const SECRET = 'a secret of more than thirty-two bytes'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-token-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

/** Runs one command line in this process; resolves to what it printed. */
async function run(args: readonly string[], env: Record<string, string> = { TIDINGS_TOKEN_SECRET: SECRET }) {
  vi.spyOn(process, 'cwd').mockReturnValue(directory)
  vi.stubEnv('TIDINGS_TOKEN_SECRET', '')
  vi.stubEnv('PORT', '')
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  let out = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  await createProgram().parseAsync(['node', 'tidings', 'token', ...args])
  return out
}
const keeper = (key: TokenKey = { alg: 'HS256', secret: SECRET }, more = {}) =>
  new JwtGatekeeper({ keys: [key], ...more })

describe('tidings token', () => {
  it('makes a token that is good for an hour', async () => {
    const user = await keeper().connect((await run(['user123'])).trimEnd())
    expect(user.userId).toBe('user123')
    const left = user.expiresAtMs! - Date.now()
    expect(left).toBeGreaterThan(3_590_000)
    expect(left).toBeLessThanOrEqual(3_601_000)
  })

  it('puts into it what it is told', async () => {
    const args = ['ada', '--ttl', '10m', '--info', '{"name":"Ada"}', '--claim', 'rooms=["a"]', '--claim', 'role="x=y"']
    const user = await keeper().connect((await run(args)).trimEnd())
    expect(user).toMatchObject({ userId: 'ada', info: { name: 'Ada' }, claims: { rooms: ['a'], role: 'x=y' } })
    expect(user.expiresAtMs! - Date.now()).toBeLessThanOrEqual(601_000)
  })

  it('makes a token for one channel', async () => {
    const token = (await run(['ada', '--channel', 'seats:4'])).trimEnd()
    const given = await keeper().subscription(token, 'seats:4', { userId: 'ada', claims: {} })
    expect(given.expiresAtMs).toBeGreaterThan(Date.now())
    await expect(keeper().connect(token)).rejects.toThrow('unauthorized')
  })

  it('says when it ends with --json', async () => {
    const line = JSON.parse(await run(['ada', '--json']))
    expect(Object.keys(line)).toEqual(['userId', 'token', 'expiresAt'])
    expect((await keeper().connect(line.token)).userId).toBe(line.userId)
  })

  it('takes secret, kid, issuer and audience from the file', async () => {
    const key: TokenKey = { alg: 'HS256', secret: SECRET, kid: 'k1', issuer: 'https://me' }
    const file = join(directory, 'mine.json')
    writeFileSync(file, JSON.stringify({ keys: [key], audience: ['a', 'b'] }))
    const token = (await run(['ada', '--config', file], {})).trimEnd()
    expect((await keeper(key, { audience: 'a' }).connect(token)).userId).toBe('ada')
  })

  it.each([
    [['ada'], {}, 'There is no secret to sign with'],
    [['ada'], { TIDINGS_TOKEN_SECRET: 'short' }, 'TIDINGS_TOKEN_SECRET: A secret must have'],
    [['a{b}'], undefined, 'This cannot be a user id'],
    [['ada', '--claim', 'role'], undefined, 'It must be a name, = and JSON'],
    [['ada', '--claim', 'role=admin'], undefined, 'A text needs its own quotes'],
    [['ada', '--claim', 'sub="bob"'], undefined, 'sub is set by other options'],
    [['ada', '--ttl', 'forever'], undefined, 'It must be a time to come'],
    [['ada', '--info', '{'], undefined, 'It must be JSON'],
  ])('says what is wrong: %j', async (args, env, message) => {
    await expect(run(args, env)).rejects.toThrow(message)
  })
})
