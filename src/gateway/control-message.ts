/** What all nodes are told to do with a user's clients. */
export type UserCommand = { readonly userId: string } & (
  | { readonly kind: 'disconnect'; readonly code?: number; readonly reason?: string }
  | { readonly kind: 'unsubscribe' | 'subscribe'; readonly channel: string }
  /** When it ends now. */
  | { readonly kind: 'refresh'; readonly expiresAtMs: number }
  /** Those whose token was issued by then are to go. */
  | { readonly kind: 'revoke'; readonly beforeMs: number }
)

/** What a client of one node has sent to another: commands, one a line. */
interface EmulationMessage {
  readonly kind: 'emulation'
  readonly session: string
  readonly data: string
}

export type ControlCommand = UserCommand | EmulationMessage

/** Reads what a node of this or another version has written; undefined for what is none, or is not known here. */
export function readControlCommand(text: string): ControlCommand | undefined {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof read !== 'object' || read === null) return undefined
  const { kind, userId, channel, code, reason, expiresAtMs, beforeMs, session, data } = read as Record<string, unknown>
  if (kind === 'emulation') return isText(session) && isText(data) ? { kind, session, data } : undefined
  if (!isText(userId)) return undefined
  switch (kind) {
    case 'disconnect':
      return { kind, userId, ...(isNumber(code) && { code }), ...(isText(reason) && { reason }) }
    case 'unsubscribe':
    case 'subscribe':
      return isText(channel) ? { kind, userId, channel } : undefined
    case 'refresh':
      return isNumber(expiresAtMs) ? { kind, userId, expiresAtMs } : undefined
    case 'revoke':
      return isNumber(beforeMs) ? { kind, userId, beforeMs } : undefined
    default:
      return undefined
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}
