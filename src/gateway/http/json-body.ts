import { readText } from './body-text.ts'
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
