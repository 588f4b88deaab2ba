import fc from 'fast-check'
import { Command } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { PUBLISH, PUBLISH_CHANNEL } from '../../src/backends/redis/lua.generated.ts'
import { publishCall } from '../../src/backends/redis/publish-call.ts'

type Payload = string | Buffer

function call(...messages: readonly (readonly [channel: string, payload: Payload])[]): Buffer {
  const outgoing = messages.map(([channel, payload]) => ({ channel, payload, bytes: Buffer.byteLength(payload) }))
  return Buffer.from(publishCall(outgoing).toWritable({}))
}

/** What the client makes of the arguments by itself. */
function plain(...args: Payload[]): Buffer {
  return Buffer.from(new Command('eval', args).toWritable({}))
}

/** Halves of surrogate pairs too, which become three bytes each. */
const text = fc.string({ unit: fc.constantFrom('a', 'é', '\r\n', '€', '😀', '\ud83d', '\ude00', '\0'), maxLength: 8 })
const payload = fc.oneof(
  text,
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
)

describe('publish call', () => {
  test('names a channel once that all messages are on', () => {
    expect(call(['a', '1'], ['a', 'é']).toString()).toBe(plain(PUBLISH_CHANNEL, '0', 'a', '1', 'é').toString())
    expect(call(['a', '1'], ['b', '2']).toString()).toBe(plain(PUBLISH, '0', 'a', '1', 'b', '2').toString())
  })

  test.each([
    ['texts', text],
    ['texts and bytes', payload],
  ] as const)('of %s is byte for byte what the client would send', (_, arbitrary: fc.Arbitrary<Payload>) => {
    const message = fc.tuple(fc.constantFrom('a', 'é:1', '\ud83d'), arbitrary)
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 6 }), (messages) => {
        const [[channel]] = messages as [[string, Payload]]
        const alike = messages.every(([other]) => other === channel)
        const args = alike
          ? [PUBLISH_CHANNEL, '0', channel, ...messages.map(([, each]) => each)]
          : [PUBLISH, '0', ...messages.flat()]
        expect(call(...messages).equals(plain(...args))).toBe(true)
      }),
    )
  })
})
