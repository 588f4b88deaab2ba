import { DISCONNECTS, type Disconnect, UNSUBSCRIBES } from '../protocol/codes.ts'
import type { ClientSession } from './client-session.ts'
import type { GatewayUser } from './contract.ts'
import type { UserCommand } from './control-message.ts'

/** Does what all nodes were told to do with a user's clients, for one of them. */
export function applyCommand(session: ClientSession, command: UserCommand): void {
  switch (command.kind) {
    case 'disconnect':
      session.close(reasonOf(command, DISCONNECTS.forceNoReconnect))
      break
    case 'revoke': {
      if ((issuedAt(session.user!.claims) ?? 0) <= command.beforeMs) session.close(DISCONNECTS.invalidToken)
      break
    }
    case 'unsubscribe':
      session.whenConnected(() => session.channels.end(command.channel, UNSUBSCRIBES.server))
      break
    case 'subscribe':
      session.whenConnected(() => session.subscribeByServer(command.channel))
      break
    case 'refresh':
      session.identify({ ...session.user!, expiresAtMs: command.expiresAtMs })
      break
  }
}

/** When a token was issued; of one that does not say, it is taken as before any revocation. */
export function issuedAt({ iat }: GatewayUser['claims']): number | undefined {
  return typeof iat === 'number' ? iat * 1_000 : undefined
}

function reasonOf({ code, reason }: { code?: number; reason?: string }, fallback: Disconnect): Disconnect {
  return code === undefined ? fallback : { code, reason: reason ?? fallback.reason }
}
