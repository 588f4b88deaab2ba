import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'

interface Bundle {
  readonly gzipBytes: number
  readonly inputs: readonly string[]
  readonly text: string
}

const ROOT = resolve(import.meta.dirname, '../..')
let bundles: Record<string, Bundle>

beforeAll(() => {
  const script = join(ROOT, 'scripts/bundle-size.mjs')
  const { stdout, stderr } = spawnSync(process.execPath, [script, '--json'], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  expect(stderr).toBe('')
  bundles = JSON.parse(stdout)
})

describe('the bundle', () => {
  it.each([
    ['tidings/client', 32, ['src/client/', 'src/protocol/', 'node_modules/centrifuge/']],
    ['tidings/http', 2, ['src/http/']],
  ])('of %s has at most %d KB gzipped, and nothing of a server', (name, limit, allowed) => {
    const { gzipBytes, inputs, text } = bundles[name]!
    expect(gzipBytes).toBeLessThanOrEqual(limit * 1024)
    expect(inputs.filter((input) => !allowed.some((folder) => input.startsWith(folder)))).toEqual([])
    // Each of the folders is really looked at.
    for (const folder of allowed) expect(inputs.some((input) => input.startsWith(folder))).toBe(true)
    expect(text).not.toMatch(/["'`]node:/)
    expect(text).not.toMatch(/\bimport\s*[{*(]|\brequire\(/)
  })

  it.each([
    ['tidings/client', ['ClientError', 'createClient']],
    ['tidings/http', ['HttpError', 'createHttp']],
  ])('of %s is a module that loads by itself', async (name, names) => {
    const url = `data:text/javascript;base64,${Buffer.from(bundles[name]!.text).toString('base64')}`
    expect(Object.keys(await import(url)).sort()).toEqual(names)
  })
})
