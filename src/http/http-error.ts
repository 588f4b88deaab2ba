/** What a gateway answered instead of doing it. From its problem document (RFC 9457), where it sent one. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number
  /** Of the gateway, such as `NO_HISTORY`; `NO_ANSWER`, `TIMEOUT` or `ABORTED` where there was none, `INVALID_OPTION` where none was asked for; else `HTTP_<status>`. */
  readonly code: string
  readonly title: string
  readonly detail: string

  constructor(
    { status, code, title, detail }: Pick<HttpError, 'status' | 'code' | 'title' | 'detail'>,
    options?: ErrorOptions,
  ) {
    super(detail === '' ? title : `${title}: ${detail}`, options)
    this.status = status
    this.code = code
    this.title = title
    this.detail = detail
  }
}

/** The error of an answer that is none of success. */
export async function errorOf(response: Response): Promise<HttpError> {
  const { status } = response
  let document: { title?: unknown; detail?: unknown; code?: unknown } = {}
  try {
    // A proxy on the way may have answered, with anything.
    const value: unknown = await response.json()
    if (typeof value === 'object' && value !== null) document = value
  } catch {}
  const { title, detail, code } = document
  return new HttpError({
    status,
    code: typeof code === 'string' ? code : `HTTP_${status}`,
    title: typeof title === 'string' ? title : `The gateway answered with status ${status}`,
    detail: typeof detail === 'string' ? detail : '',
  })
}
