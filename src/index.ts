export { connect } from './connection/connect.ts'
export type { Connection } from './connection/connection.ts'
export type { ConnectionOptions, ConnectionSettings, QueueSettings, RedisOption } from './connection/options.ts'
export type { ProcessContext, PublishContext, ReceiveContext } from './core/diagnostics.ts'
export { type ErrorCode, TidingsError } from './core/errors.ts'
export type { Gap, GapListener, GapReason, Resumed } from './core/gap.ts'
export type { NotificationType } from './core/inbox.ts'
export type { CommandOutcome, InboxView } from './core/inbox-store.ts'
export type { Logger } from './core/logger.ts'
export type { MessageFormat } from './core/message.ts'
export type { Durability, Policies, Policy, Retention } from './core/policy.ts'
export type { ConnectionStatus } from './core/status.ts'
export type { AppendOptions, Receipt } from './messaging/append.ts'
export type { BufferOptions, Overflow } from './messaging/buffered-stream.ts'
export type { BusPolicies } from './messaging/bus-policies.ts'
export type { BusStatus, ErrorHandler } from './messaging/bus-reports.ts'
export type { Event } from './messaging/event.ts'
export { EventBus } from './messaging/event-bus.ts'
export type {
  EventBusOptions,
  HandlerOptions,
  OnceOptions,
  RequestOptions,
  StreamOptions,
} from './messaging/event-bus-options.ts'
export { defineEvent, type EventDefinition, type EventDefinitionOptions } from './messaging/event-definition.ts'
export type { HistoryOptions, StoredEvent } from './messaging/event-history.ts'
export type {
  DataArgument,
  EventOf,
  EventSchema,
  EventSource,
  EventTypeOf,
  InputOf,
  MatchingEvents,
  MatchingTypes,
  OutputOf,
  UntypedEvents,
} from './messaging/event-map.ts'
export type { EventStream } from './messaging/event-stream.ts'
export { Publisher, type PublisherOptions } from './messaging/publisher.ts'
export type { ReplayOptions, ReplayProgress, ReplayResult } from './messaging/replay.ts'
export type { Issue } from './messaging/schema.ts'
export type { SinceOption, SinceOptions } from './messaging/since-options.ts'
export {
  type MessageHandler,
  type PatternHandler,
  type SubscribeOptions,
  Subscriber,
  type SubscriberEvents,
  type SubscriberOptions,
} from './messaging/subscriber.ts'
export type { Subscription } from './messaging/subscription.ts'
export type { ChannelLabelRule } from './monitor/channel-labels.ts'
export type { ForeignMessages, ForeignWatch, ForeignWatchOptions } from './monitor/foreign-watch.ts'
export type { MetricsHandler } from './monitor/metrics-handler.ts'
export { Monitor, type MonitorOptions, type MonitorSnapshot } from './monitor/monitor.ts'
export { createMetrics, type Metrics, type MetricsOptions } from './monitor/prometheus.ts'
export type { AudienceTest } from './notifications/audiences.ts'
export type { BroadcastOptions, SentBroadcast } from './notifications/broadcasts.ts'
export type { TopicOptions, TopicResult } from './notifications/followed-topics.ts'
export type { MarkAllOptions } from './notifications/inbox-commands.ts'
export type { InboxFilter } from './notifications/inbox-page.ts'
export type { InboxAnswer, InboxPage, InboxSync } from './notifications/inbox-reader.ts'
export type { ListOptions } from './notifications/list-options.ts'
export type {
  BroadcastInput,
  InboxCounts,
  Notification,
  NotificationAction,
  NotificationInput,
} from './notifications/notification.ts'
export type { NotificationHandler, UserHandlerOptions } from './notifications/notification-handler.ts'
export type { LimitsInput, NotificationServiceOptions, RateLimit } from './notifications/notification-options.ts'
export { NotificationService } from './notifications/notification-service.ts'
export type { MutedInput, Preferences } from './notifications/preferences.ts'
export type { DedupeOptions, SendOptions, Sent } from './notifications/sender.ts'
export type { UserExport } from './notifications/user-export.ts'
export type { Position } from './protocol/position.ts'
