export { type Client, type ClientState, createClient, type StateHandler } from './client.ts'
export { ClientError, type ClientErrorCode } from './client-error.ts'
export type { ClientEvent, ClientEvents, ClientSubscription, EventOptions, HistoryOptions } from './client-events.ts'
export type { ClientInbox } from './client-inbox.ts'
export type { ClientOptions, ClientTransport } from './client-options.ts'
export type { EventGap } from './event-channel.ts'
export type { InboxSummary } from './inbox-feed.ts'
export type {
  CommandOutcome,
  Event,
  InboxAnswer,
  InboxCounts,
  InboxFilter,
  InboxPage,
  InboxSync,
  ListOptions,
  Notification,
  NotificationAction,
  Preferences,
} from './server-types.ts'
