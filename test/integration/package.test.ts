import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import * as source from '../../src/index.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
const node = (...args: string[]) => run(process.execPath, args, { cwd: root })

test("the built package exports what its source does, to import and to require('tidings')", async () => {
  const names = Object.keys(source).toSorted().join()
  const imported = await node(
    '--input-type=module',
    '-e',
    "console.log(Object.keys(await import('tidings')).sort().join())",
  )
  const required = await node(
    '--input-type=commonjs',
    '-e',
    "console.log(Object.keys(require('tidings')).sort().join())",
  )
  expect(imported.stdout.trim()).toBe(names)
  expect(
    required.stdout
      .trim()
      .split(',')
      .filter((name) => name !== '__esModule')
      .join(),
  ).toBe(names)
})

test('a bundle for browsers is stopped with a sentence that says why', async () => {
  const importing = node('--conditions=browser', '--input-type=module', '-e', "await import('tidings')")
  await expect(importing).rejects.toMatchObject({ stderr: expect.stringContaining('cannot be bundled for a browser') })
})

test('what is packed holds the build, the documents and nothing of the tests', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root })
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }]
  const paths = files.map(({ path }) => path)
  expect(paths).toEqual(
    expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js', 'README.md', 'LICENSE']),
  )
  expect(paths.filter((path) => /^(src|test|bench|scripts|examples)\//.test(path))).toEqual([])
})

test('the lock file names no host that packages come from', () => {
  expect(readFileSync(`${root}/package-lock.json`, 'utf8')).not.toContain('"resolved"')
})
