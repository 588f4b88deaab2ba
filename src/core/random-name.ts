const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz'
const LENGTH = 12

/** Asking the system for randomness is dear, so it is asked for that of many names at once. */
const bytes = new Uint8Array(64 * LENGTH)
let next = bytes.length

/** Twelve lowercase letters and digits at random: about 62 bits. For epochs and producers. */
export function randomName(): string {
  if (next === bytes.length) {
    crypto.getRandomValues(bytes)
    next = 0
  }
  let name = ''
  for (const end = next + LENGTH; next < end; next += 1) name += LETTERS[bytes[next]! % LETTERS.length]
  return name
}
