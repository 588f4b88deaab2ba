export { connect } from './connection/connect.ts'
export type { Connection } from './connection/connection.ts'
export type { ConnectionOptions, ConnectionSettings, RedisOption } from './connection/options.ts'
export type { ProcessContext, PublishContext, ReceiveContext } from './core/diagnostics.ts'
export { type ErrorCode, TidingsError } from './core/errors.ts'
export type { Logger } from './core/logger.ts'
export type { MessageFormat } from './core/message.ts'
export type { ConnectionStatus } from './core/status.ts'
export { Publisher, type PublisherOptions } from './messaging/publisher.ts'
export {
  type MessageHandler,
  type PatternHandler,
  type SubscribeOptions,
  Subscriber,
  type SubscriberEvents,
  type SubscriberOptions,
} from './messaging/subscriber.ts'
export type { Subscription } from './messaging/subscription.ts'
