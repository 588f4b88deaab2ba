import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { decodeEvent, encodeEvent } from '../../src/messaging/event.ts'

const read = (message: unknown) => decodeEvent(message, 'events:x')

describe('writing an event', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('gives the JSON of type, timestamp and data, in this order', () => {
    vi.useFakeTimers({ now: Date.UTC(2024, 0, 2, 3, 4, 5, 678) })
    expect(encodeEvent('order.created', { id: 1 })).toBe(
      '{"type":"order.created","timestamp":"2024-01-02T03:04:05.678Z","data":{"id":1}}',
    )
  })

  it('takes the time of each call', () => {
    vi.useFakeTimers({ now: 0 })
    expect(encodeEvent('x', 1)).toContain('"1970-01-01T00:00:00.000Z"')
    vi.setSystemTime(1)
    expect(encodeEvent('x', 1)).toContain('"1970-01-01T00:00:00.001Z"')
    vi.setSystemTime(0)
    expect(encodeEvent('x', 1)).toContain('"1970-01-01T00:00:00.000Z"')
  })

  it('sends undefined as null', () => {
    expect(JSON.parse(encodeEvent('x', undefined))).toMatchObject({ data: null })
  })

  it('adds further members behind the data', () => {
    expect(Object.keys(JSON.parse(encodeEvent('x', 1, '"id":"7","replyTo":"r"')))).toEqual([
      'type',
      'timestamp',
      'data',
      'id',
      'replyTo',
    ])
  })

  it.each([
    ['a function', () => {}],
    ['a symbol', Symbol('s')],
    ['a bigint', 1n],
    ['a cycle', cycle()],
    ['toJSON that gives undefined', { toJSON: () => undefined }],
  ])('refuses %s', (_what, data) => {
    expect(() => encodeEvent('x', data)).toThrowError(expect.objectContaining({ code: 'INVALID_MESSAGE' }))
  })

  it('is read back as it was written, whatever the type and data', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.jsonValue(), (type, data) => {
        const event = read(JSON.parse(encodeEvent(type, data)))
        expect(event.type).toBe(type)
        expect(event.data).toEqual(JSON.parse(JSON.stringify(data)))
      }),
    )
  })
})

describe('reading an event', () => {
  const timestamp = '2024-01-02T03:04:05.678Z'

  it('takes type, timestamp and data and nothing else', () => {
    expect(read({ type: 'x', timestamp, data: { a: 1 }, id: '1', more: true })).toEqual({
      type: 'x',
      timestamp,
      data: { a: 1 },
    })
  })

  it('takes an event without data as one with null', () => {
    expect(read({ type: 'x', timestamp })).toEqual({ type: 'x', timestamp, data: null })
  })

  it.each([
    ['2024-01-02T03:04:05.678901', '2024-01-02T03:04:05.678901Z'],
    ['2024-01-02T03:04:05', '2024-01-02T03:04:05Z'],
    ['2024-01-02 03:04:05', '2024-01-02 03:04:05Z'],
    ['2024-01-02T03:04', '2024-01-02T03:04Z'],
  ])('takes a timestamp without a zone as UTC: %s', (given, expected) => {
    const event = read({ type: 'x', timestamp: given, data: 1 })
    expect(event.timestamp).toBe(expected)
    expect(new Date(event.timestamp).getUTCHours()).toBe(3)
  })

  it.each(['2024-01-02T03:04:05.678Z', '2024-01-02T03:04:05+02:00', '2024-01-02T03:04:05.123456+00:00'])(
    'leaves a timestamp with a zone as it is: %s',
    (given) => {
      expect(read({ type: 'x', timestamp: given, data: 1 }).timestamp).toBe(given)
    },
  )

  it.each([
    ['text', 'hello'],
    ['a number', 1],
    ['null', null],
    ['an array', [1]],
    ['no type', { timestamp, data: 1 }],
    ['an empty type', { type: '', timestamp, data: 1 }],
    ['a type that is no string', { type: 1, timestamp, data: 1 }],
    ['no timestamp', { type: 'x', data: 1 }],
    ['a number for a timestamp', { type: 'x', timestamp: 1_700_000_000, data: 1 }],
    ['words for a timestamp', { type: 'x', timestamp: 'yesterday', data: 1 }],
    ['a thirteenth month', { type: 'x', timestamp: '2024-13-02T03:04:05Z', data: 1 }],
  ])('finds no event in %s', (_what, message) => {
    expect(() => read(message)).toThrowError(
      expect.objectContaining({ code: 'INVALID_EVENT', context: { channel: 'events:x' } }),
    )
  })

  it('is not led astray by names of the object prototype', () => {
    const event = read(JSON.parse(`{"type":"x","timestamp":"${timestamp}","data":{"a":1},"__proto__":{"data":9}}`))
    expect(event).toEqual({ type: 'x', timestamp, data: { a: 1 } })
    expect(() => read(JSON.parse('{"__proto__":{"type":"x"}}'))).toThrow()
    expect(({} as Record<string, unknown>).type).toBeUndefined()
  })

  it('never throws anything but INVALID_EVENT', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (message) => {
        try {
          read(message)
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_EVENT' })
        }
      }),
    )
  })
})

function cycle(): unknown {
  const self: Record<string, unknown> = {}
  self.self = self
  return self
}
