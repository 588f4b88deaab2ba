/** Twelve lowercase letters and digits at random: about 62 bits. For epochs and producers. */
export function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => (byte % 36).toString(36)).join('')
}
