import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/gateway/contract.ts'
import { CLIENT_ERRORS, DISCONNECTS, UNSUBSCRIBES } from '../../src/protocol/codes.ts'

const docs = readFileSync(new URL('../../docs/gateway.md', import.meta.url), 'utf8')

/** The rows of the tables that begin with a code. */
const documented = [...docs.matchAll(/^\| (\d{3,4}) \| ([^|]+?) \|/gm)].map(([, code, text]) => `${code} ${text}`)

test('every code of the client protocol is in the docs, with its text, and no other', () => {
  const errors = Object.values(CLIENT_ERRORS).map(({ code, message }) => `${code} ${message}`)
  const reasons = [DISCONNECTS, UNSUBSCRIBES].flatMap((codes) =>
    Object.values(codes).map(({ code, reason }) => `${code} ${reason}`),
  )
  expect([...documented].sort()).toEqual([...errors, ...reasons].sort())
  expect(new Set(documented).size).toBe(documented.length)
})

test('every limit is in the docs with its default', () => {
  const limits = docs.slice(docs.indexOf('## Limits'), docs.indexOf('## Codes'))
  const rows = [...limits.matchAll(/^\| (`[^|]+) \| ([\d, ]+) \|/gm)].flatMap(([, names, values]) => {
    const numbers = values!.split(/, /).map((value) => Number(value.replaceAll(',', '')))
    return [...names!.matchAll(/`(\w+)`/g)].map(([, name], index) => [name, numbers[index]] as const)
  })
  expect(Object.fromEntries(rows)).toEqual(DEFAULT_LIMITS)
})

test('every file of tests that the docs name is there', () => {
  const security = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')
  const named = [
    ...security.slice(security.indexOf('## What is tested')).matchAll(/`((?:unit|integration|e2e|fuzz)\/[\w-]+)`/g),
  ]
  expect(named.length).toBeGreaterThan(30)
  const missing = named.filter(([, file]) => !existsSync(new URL(`../${file}.test.ts`, import.meta.url)))
  expect(missing.map(([, file]) => file)).toEqual([])
})
