/**
 * Redis compares names byte by byte. A byte string holds one UTF-8 byte per character (all below U+0100), so that
 * ordinary string operations on it mean what Redis means. ASCII text is its own byte string.
 */
export function toByteString(text: string): string {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1')
}

/** The text of a byte string; bytes that are not UTF-8 show as U+FFFD. */
export function fromByteString(bytes: string): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString()
}

/** Anything beyond ASCII takes more UTF-8 bytes than characters. */
function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length
}
