import type { ChannelRule, Gatekeeper, GatewayUser } from '../../src/gateway/contract.ts'
import { ClientFailure } from '../../src/gateway/contract.ts'
import { CLIENT_ERRORS } from '../../src/protocol/codes.ts'

const RULE: ChannelRule = { recover: true, presence: true, joinLeave: true, slow: 'close' }

/** Lets everybody in: a token `user:<id>` says who, and `private:` channels are nobody's. */
export class OpenGatekeeper implements Gatekeeper {
  readonly rules: Record<string, Partial<ChannelRule>> = {}
  channels: readonly string[] = []
  expiresAtMs: number | undefined

  async connect(token: string | undefined): Promise<GatewayUser> {
    if (token === undefined) return { userId: '', claims: {} }
    if (token === 'expired') throw new ClientFailure(CLIENT_ERRORS.tokenExpired)
    if (!token.startsWith('user:')) throw new ClientFailure(CLIENT_ERRORS.unauthorized)
    const userId = token.slice('user:'.length).split('!')[0]!
    const { channels, expiresAtMs } = this
    return { userId, claims: { iat: Date.now() / 1_000 }, info: { name: userId }, channels, expiresAtMs }
  }

  async subscription(token: string, channel: string): Promise<{ expiresAtMs?: number; info?: unknown }> {
    if (token !== `sub:${channel}`) throw new ClientFailure(CLIENT_ERRORS.permissionDenied)
    return { info: { by: 'token' } }
  }

  rule(channel: string): ChannelRule {
    return { ...RULE, ...this.rules[channel] }
  }

  async allows(_action: string, channel: string): Promise<boolean> {
    return !channel.startsWith('private:')
  }

  allowsOrigin(): boolean {
    return true
  }
}
