export type { ChannelAccess, ChannelAccessTable, ClaimTest, Who } from './auth/channel-rules.ts'
export {
  type Authorize,
  type AuthorizeContext,
  type JwtGatekeeperOptions,
  jwtGatekeeper,
} from './auth/jwt-gatekeeper.ts'
export { type MintOptions, mintToken } from './auth/mint-token.ts'
export { defineConfig, type GatewayConfig } from './config/gateway-config.ts'
export {
  type ChannelAction,
  type ChannelRule,
  ClientFailure,
  type ClientRequest,
  DEFAULT_LIMITS,
  type Gatekeeper,
  type GatewayLimits,
  type GatewayUser,
} from './contract.ts'
export { createGateway, type FetchInfo, type Gateway } from './gateway.ts'
export type { GatewayOptions } from './gateway-options.ts'
export type { HttpContext, HttpRoute } from './http/route.ts'
export type { RpcContext, RpcMethod } from './inbox-rpc.ts'
export { type ServerRoutesOptions, serverRoutes } from './server-routes.ts'
