import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeFrame, encodeFrame } from '../../src/core/live-frame.ts'

const entries = fc
  .record({
    seq: fc.nat(),
    gen: fc.nat(),
    counter: fc.nat(),
    timeMs: fc.nat(),
    items: fc.array(fc.tuple(fc.string({ unit: 'binary', minLength: 1 }), fc.uint8Array()), { minLength: 1 }),
  })
  .map(({ seq, gen, counter, timeMs, items }) =>
    items.map(([channel, payload], index) => ({
      ...{ seq: seq + index, gen, counter, timeMs, channel: Buffer.from(channel).toString() },
      payload: Buffer.from(payload),
    })),
  )

test('a frame of a shared log is read as it was written, whatever the names and bytes', () => {
  fc.assert(
    fc.property(entries, (written) => {
      expect(decodeFrame(encodeFrame('epoch1', written, true), 'unused')).toEqual({ epoch: 'epoch1', entries: written })
    }),
  )
})

test("a frame of a channel's own log names no channel", () => {
  fc.assert(
    fc.property(entries, (written) => {
      const expected = written.map((entry) => ({ ...entry, channel: 'orders' }))
      expect(decodeFrame(encodeFrame('epoch1', written, false), 'orders')?.entries).toEqual(expected)
    }),
  )
})

test('what is no frame is refused, and never throws', () => {
  for (const text of ['', '\n', 'x\n\n', 'e 1 1 1 1\n0:5\nabc', 'e 1 1 1 1\n0:1\nabc', 'e 1 1 1\n0:0\n', '1 1 1 1 1']) {
    expect(decodeFrame(Buffer.from(text), 'orders')).toBeUndefined()
  }
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      decodeFrame(Buffer.from(bytes), 'orders')
    }),
  )
})

test.each(['', ':', '01', '-1:2', '5:-4', '1:0.5', '1e0:0', '0x1:0', '0:1  0:0', ' 0:1', '0:1 '])(
  'sizes written as %j are refused',
  (sizes) => {
    expect(decodeFrame(Buffer.from(`e 1 1 1 1\n${sizes}\na`), 'orders')).toBeUndefined()
  },
)
