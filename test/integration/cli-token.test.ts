import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { JwtGatekeeper } from '../../src/gateway/auth/jwt-gatekeeper.ts'
import { killRuns, runCli } from '../support/cli.ts'

const SECRET = 'a secret of more than thirty-two bytes'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-cli-token-'))
})
afterEach(() => {
  killRuns()
  rmSync(directory, { recursive: true })
})

it('tidings token prints a token that the gateway takes', async () => {
  const { code, stdout, stderr } = await runCli(['token', 'ada'], { env: { TIDINGS_TOKEN_SECRET: SECRET } })
  expect([code, stderr]).toEqual([0, ''])
  const keeper = new JwtGatekeeper({ keys: [{ alg: 'HS256', secret: SECRET }] })
  expect((await keeper.connect(stdout.trimEnd())).userId).toBe('ada')
})

it('tidings token says how to name a file that Node does not take for a module', async () => {
  writeFileSync(join(directory, 'package.json'), '{"type":"commonjs"}')
  const file = join(directory, 'tidings.config.js')
  writeFileSync(file, `export default { tokenSecret: '${SECRET}' }`)
  const { code, stdout, stderr } = await runCli(['token', 'ada', '--config', file])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain('If it is a module, name it tidings.config.mjs.')
  expect(stderr).not.toContain(SECRET)
})
