import { HttpFailure } from './problem.ts'

/**
 * The text of a body; empty where there is none. Of one that is too large no more is taken: the connection ends with
 * the answer.
 * @throws HttpFailure 400, 413
 */
export async function readText({ headers, body }: Request, maxBytes: number): Promise<string> {
  if (body === null) return ''
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let bytes = Number(headers.get('content-length') ?? 0) > maxBytes ? Number.POSITIVE_INFINITY : 0
  while (bytes <= maxBytes) {
    const { value, done } = await reader.read().catch(() => {
      throw new HttpFailure(400, 'Bad Request', 'The body broke off.', 'INVALID_BODY')
    })
    if (done) return decode(chunks)
    bytes += value.byteLength
    chunks.push(value)
  }
  // Whoever feeds it need not go on.
  void reader.cancel().catch(() => {})
  const detail = `The body has more than ${maxBytes} bytes.`
  throw new HttpFailure(413, 'Content Too Large', detail, 'BODY_TOO_LARGE', { connection: 'close' }, { maxBytes })
}

function decode(chunks: readonly Uint8Array[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new HttpFailure(400, 'Bad Request', 'The body is no UTF-8.', 'INVALID_JSON')
  }
}
