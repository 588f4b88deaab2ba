import { TidingsError } from '../core/errors.ts'

/**
 * What travels on the channel: text as it is, bytes as they are, and anything else as JSON.
 * @throws TidingsError `INVALID_MESSAGE` for what has no JSON form, `MESSAGE_TOO_LARGE` beyond `maxBytes`
 */
export function encodePayload(message: unknown, maxBytes: number): string | Uint8Array {
  const payload = typeof message === 'string' || message instanceof Uint8Array ? message : toJson(message)
  checkSize(payload, maxBytes)
  return payload
}

export function toJson(message: unknown): string {
  let json: string | undefined
  try {
    json = JSON.stringify(message)
  } catch (cause) {
    throw new TidingsError('INVALID_MESSAGE', 'The message cannot be written as JSON.', {
      cause,
      hint: 'It must not be circular nor hold a BigInt. Nothing was sent.',
    })
  }
  if (json === undefined) {
    throw new TidingsError('INVALID_MESSAGE', `A message cannot be ${describe(message)}.`, {
      hint: 'Send a string, a Uint8Array, or a value that JSON can hold; null stands for nothing.',
    })
  }
  return json
}

function describe(message: unknown): string {
  return typeof message === 'object' ? 'an object without a JSON form' : `of type ${typeof message}`
}

/** @throws TidingsError `MESSAGE_TOO_LARGE` */
export function checkSize(payload: string | Uint8Array, maxBytes: number): void {
  // A UTF-16 unit is at most three bytes of UTF-8, so most messages need no count.
  if (payload.length <= maxBytes && (typeof payload !== 'string' || payload.length * 3 <= maxBytes)) return
  const bytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength
  if (bytes <= maxBytes) return
  throw new TidingsError('MESSAGE_TOO_LARGE', `The message has ${bytes} bytes; the limit is ${maxBytes}.`, {
    hint: 'Nothing was sent. Store large data elsewhere and send where it is, or raise maxBytes.',
    context: { bytes, maxBytes },
  })
}
