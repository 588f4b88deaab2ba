import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileGlob } from '../../src/core/glob.ts'
import type { Policies } from '../../src/core/policy.ts'
import { PolicyTable, readPolicies } from '../../src/core/policy-match.ts'

const kept = { history: { maxCount: 10 } }
const table = (policies: Policies) => new PolicyTable({ version: 1, policies })

describe('the policy of a channel', () => {
  const byBytes = (patterns: readonly string[], channel: string) =>
    table(Object.fromEntries(patterns.map((pattern, index) => [pattern, { maxBytes: index + 1 }]))).find(channel)
      ?.policy.maxBytes

  test.each([
    ['the longest literal prefix', ['*', 'order.*', 'o*'], 'order.1', 2],
    ['none where none matches', ['user.*'], 'order.1', undefined],
    ['on a tie the one without wildcard', ['a*', 'a'], 'a', 2],
    ['then the longer one', ['a*', 'a*b'], 'a.b', 2],
    ['then the alphabetically first', ['a*c?', 'a*?c'], 'a.cc', 2],
    ['an escaped star as a literal', ['a*', 'a\\*'], 'a*', 2],
    ['prefixes in bytes', ['é*', 'é?*'], 'éé', 2],
  ])('is %s', (_, patterns, channel, expected) => {
    expect(byBytes(patterns, channel)).toBe(expected)
  })

  test('names the log: its own, or the shared one', () => {
    const policies = table({ 'order.*': { ...kept, log: 'orders' }, 'user.*': kept })
    expect(policies.find('order.1')?.log).toEqual({ kind: 'shared', name: 'orders' })
    expect(policies.find('user.1')?.log).toEqual({ kind: 'channel', name: 'user.1' })
  })
})

describe('questions about patterns', () => {
  const policies = table({
    'order.*': kept,
    'order.private.*': { history: false },
    'audit.*': { ...kept, log: 'audit' },
    'user.1': kept,
  })

  test.each([
    ['order.*', true, false, []],
    ['order.public.*', true, true, []],
    ['order.private.*', true, false, []],
    ['order.p*', true, false, []],
    ['order.1', true, true, []],
    ['order.private.1', true, false, []],
    ['*', true, false, ['audit']],
    ['audit.*', true, true, ['audit']],
    ['a*', true, false, ['audit']],
    ['user.?', true, false, []],
    ['user.1', true, true, []],
    ['other.*', false, false, []],
    ['user.2', false, false, []],
  ])('%s: may log %s, is covered %s, shares %j', (pattern, may, covered, shared) => {
    expect([policies.mayLog(pattern), policies.coversLogged(pattern), policies.sharedLogs(pattern)]).toEqual([
      may,
      covered,
      shared,
    ])
  })

  test('answers about a pattern hold for every channel that it matches', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '[ab]'), minLength: 1, maxLength: 5 })
    const policy = fc.constantFrom({ history: false as const }, kept, { ...kept, log: 'x' }, { ...kept, log: 'y' })
    const channels = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 5 }))
    fc.assert(
      fc.property(fc.dictionary(pattern, policy, { maxKeys: 5 }), pattern, channels, (given, asked, names) => {
        const all = table(given)
        for (const name of names.filter((each) => compileGlob(asked).matches(each))) {
          const found = all.find(name)
          const logged = Boolean(found?.policy.history)
          if (logged) expect(all.mayLog(asked)).toBe(true)
          else expect(all.coversLogged(asked)).toBe(false)
          if (logged && found?.log.kind === 'shared') expect(all.sharedLogs(asked)).toContain(found.log.name)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('reading policies', () => {
  test('takes what is right as it is', () => {
    const policies = {
      'order.*': { history: { maxCount: 1, maxAgeMs: 2 }, log: 'orders', durability: { replicas: 1, timeoutMs: 5 } },
      'user.*': { history: false, maxBytes: 100 },
      '*': {},
    }
    expect(readPolicies(policies)).toEqual(policies)
  })

  test.each([
    ['UNKNOWN_OPTION', { p: { histroy: {} } }, /"p".*"histroy"/],
    ['UNKNOWN_OPTION', { p: { history: { count: 1 } } }, /"p".*"history".*"count"/],
    ['INVALID_OPTION', null, /object/],
    ['INVALID_OPTION', [], /object/],
    ['INVALID_OPTION', { p: 1 }, /"p"/],
    ['INVALID_OPTION', { p: { history: {} } }, /"p".*"history"/],
    ['INVALID_OPTION', { p: { history: true } }, /"p".*"history"/],
    ['INVALID_OPTION', { p: { history: { maxCount: 0 } } }, /"p".*"maxCount"/],
    ['INVALID_OPTION', { p: { history: { maxAgeMs: 1.5 } } }, /"p".*"maxAgeMs"/],
    ['INVALID_OPTION', { p: { maxBytes: '1' } }, /"p".*"maxBytes"/],
    ['INVALID_OPTION', { p: { log: 'x' } }, /"p".*"log" needs "history"/],
    ['INVALID_OPTION', { p: { history: false, log: 'x' } }, /"log" needs "history"/],
    ['INVALID_OPTION', { p: { ...kept, log: '' } }, /"p".*"log"/],
    ['INVALID_OPTION', { p: { durability: { replicas: 1 } } }, /"p".*"timeoutMs"/],
    ['INVALID_OPTION', { p: { durability: { replicas: 0, timeoutMs: 1 } } }, /"p".*"replicas"/],
    ['INVALID_OPTION', { '': {} }, /""/],
    ['INVALID_OPTION', JSON.parse('{"__proto__":{}}'), /__proto__/],
  ])('refuses with %s: %j', (code, value, message) => {
    expect(() => readPolicies(value)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })
})
