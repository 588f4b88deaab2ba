import { describe, expect, test } from 'vitest'
import { fromByteString, toByteString } from '../../src/core/byte-string.ts'
import { compileGlob, escapeGlob } from '../../src/core/glob.ts'

/** `[pattern, what it matches, what it does not]`; each row as redis-server 7.0.15 on x86-64 answers. */
const table: readonly (readonly [pattern: string, matching: readonly string[], others: readonly string[]])[] = [
  ['', [''], ['a']],
  ['*', ['a', 'abc', 'é', '*'], ['']],
  ['**', ['a', 'ab'], ['']],
  ['a', ['a'], ['', 'b', 'aa', 'A']],
  ['a*', ['a', 'ab', 'a*'], ['', 'ba']],
  ['*a', ['a', 'ba', 'aa'], ['', 'ab']],
  ['a*a', ['aa', 'aba'], ['a', 'ab']],
  ['a**c', ['ac', 'abbc'], ['a']],
  ['*a*b', ['ab', 'xaxb', 'abab'], ['ba', 'aba']],
  ['h?llo', ['hello', 'h?llo'], ['hllo', 'heello']],
  ['?', ['a'], ['', 'é', 'ab']],
  ['??', ['é', 'ab'], ['a']],
  ['[abc]', ['a', 'c'], ['d', 'ab', '[abc]']],
  ['[^a]', ['b', '^'], ['a', '']],
  ['[a^]', ['a', '^'], ['b']],
  ['[a-c]', ['a', 'b', 'c'], ['d', '-']],
  ['[c-a]', ['a', 'b', 'c'], ['d', '-']],
  ['[a-]', ['a', ']', '_'], ['-', 'b']],
  ['[a-', ['a', '-'], ['b']],
  ['[-a]', ['-', 'a'], ['b', ']']],
  ['[--a]', ['-', '0', 'a'], ['b', ',']],
  ['[]', [], ['', ']', '[]', 'a']],
  ['[^]', ['a', ']'], ['', 'ab']],
  ['[]a]', [], [']', 'a', 'a]']],
  ['[', [], ['', '[']],
  ['[^', ['a', '['], ['', 'ab']],
  ['[abc', ['a', 'c'], ['d', '[abc']],
  ['[\\]]', [']'], ['\\', '\\]', 'a']],
  ['[\\', ['\\'], ['[', '[\\']],
  ['[a\\', ['a', '\\'], ['b']],
  ['[a-\\c]', ['a', '\\', ']', 'c'], ['b', '-']],
  ['[\\a-z]', ['a', '-', 'z'], ['b', '\\']],
  ['a]b', ['a]b'], ['ab']],
  ['\\*', ['*'], ['a', '\\*']],
  ['\\a', ['a'], ['\\a']],
  ['\\\\', ['\\'], ['\\\\']],
  ['a\\', ['a\\'], ['a']],
  ['\\', ['\\'], ['']],
  ['grün:*', ['grün:1'], ['grun:1', 'gr:1']],
  ['[é]', [], ['é']],
  ['[é][é]', ['é'], ['e']],
  ['[a-é]*', ['a', 'A', '0', 'é'], ['b', 'z']],
]

describe('glob', () => {
  for (const [pattern, matching, others] of table) {
    test(`${JSON.stringify(pattern)} matches as in Redis`, () => {
      const glob = compileGlob(pattern)
      for (const name of matching) expect([name, glob.matches(toByteString(name))]).toEqual([name, true])
      for (const name of others) expect([name, glob.matches(toByteString(name))]).toEqual([name, false])
    })
  }

  test.each([
    ['user:*', 'user:', '', true, 5],
    ['*:evt', '', ':evt', true, 4],
    ['user:*:evt', 'user:', ':evt', true, 9],
    ['a**b', 'a', 'b', true, 2],
    ['*', '', '', true, 1],
    ['plain', 'plain', '', false, 5],
    ['', '', '', false, 0],
    ['a?b', 'a', 'b', false, 3],
    ['a*b*c', 'a', 'c', false, 3],
    ['a[xy]*', 'a', '', false, 2],
    ['\\*a\\?*\\[', '*a?', '[', true, 4],
    ['é*ü', 'Ã©', 'Ã¼', true, 4],
  ])('%s tells its literal ends as bytes', (pattern, prefix, suffix, simple, minLength) => {
    expect(compileGlob(pattern)).toMatchObject({ source: pattern, prefix, suffix, simple, minLength })
  })

  test('a hostile pattern takes no longer than its length times the name', () => {
    const glob = compileGlob(`${'*a'.repeat(500)}*b`)
    const started = performance.now()
    expect(glob.matches('a'.repeat(1024))).toBe(false)
    expect(glob.matches(`${'a'.repeat(1023)}b`)).toBe(true)
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  test('an escaped text matches itself and nothing else', () => {
    for (const text of ['a', '*', 'a?b', '[x]', '\\', '\\*', 'a[^b-c]*\\', 'é*']) {
      const glob = compileGlob(escapeGlob(text))
      expect(glob.prefix).toBe(toByteString(text))
      expect(glob.matches(toByteString(text))).toBe(true)
      expect(glob.matches(`${toByteString(text)}x`)).toBe(false)
      expect(compileGlob(`${escapeGlob(text)}:*`).matches(`${toByteString(text)}:1`)).toBe(true)
    }
  })
})

test('a byte string has one character per UTF-8 byte and leads back to the text', () => {
  expect(toByteString('abc')).toBe('abc')
  expect(toByteString('é€😀')).toHaveLength(2 + 3 + 4)
  for (const text of ['', 'abc', 'é€😀', '\0\x7f\x80ÿ']) expect(fromByteString(toByteString(text))).toBe(text)
  expect(fromByteString('\xff')).toBe('\ufffd')
})
