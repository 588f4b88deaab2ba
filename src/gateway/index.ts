export {
  type ChannelAction,
  type ChannelRule,
  ClientFailure,
  type ClientRequest,
  type Gatekeeper,
  type GatewayLimits,
  type GatewayUser,
} from './contract.ts'
export { createGateway, type FetchInfo, type Gateway } from './gateway.ts'
export type { GatewayOptions } from './gateway-options.ts'
export type { HttpContext, HttpRoute } from './http/route.ts'
export type { RpcContext, RpcMethod } from './inbox-rpc.ts'
