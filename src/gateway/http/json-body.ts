import { HttpFailure } from './problem.ts'

export interface JsonBodyOptions {
  readonly maxBytes: number
  /** Whether it must say that it is JSON: what a page of another origin can send without asking does not. */
  readonly typed: boolean
}

/**
 * The body of a request, parsed; undefined where there is none.
 * @throws HttpFailure 400, 413, 415
 */
export async function readJson(request: Request, { maxBytes, typed }: JsonBodyOptions): Promise<unknown> {
  const text = await readText(request, maxBytes)
  if (text === '') return undefined
  if (typed && !isJson(request.headers.get('content-type'))) {
    throw new HttpFailure(415, 'Unsupported Media Type', 'The body must be application/json.', 'NOT_JSON')
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new HttpFailure(400, 'Bad Request', 'The body is no JSON.', 'INVALID_JSON')
  }
}

function isJson(type: string | null): boolean {
  return /^application\/json *(;|$)/i.test(type ?? '')
}

async function readText({ headers, body }: Request, maxBytes: number): Promise<string> {
  if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes)
  if (body === null) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  const reader = body.getReader()
  for (;;) {
    const chunk = await reader.read().catch(() => {
      throw new HttpFailure(400, 'Bad Request', 'The body broke off.', 'INVALID_BODY')
    })
    if (chunk.done) break
    bytes += chunk.value.byteLength
    // It is not cancelled: that would end the connection before the answer.
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk.value)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new HttpFailure(400, 'Bad Request', 'The body is no UTF-8.', 'INVALID_JSON')
  }
}

/** What is still to come of the body is not waited for: the connection ends with the answer. */
function tooLarge(maxBytes: number): HttpFailure {
  const detail = `The body has more than ${maxBytes} bytes.`
  return new HttpFailure(413, 'Content Too Large', detail, 'BODY_TOO_LARGE', { connection: 'close' }, { maxBytes })
}
