import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { openSecret } from './token-key.ts'

/** Values that only this deployment can have written: JSON with an HMAC-SHA256, as text for URLs and headers. */
export class SignedText {
  readonly #key: Uint8Array

  /**
   * @param purpose what is signed for one purpose is nothing for another, nor is it a token
   * @throws TidingsError `INVALID_OPTION`
   */
  constructor(secret: string, purpose: string) {
    this.#key = new Uint8Array(hkdfSync('sha256', openSecret(secret), 'tidings', purpose, 32))
  }

  sign(value: unknown): string {
    const body = Buffer.from(JSON.stringify(value)).toString('base64url')
    return `${body}.${this.#mac(body).toString('base64url')}`
  }

  /** Undefined for what was not signed here, or was changed. */
  read(text: string): unknown {
    const [body = '', mac = '', ...rest] = text.split('.')
    if (rest.length > 0) return undefined
    const given = Buffer.from(mac, 'base64url')
    const expected = this.#mac(body)
    // The text must be the one that was written: base64 has several for the same bytes.
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
    if (mac !== expected.toString('base64url')) return undefined
    return JSON.parse(Buffer.from(body, 'base64url').toString())
  }

  #mac(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest()
  }
}
