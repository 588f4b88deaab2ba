const NAMED = new Map<number, string>([
  [0x07, '\\a'],
  [0x08, '\\b'],
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
])

function quoteByte(byte: number): string {
  const named = NAMED.get(byte)
  if (named !== undefined) return named
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
}

/** Bytes in double quotes as redis-cli shows them: printable ASCII as it is, the rest as `\n`, `\"`, `\xff`. */
export function quote(value: string | Uint8Array): string {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  let quoted = '"'
  for (const byte of bytes) quoted += quoteByte(byte)
  return `${quoted}"`
}

// Controls (C0, DEL, C1), and the invisible marks that reorder or break a line of text.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const asUnicodeEscape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Text for people, on one line, that cannot steer a terminal: what is unprintable shows as `\u001b`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, asUnicodeEscape)
}

/** One line of JSON that cannot steer a terminal, and still parses to the same value. */
export function jsonLine(value: unknown): string {
  return printable(JSON.stringify(value) ?? 'null')
}
