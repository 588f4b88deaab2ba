import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { check, checkReceived, isSchema } from '../../src/messaging/schema.ts'

const place = { type: 'order', channel: 'events:order' }
const secret = 'secret-payload'

const libraries: [string, StandardSchemaV1, StandardSchemaV1][] = [
  ['zod', z.object({ a: z.object({ n: z.number() }) }), z.object({ n: z.number().refine(async (n) => n > 0) })],
  [
    'valibot',
    v.object({ a: v.object({ n: v.number() }) }),
    v.objectAsync({
      n: v.pipeAsync(
        v.number(),
        v.checkAsync(async (n) => n > 0),
      ),
    }),
  ],
]

describe.each(libraries)('a schema of %s', (_library, schema, asynchronous) => {
  it('gives its output at once', () => {
    expect(check(schema, place, { a: { n: 1 } })).toEqual({ value: { a: { n: 1 } } })
  })

  it('says where data does not fit, and keeps the data to itself', () => {
    const { error } = check(schema, place, { a: { n: secret } }) as { error: Error }
    expect(error).toMatchObject({
      code: 'INVALID_EVENT',
      context: { ...place, issues: [{ path: ['a', 'n'] }] },
    })
    expect(error.message).toContain('"order"')
    expect(error.message).toContain('a.n')
    expect(error.message).not.toContain(secret)
    for (const issue of (error as unknown as { context: { issues: object[] } }).context.issues) {
      expect(Object.keys(issue)).toEqual(['message', 'path'])
    }
  })

  it('may be asynchronous', async () => {
    expect(await check(asynchronous, place, { n: 1 })).toEqual({ value: { n: 1 } })
    expect(await check(asynchronous, place, { n: -1 })).toMatchObject({ error: { code: 'INVALID_EVENT' } })
  })
})

describe('a schema of arktype', () => {
  const schema = type({ a: { n: 'string.numeric.parse' } })

  it('is a function, and a schema all the same', () => {
    expect(typeof schema).toBe('function')
    expect(isSchema(schema)).toBe(true)
  })

  it('gives its output, or says where data does not fit', () => {
    expect(check(schema, place, { a: { n: '42' } })).toEqual({ value: { a: { n: 42 } } })
    expect(check(schema, place, { a: { n: 'x' } })).toMatchObject({
      error: { code: 'INVALID_EVENT', context: { issues: [{ path: ['a', 'n'] }] } },
    })
  })
})

function schemaOf(validate: (value: unknown) => unknown): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'test', validate: validate as () => { value: unknown } } }
}

describe('any schema', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['gives nothing', () => undefined],
    ['resolves to nothing', () => Promise.resolve(undefined)],
  ])('that %s is an INVALID_EVENT with its cause', async (_what, validate) => {
    const { error } = (await check(schemaOf(validate), place, 1)) as { error: Error }
    expect(error).toMatchObject({ code: 'INVALID_EVENT', context: place })
    expect(error.cause).toBeInstanceOf(Error)
  })

  it('may give a promise that is not of this realm', async () => {
    // biome-ignore lint/suspicious/noThenProperty: it is a thenable by intent
    const thenable = { then: (resolve: (result: unknown) => void) => resolve({ value: 5 }) }
    const checked = check(
      schemaOf(() => thenable),
      place,
      1,
    )
    expect(checked).toBeInstanceOf(Promise)
    expect(await checked).toEqual({ value: 5 })
  })

  it('names at most five places in the message', () => {
    const issues = Array.from({ length: 9 }, (_, n) => ({ message: 'no', path: [{ key: `k${n}` }, Symbol('s')] }))
    const { error } = check(
      schemaOf(() => ({ issues })),
      place,
      1,
    ) as { error: Error & { context: object } }
    expect(error.message).toContain('at k0.Symbol(s), k1.Symbol(s), k2.Symbol(s), k3.Symbol(s), k4.Symbol(s) ….')
    expect(error.context).toMatchObject({ issues: { length: 9 } })
  })

  it('takes back the undefined that had to travel as null', async () => {
    expect(checkReceived(z.undefined(), place, null)).toEqual({ value: undefined })
    expect(checkReceived(z.object({}).optional(), place, null)).toEqual({ value: undefined })
    expect(checkReceived(z.null(), place, null)).toEqual({ value: null })
    expect(checkReceived(z.nullish(z.string()), place, null)).toEqual({ value: null })
    expect(checkReceived(z.string(), place, null)).toMatchObject({ error: { code: 'INVALID_EVENT' } })
    expect(
      await checkReceived(
        z.undefined().refine(async () => true),
        place,
        null,
      ),
    ).toEqual({ value: undefined })
    expect(
      await checkReceived(
        z.string().refine(async () => true),
        place,
        null,
      ),
    ).toMatchObject({
      error: { code: 'INVALID_EVENT' },
    })
  })

  it.each([undefined, null, 1, 'schema', {}, { '~standard': {} }, { '~standard': { version: 2, validate() {} } }])(
    'is not %j',
    (value) => {
      expect(isSchema(value)).toBe(false)
    },
  )
})
