import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toByteString } from '../../src/core/byte-string.ts'
import { compileGlob } from '../../src/core/glob.ts'
import { PatternIndex } from '../../src/core/pattern-index.ts'
import { RedisServer } from '../support/redis-server.ts'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)

const SPECIAL = ['*', '*', '?', '[', '[', ']', ']', '^', '-', '-', '\\']
const ASCII = ['a', 'a', 'b', 'c', 'z', '0', '_']
const BEYOND_ASCII = ['é', 'ü', '日', '\x7f', '\u0080']

let server: RedisServer
let patterns: string[]
let names: string[]

const bytes = (byteString: string) => Buffer.from(byteString, 'latin1')

/** Distinct samples; whole pieces such as `[a-c]` come up more often than chance would bring them. */
function samples(count: number, units: readonly string[], pieces: readonly string[], salt: number): string[] {
  const unit = fc.oneof(
    { arbitrary: fc.constantFrom(...units), weight: 4 },
    { arbitrary: fc.constantFrom(...pieces), weight: 1 },
  )
  const text = fc.array(unit, { maxLength: 7 }).map((parts) => parts.join(''))
  return [...new Set(fc.sample(text, { seed: seed + salt, numRuns: count }))]
}

beforeAll(async () => {
  console.log(`glob.test.ts: SEED=${seed}`)
  server = await RedisServer.start()
  // Where the server was built with unsigned chars (ARM Linux), ranges beyond ASCII mean something else there.
  await server.admin.set('probe:0', '')
  const signed = (await server.admin.keys('probe:[a-\u{e9}]')).length === 1
  const beyond = signed ? BEYOND_ASCII : []
  const pieces = ['[a-c]', '[c-a]', '[^a]', '[^', '[]', '[a-', '\\', '\\*', '**', '*a*', '[\\]a]', '[a-\\]', '--']
  patterns = samples(4_000, [...SPECIAL, ...ASCII, ...beyond], [...pieces, ...(signed ? ['[a-é]', '[ü-日]'] : [])], 1)
  patterns.push('', '*', '**', '[', '\\', '[^', `${'*a'.repeat(12)}*b`)
  names = samples(1_200, [...SPECIAL, ...ASCII, ...BEYOND_ASCII], ['aaa', 'ab', 'a-', '\\*'], 2).map(toByteString)
  // Bytes that are not UTF-8 are names too, and so is the empty string.
  names.push(...samples(200, ['a', '\x80', '\xff', '\xc3', '-'], ['\xc3\xa9'], 3), '', 'a'.repeat(500))
  names = [...new Set(names)]
  patterns = [...new Set(patterns)]
})

afterAll(() => server.stopWithoutLeaks())

test('matches what PUBSUB CHANNELS of a real server matches', async () => {
  const subscriber = server.admin.duplicate()
  try {
    await subscriber.subscribe(...names.map(bytes))
    let matches = 0
    for (let start = 0; start < patterns.length; start += 200) {
      const some = patterns.slice(start, start + 200)
      const answers = await Promise.all(some.map((pattern) => server.admin.callBuffer('PUBSUB', 'CHANNELS', pattern)))
      for (const [at, pattern] of some.entries()) {
        const expected = (answers[at] as Buffer[]).map((name) => name.toString('latin1')).sort()
        const actual = names.filter(compileGlob(pattern).matches).sort()
        matches += expected.length
        expect({ pattern, names: actual }).toEqual({ pattern, names: expected })
      }
    }
    console.log(`glob.test.ts: ${patterns.length} patterns, ${names.length} names, ${matches} matching pairs`)
    expect(matches).toBeGreaterThan(5_000)
  } finally {
    await subscriber.quit()
  }
})

test('matches, with the index too, what PSUBSCRIBE and PUBLISH of a real server match', async () => {
  const subscriber = server.admin.duplicate()
  try {
    const some = patterns.filter((_, at) => at % 4 === 0 || at > patterns.length - 8)
    const index = new PatternIndex<string>()
    for (const pattern of some) index.add(pattern, pattern)
    await subscriber.psubscribe(...some)
    const receivers = await Promise.all(names.map((name) => server.admin.publish(bytes(name), '')))
    for (const [at, name] of names.entries()) {
      const expected = { name, receivers: receivers[at] }
      expect({ name, receivers: some.filter((pattern) => compileGlob(pattern).matches(name)).length }).toEqual(expected)
      expect({ name, receivers: index.match(name).length }).toEqual(expected)
    }
    expect(receivers.reduce((sum, count) => sum + count)).toBeGreaterThan(1_000)
  } finally {
    await subscriber.quit()
  }
})
