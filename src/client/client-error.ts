const CODES = {
  1: 'TIMEOUT',
  2: 'CONNECTION_LOST',
  3: 'CLOSED',
  4: 'CLOSED',
  10: 'CONNECTION_LOST',
  11: 'CONNECTION_LOST',
  100: 'INTERNAL',
  101: 'UNAUTHORIZED',
  102: 'UNKNOWN_CHANNEL',
  103: 'PERMISSION_DENIED',
  104: 'METHOD_NOT_FOUND',
  105: 'ALREADY_SUBSCRIBED',
  106: 'LIMIT_EXCEEDED',
  107: 'BAD_REQUEST',
  108: 'NOT_AVAILABLE',
  109: 'TOKEN_EXPIRED',
  110: 'EXPIRED',
  111: 'TOO_MANY_REQUESTS',
  112: 'UNRECOVERABLE_POSITION',
} as const

/** `REFUSED` stands for codes that are the program's own: see `protocolCode`. */
export type ClientErrorCode =
  | (typeof CODES)[keyof typeof CODES]
  | 'ABORTED'
  | 'HANDLER_FAILED'
  | 'INVALID_EVENT'
  | 'INVALID_OPTION'
  | 'REFUSED'
  | 'UNSUBSCRIBED'

export interface ClientErrorOptions extends ErrorOptions {
  readonly protocolCode?: number | undefined
  readonly temporary?: boolean | undefined
  readonly channel?: string | undefined
}

/** What every call of a client rejects with. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  /** The number that the gateway gave. */
  readonly protocolCode: number | undefined
  /** The same may succeed later. */
  readonly temporary: boolean
  readonly channel: string | undefined

  constructor(code: ClientErrorCode, message: string, options: ClientErrorOptions = {}) {
    const { protocolCode, temporary, channel, ...rest } = options
    super(message, rest)
    this.code = code
    this.protocolCode = protocolCode
    this.temporary = temporary ?? (code === 'TIMEOUT' || code === 'CONNECTION_LOST')
    this.channel = channel
  }
}

/** Makes one of what the SDK rejects with: a plain object with a number. */
export function toClientError(cause: unknown, channel?: string): ClientError {
  if (cause instanceof ClientError) return cause
  const { code, message, temporary } = (cause ?? {}) as { code?: unknown; message?: unknown; temporary?: unknown }
  const number = typeof code === 'number' ? code : undefined
  const name = CODES[number as keyof typeof CODES] ?? 'REFUSED'
  const text = typeof message === 'string' && message !== '' ? message : name.toLowerCase().replaceAll('_', ' ')
  return new ClientError(name, channel === undefined ? text : `${channel}: ${text}`, {
    protocolCode: number !== undefined && number >= 100 ? number : undefined,
    temporary: temporary === true ? true : undefined,
    channel,
    ...(cause instanceof Error && { cause }),
  })
}
