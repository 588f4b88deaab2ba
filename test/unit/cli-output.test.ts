import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonLine, printable, quote } from '../../src/cli/escape.ts'
import { Json, Output } from '../../src/cli/output.ts'

// Controls of both sets, and what reorders or breaks a line of text.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
const DANGEROUS = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/

/** Undoes `quote`, as a shell's $'…' or a C compiler would. */
function unquote(quoted: string): number[] {
  const named: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, r: 13, '"': 0x22, '\\': 0x5c }
  return [...quoted.slice(1, -1).matchAll(/\\x(..)|\\(.)|(.)/g)].map(([, hex, name, plain]) => {
    if (hex !== undefined) return Number.parseInt(hex, 16)
    return name === undefined ? plain!.charCodeAt(0) : named[name]!
  })
}

function shown(format: 'terminal' | 'raw' | 'json', print: (output: Output) => void): string {
  const stream = new PassThrough()
  print(new Output(stream, format))
  return String(stream.read() ?? '')
}

describe('escaping', () => {
  it('quotes any bytes in printable ASCII, and loses none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(quote(bytes)).toMatch(/^"[ -~]*"$/)
        expect(unquote(quote(bytes))).toEqual([...bytes])
      }),
    )
  })

  it('writes any JSON without a control character, and loses nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const line = jsonLine(value)
        expect(line).not.toMatch(DANGEROUS)
        expect(JSON.stringify(JSON.parse(line))).toBe(JSON.stringify(value))
      }),
    )
  })

  it('shows text for people without a control character', () => {
    expect(printable('é 漢 \u001b[31m\u009b\u202e\n')).toBe('é 漢 \\u001b[31m\\u009b\\u202e\\u000a')
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void expect(printable(text)).not.toMatch(DANGEROUS)))
  })
})

describe('output', () => {
  it('numbers entries in a column that is as wide as the last number', () => {
    const names = Array.from({ length: 10 }, (_, index) => `c${index}`)
    const text = shown('terminal', (output) => output.print(names, {}))
    expect(text.split('\n').slice(0, 2)).toEqual([' 1) "c0"', ' 2) "c1"'])
    expect(text).toContain('\n10) "c9"\n')
  })

  it('gives one result in each form', () => {
    const print = (output: Output) =>
      output.print(['event', Buffer.from([0xff]), 2, new Json({ a: '\u001b' })], { kind: 'event', data: 2 })
    expect(shown('terminal', print)).toBe('1) "event"\n2) "\\xff"\n3) (integer) 2\n4) {"a":"\\u001b"}\n')
    expect(shown('raw', print)).toBe('event\n\ufffd\n2\n{"a":"\\u001b"}\n')
    expect(shown('json', print)).toBe('{"kind":"event","data":2}\n')
  })

  it('gives nothing at all for an empty list, except to a person', () => {
    expect(shown('terminal', (output) => output.print([], []))).toBe('(empty array)\n')
    expect(shown('raw', (output) => output.print([], []))).toBe('')
    expect(shown('json', (output) => output.print([], []))).toBe('')
  })
})
