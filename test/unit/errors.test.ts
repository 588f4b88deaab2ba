import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ERRORS } from '../../src/core/errors.ts'

test('docs/errors.md lists exactly the codes that there are, with the truth about retrying', () => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (yes|no) \| (.+?) \|/gm)]
  const documented = Object.fromEntries(rows.map(([, code, retryable]) => [code, { retryable: retryable === 'yes' }]))
  expect(documented).toEqual(ERRORS)
  expect(Object.keys(documented)).toEqual(Object.keys(documented).toSorted())
})
